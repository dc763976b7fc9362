internal import CPNG
import Foundation
import TensorCore

extension Image {
  /// Decodes a PNG file's bytes.
  ///
  /// Grey stays grey (1 channel), colour and palettes become RGB, either with transparency RGBA. Samples are 8-bit
  /// sRGB afterwards: 16-bit files are rounded and a gamma that a file states is converted, as browsers do it. An EXIF
  /// orientation is followed.
  ///
  /// - Parameter name: the file's name, for error messages.
  /// - Throws: `InputError`: `.damaged` when the bytes are no PNG or cut short or fail a checksum, `.unsupported`
  ///   beyond 100 million pixels.
  public init(pngData data: Data, name: String) throws {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(&header) }

    let stored = try data.withUnsafeBytes { bytes in
      func damaged() -> InputError {
        InputError(
          .damaged, name, expected: "a PNG file", found: Image.message(of: header, byteCount: bytes.count),
          remedy: "Fetch or write it again.")
      }
      // libpng takes no nil address.
      guard let start = bytes.baseAddress, png_image_begin_read_from_memory(&header, start, bytes.count) != 0
      else {
        throw damaged()
      }
      let (width, height) = (Int(header.width), Int(header.height))
      try Image.checkPixelCount(width: width, height: height, name: name)
      // Deflate shrinks at most 1032 times and a pixel takes at least a bit: a short file cannot hold a large image.
      guard width * height / 8 <= bytes.count * 1032 else {
        throw InputError(
          .damaged, name, expected: "a PNG file with \(width) × \(height) pixels as its header says",
          found: "\(bytes.count) bytes, too few for that", remedy: "Fetch or write it again.")
      }
      if header.format & png_uint_32(PNG_FORMAT_FLAG_LINEAR) != 0 {
        // Without a gamma of its own a 16-bit file is sRGB like an 8-bit one; libpng would take it as linear.
        header.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      }
      let hasAlpha = header.format & png_uint_32(PNG_FORMAT_FLAG_ALPHA) != 0
      let hasColor = header.format & png_uint_32(PNG_FORMAT_FLAG_COLOR) != 0
      let channels = hasAlpha ? 4 : hasColor ? 3 : 1
      header.format =
        channels == 4
        ? png_uint_32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
        : channels == 3 ? png_uint_32(PNG_FORMAT_FLAG_COLOR) : 0
      var pixels = [UInt8](repeating: 0, count: width * height * channels)
      guard png_image_finish_read(&header, nil, &pixels, 0, nil) != 0 else { throw damaged() }
      return Image(width: width, height: height, channels: channels, pixels: pixels)
    }
    self = stored.oriented(EXIF.orientation(inPNG: data))
  }

  /// The picture as a PNG file's bytes, 8 bits a sample, the same bytes every time.
  ///
  /// - Throws: `InputError.unsupported` beyond libpng's limit of a million pixels in a row or column.
  public func pngData() throws -> Data {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    header.width = png_uint_32(width)
    header.height = png_uint_32(height)
    header.format =
      channels == 4
      ? png_uint_32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
      : channels == 3 ? png_uint_32(PNG_FORMAT_FLAG_COLOR) : 0
    defer { png_image_free(&header) }

    // libpng's bound for incompressible rows, plus its fixed chunks and one chunk frame for each 8 KiB.
    let raw = pixels.count + height
    let deflated = raw + (raw + 7) >> 3 + (raw + 63) >> 6 + 11
    let bound = deflated + 12 * (deflated / 8192 + 2) + 256
    var byteCount = png_alloc_size_t(bound)
    var bytes = Data(count: bound)
    let succeeded = bytes.withUnsafeMutableBytes { buffer in
      png_image_write_to_memory(&header, buffer.baseAddress, &byteCount, 0, pixels, 0, nil)
    }
    guard succeeded != 0 else {
      throw InputError(
        .unsupported, "an image to be written as PNG", expected: "a size that PNG can hold",
        found: "\(width) × \(height): \(Image.message(of: header, byteCount: bound))")
    }
    return bytes.prefix(Int(byteCount))
  }

  /// Writes the picture as a PNG file, whole or not at all. Missing parent folders are made.
  ///
  /// - Throws: `InputError.unwritable` naming the path.
  public func writePNG(to url: URL) throws { try AtomicFile.write(pngData(), to: url) }

  /// libpng's own words on what went wrong.
  private static func message(of header: png_image, byteCount: Int) -> String {
    let text = withUnsafeBytes(of: header.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return text.isEmpty ? "\(byteCount) bytes that are none" : "\(byteCount) bytes (\(text))"
  }
}
