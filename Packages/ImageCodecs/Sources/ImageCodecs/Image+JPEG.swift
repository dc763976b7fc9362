internal import CTurboJPEG
import Foundation
import TensorCore

extension Image {
  /// Decodes a JPEG file's bytes, baseline or progressive.
  ///
  /// Grey stays grey (1 channel), everything else becomes RGB. CMYK files (also as YCCK) hold inverted inks, as Adobe
  /// writes them, and become RGB by the product of light, as Pillow does it: `red = (255 − C) (255 − K) / 255`. A
  /// picture that a camera turned, by its EXIF orientation, is turned upright.
  ///
  /// - Parameter name: the file's name, for error messages.
  /// - Throws: `InputError`: `.damaged` when the bytes are no JPEG, cut short or inconsistent, `.unsupported`
  ///   beyond 100 million pixels.
  public init(jpegData data: Data, name: String) throws {
    guard let decoder = tjInitDecompress() else { preconditionFailure("libjpeg-turbo: out of memory") }
    defer { tjDestroy(decoder) }
    let stored = try data.withUnsafeBytes { bytes in
      func damaged(_ reason: String) -> InputError {
        InputError(
          .damaged, name, expected: "a JPEG file", found: "\(bytes.count) bytes (\(reason))",
          remedy: "Fetch or write it again.")
      }
      guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { throw damaged("an empty file") }
      let byteCount = UInt(bytes.count)
      var (width, height, subsampling, colorSpace): (Int32, Int32, Int32, Int32) = (0, 0, 0, -1)
      let status = tjDecompressHeader3(
        decoder, start, byteCount, &width, &height, &subsampling, &colorSpace)
      // It complains about rare ratios of subsampling after it has found all that is needed; decoding can do them.
      guard status == 0 || colorSpace >= 0 else { throw damaged(Image.lastMessage(of: decoder)) }
      // A file with tables only is a well-formed one, of no size.
      guard width > 0 && height > 0 else { throw damaged("it holds no picture") }
      let area = Int(width) * Int(height)
      try Image.checkPixelCount(width: Int(width), height: Int(height), name: name)
      // A block of 8 × 8 pixels takes at least a bit: a short file cannot hold a large image.
      guard area / 64 <= bytes.count * 8 else {
        throw damaged("too few for the \(width) × \(height) pixels of its header")
      }
      let isGrey = colorSpace == Int32(TJCS_GRAY.rawValue)
      let isInked = [TJCS_CMYK, TJCS_YCCK].contains { colorSpace == Int32($0.rawValue) }
      let format = isGrey ? TJPF_GRAY : isInked ? TJPF_CMYK : TJPF_RGB
      var pixels = [UInt8](repeating: 0, count: area * (isGrey ? 1 : isInked ? 4 : 3))
      let outcome = tjDecompress2(
        decoder, start, byteCount, &pixels, width, 0, height, Int32(format.rawValue),
        TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
      // Bytes left over between two markers harm nothing and are common; every other complaint means lost pixels.
      if outcome != 0, !Image.lastMessage(of: decoder).contains("extraneous bytes before marker") {
        throw damaged(Image.lastMessage(of: decoder))
      }
      return Image(
        width: Int(width), height: Int(height), channels: isGrey ? 1 : 3,
        pixels: isInked ? Image.lightOfInvertedInks(pixels) : pixels)
    }
    self = stored.oriented(EXIF.orientation(inJPEG: data))
  }

  /// The picture as a JPEG file's bytes, the same bytes every time. Alpha is not stored.
  ///
  /// - Parameters:
  ///   - quality: from 1, the smallest file, to 100; libjpeg's scale.
  ///   - subsamplesColor: whether two by two pixels share their colour differences (4:2:0), as is usual, or not (4:4:4).
  /// - Throws: `InputError.unsupported` beyond JPEG's limit of 65,535 pixels in a row or column.
  /// - Precondition: 1 ≤ quality ≤ 100.
  public func jpegData(quality: Int = 75, subsamplesColor: Bool = true) throws -> Data {
    precondition((1...100).contains(quality), "jpegData: quality \(quality) is outside 1...100")
    guard let encoder = tjInitCompress() else { preconditionFailure("libjpeg-turbo: out of memory") }
    defer { tjDestroy(encoder) }
    let format = channels == 1 ? TJPF_GRAY : channels == 3 ? TJPF_RGB : TJPF_RGBA
    let subsampling = channels == 1 ? TJSAMP_GRAY : subsamplesColor ? TJSAMP_420 : TJSAMP_444
    var file: UnsafeMutablePointer<UInt8>?
    var byteCount: UInt = 0
    defer { tjFree(file) }
    let status = tjCompress2(
      encoder, pixels, Int32(clamping: width), 0, Int32(clamping: height), Int32(format.rawValue), &file,
      &byteCount, Int32(subsampling.rawValue), Int32(quality), TJFLAG_ACCURATEDCT)
    guard status == 0, let file else {
      throw InputError(
        .unsupported, "an image to be written as JPEG", expected: "a size that JPEG can hold",
        found: "\(width) × \(height): \(Image.lastMessage(of: encoder))")
    }
    return Data(bytes: file, count: Int(byteCount))
  }

  /// libjpeg-turbo's own words on what went wrong.
  private static func lastMessage(of codec: tjhandle) -> String { String(cString: tjGetErrorStr2(codec)) }

  /// RGB of four samples a pixel, each 255 minus the ink, rounded as Pillow rounds.
  private static func lightOfInvertedInks(_ inks: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: inks.count / 4 * 3) { light, count in
      for pixel in 0..<(inks.count / 4) {
        let black = Int(inks[4 * pixel + 3])
        for channel in 0..<3 {
          let product = (255 - Int(inks[4 * pixel + channel])) * black + 128
          light[3 * pixel + channel] = UInt8(black - (product >> 8 + product) >> 8)
        }
      }
      count = inks.count / 4 * 3
    }
  }
}
