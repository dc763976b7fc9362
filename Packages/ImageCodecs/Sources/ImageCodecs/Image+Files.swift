import Foundation
import TensorCore

extension Image {
  /// More pixels than any image here has; a header that asks for more is refused before memory is taken.
  static let largestPixelCount = 100_000_000

  /// More bytes than a file with that many pixels has.
  private static let largestByteCount = 1 << 30

  /// Decodes a PNG or JPEG file's bytes, whichever they are by their first bytes; a name's ending does not matter.
  ///
  /// - Parameter name: the file's name, for error messages.
  /// - Throws: `InputError`: `.unsupported` for anything else, which is named where it is well known, otherwise as
  ///   `init(pngData:name:)` and `init(jpegData:name:)`.
  public init(data: Data, name: String) throws {
    if data.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      try self.init(pngData: data, name: name)
    } else if data.starts(with: [0xff, 0xd8]) {
      try self.init(jpegData: data, name: name)
    } else {
      throw InputError(
        .unsupported, name, expected: "a PNG or JPEG file", found: Image.description(of: data),
        remedy: "Convert it, or remove it.")
    }
  }

  /// Decodes a PNG or JPEG file.
  ///
  /// - Parameter name: what error messages call it; its path unless given.
  /// - Throws: `InputError`: `.missing` when the file cannot be read, `.unsupported` beyond 1 GiB, otherwise as
  ///   `init(data:name:)`.
  public init(contentsOf url: URL, name: String? = nil) throws {
    let name = name ?? url.path
    let data: Data
    do {
      let byteCount = try FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int ?? 0
      guard byteCount <= Image.largestByteCount else {
        throw InputError(
          .unsupported, name, expected: "an image file of at most \(Image.largestByteCount) bytes",
          found: "\(byteCount) bytes")
      }
      data = try Data(contentsOf: url)
    } catch let error as InputError {
      throw error
    } catch {
      throw InputError(
        .missing, name, expected: "a readable image file", found: error.localizedDescription,
        remedy: "Check the path.")
    }
    try self.init(data: data, name: name)
  }

  /// Refuses sizes that a header states and no image here has.
  static func checkPixelCount(width: Int, height: Int, name: String) throws {
    guard width * height <= largestPixelCount else {
      throw InputError(
        .unsupported, name, expected: "at most \(largestPixelCount) pixels",
        found: "a header for \(width) × \(height)", remedy: "Scale the image down.")
    }
  }

  /// What a file is that is no image, by its first bytes.
  private static func description(of data: Data) -> String {
    if data.isEmpty { return "an empty file" }
    let known: [(start: String, name: String)] = [
      ("GIF8", "GIF"), ("BM", "BMP"), ("II*\0", "TIFF"), ("MM\0*", "TIFF"), ("<svg", "SVG"), ("%PDF", "PDF"),
    ]
    if let found = known.first(where: { data.starts(with: Array($0.start.utf8)) }) {
      return "a \(found.name) file"
    }
    // RIFF and ISO media files say after a length what they hold.
    let kind = data.count >= 12 ? String(decoding: data.dropFirst(8).prefix(4), as: UTF8.self) : ""
    if data.starts(with: Array("RIFF".utf8)), kind == "WEBP" { return "a WebP file" }
    if ["avif", "heic", "mif1"].contains(kind) { return "a HEIF file" }
    let start = data.prefix(16)
    if start.allSatisfy({ (0x20..<0x7f).contains($0) || $0 == 9 || $0 == 10 || $0 == 13 }) {
      return
        "text: “\(String(decoding: start, as: UTF8.self).split(whereSeparator: \.isNewline).joined(separator: " "))”"
    }
    return "\(data.count) bytes that begin with "
      + start.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}
