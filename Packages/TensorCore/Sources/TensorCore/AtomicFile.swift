import Foundation

/// Files that appear whole or not at all.
public enum AtomicFile {
  /// Writes `data` to a temporary file beside `url`, syncs it, and renames it: a crash leaves the old file or the
  /// new one. Missing parent folders are made.
  ///
  /// - Throws: `InputError.unwritable` naming the path and the system's reason.
  public static func write(_ data: Data, to url: URL) throws {
    let folder = url.deletingLastPathComponent()
    let temporary = folder.appendingPathComponent(".\(url.lastPathComponent).\(UUID().uuidString).partial")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      guard FileManager.default.createFile(atPath: temporary.path, contents: nil) else {
        throw CocoaError(.fileWriteNoPermission)
      }
      let handle = try FileHandle(forWritingTo: temporary)
      try handle.write(contentsOf: data)
      try handle.synchronize()
      try handle.close()
      guard rename(temporary.path, url.path) == 0 else {
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
      }
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw InputError(
        .unwritable, url.path, expected: "a place that can be written", found: error.localizedDescription,
        remedy: "Choose another folder, or free space and permissions there.")
    }
  }

  /// Writes text as UTF-8, whole or not at all.
  public static func write(_ text: String, to url: URL) throws { try write(Data(text.utf8), to: url) }
}
