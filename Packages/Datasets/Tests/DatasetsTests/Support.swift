import Datasets
import Foundation
import TensorCore
import Testing

enum Support {
  /// A folder or file of the committed fixtures (Scripts/fixtures/make_dataset_fixtures.py).
  static func fixture(_ name: String) throws -> URL {
    try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil))
  }

  /// Calls `body` with a new empty folder and removes it afterwards.
  static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "datasets-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  /// The collection of the fixtures: 6 training and 4 test images.
  static let tiny = ImageCollection(
    name: "Tiny", folderName: "tiny", classNames: (0...9).map(String.init), trainCount: 6)

  /// Pixel (row, column) of its image i.
  static func pixel(_ i: Int, _ row: Int, _ column: Int) -> UInt8 { UInt8((37 * i + 5 * row + column) % 256) }

  /// Reads every truncation and 2,000 byte flips of a file: each is read or refused with an `InputError`.
  static func survivesDamage(_ data: Data, reading read: (Data) throws -> Void) {
    var source = RandomSource(key: RandomKey(seed: 42).derived("damage"))
    let flips = (0..<2000).map { _ in
      var damaged = data
      damaged[source.index(below: data.count)] ^= UInt8(1 + source.index(below: 255))
      return damaged
    }
    for damaged in (0..<min(data.count, 500)).map({ data.prefix($0) }) + flips {
      do { try read(damaged) } catch { #expect(error is InputError) }
    }
  }
}

/// Labels without pixels, as a source: its one pixel is the sample's index.
struct NumberedSamples: LabeledSource {
  let labels: IntTensor

  var count: Int { labels.count }
  var inputShape: Shape { [1] }
  var classCount: Int { 10 }

  func batch(at indices: [Int], epoch: Int) -> Batch {
    Batch(
      inputs: Tensor(shape: [indices.count, 1], scalars: indices.map(Float.init)),
      labels: labels.gathered(rows: indices), indices: indices)
  }
}
