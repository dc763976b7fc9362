import Foundation
import TensorCore
import Testing

/// Files that reference libraries wrote; the scripts in Scripts/fixtures name their versions.
enum FixtureFile {
  static func url(_ path: String) throws -> URL {
    let url = Bundle.module.resourceURL?.appendingPathComponent("Fixtures/" + path)
    return try #require(url)
  }

  static func data(_ path: String) throws -> Data { try Data(contentsOf: url(path)) }
}

/// Calls `body` with a folder that disappears afterwards.
func withTemporaryFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rampart-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}

/// The error that `body` throws, for a look at its kind and words.
func inputError(_ body: () throws -> Void) throws -> InputError {
  do {
    try body()
  } catch let error as InputError {
    return error
  }
  throw Missing()
}

private struct Missing: Error {}
