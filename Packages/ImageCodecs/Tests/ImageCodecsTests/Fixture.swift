import Foundation
import ImageCodecs
import TensorCore
import Testing

/// Files of every kind and what Pillow reads from them (Scripts/fixtures/make_image_fixtures.py).
struct Fixture {
  private let arrays: NPZFile

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/images", withExtension: "npz"))
    arrays = try NPZFile(contentsOf: url)
  }

  /// The names of all files, or of those that begin so.
  func names(_ prefix: String = "") -> [String] {
    arrays.names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".file") }.map { String($0.dropLast(5)) }
  }

  func file(_ name: String) throws -> Data {
    Data(try arrays.array(named: name + ".file").byteTensor().scalars)
  }

  /// An array `[height, width, channels]`.
  func image(_ name: String) throws -> Image {
    let pixels = try arrays.array(named: name).byteTensor()
    return Image(
      width: pixels.shape[1], height: pixels.shape[0], channels: pixels.shape[2], pixels: pixels.scalars)
  }
}

/// Compares sizes and then every sample.
func expectClose(
  _ image: Image, _ expected: Image, within tolerance: Int, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    [image.width, image.height, image.channels] == [expected.width, expected.height, expected.channels],
    comment, sourceLocation: sourceLocation)
  guard image.pixels.count == expected.pixels.count else { return }
  let differences = zip(image.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
  let worst = differences.indices.max { differences[$0] < differences[$1] } ?? 0
  #expect(
    differences[worst] <= tolerance,
    "sample \(worst): \(image.pixels[worst]), expected \(expected.pixels[worst]); \(comment?.rawValue ?? "")",
    sourceLocation: sourceLocation)
}
