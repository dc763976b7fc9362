import Foundation
import TensorCore

/// Files of data sets as they lie in a folder, gzip or plain.
enum DataFile {
  /// What a file may hold at most when decompressed: more than any data set here needs.
  static let sizeLimit = 1 << 30

  /// The contents of a file, decompressed when they begin as gzip does.
  static func contents(of url: URL) throws -> Data {
    guard let data = try? Data(contentsOf: url) else {
      var isFolder: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
      throw InputError(
        .missing, url.path, expected: "a file that can be read",
        found: !exists ? "no such file" : isFolder.boolValue ? "a folder" : "one that may not be read")
    }
    return try decompressed(data, name: url.lastPathComponent)
  }

  static func decompressed(_ data: Data, name: String) throws -> Data {
    guard data.starts(with: [0x1f, 0x8b]) else { return data }
    return try Zlib.inflated(data, format: .gzip, name: name, limit: sizeLimit)
  }

  static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }
}
