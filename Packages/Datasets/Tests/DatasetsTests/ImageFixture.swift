import Foundation
import ImageCodecs
import TensorCore
import Testing

/// Pictures that Pillow and torchvision changed (Scripts/fixtures/make_image_fixtures.py).
struct ImageFixture {
  private let arrays: NPZFile

  init() throws { arrays = try NPZFile(contentsOf: Support.fixture("transforms.npz")) }

  /// The picture with this name, `[height, width, channels]`.
  func image(_ name: String) throws -> Image {
    let pixels = try arrays.array(named: name).byteTensor()
    return Image(
      width: pixels.shape[1], height: pixels.shape[0], channels: pixels.shape[2], pixels: pixels.scalars)
  }

  /// The pictures whose names begin with a word, with the numbers that follow it.
  func images(_ word: String) throws -> [(numbers: [Double], image: Image)] {
    try arrays.names.compactMap { name in
      let parts = name.split(separator: " ")
      let numbers = parts.dropFirst().compactMap { Double(String($0)) }
      guard parts.first == Substring(word), numbers.count == parts.count - 1 else { return nil }
      return (numbers, try image(name))
    }
  }
}

/// Compares two pictures sample by sample and names the first that differs.
func expectEqual(
  _ image: Image, _ expected: Image, _ comment: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  func size(_ image: Image) -> String { "\(image.width) × \(image.height) × \(image.channels)" }
  #expect(size(image) == size(expected), "\(comment)", sourceLocation: sourceLocation)
  guard size(image) == size(expected) else { return }
  let wrong = image.pixels.indices.filter { image.pixels[$0] != expected.pixels[$0] }
  if let first = wrong.first {
    Issue.record(
      """
      \(comment): \(wrong.count) of \(image.pixels.count) samples differ, sample \(first) first: \
      \(image.pixels[first]), expected \(expected.pixels[first])
      """, sourceLocation: sourceLocation)
  }
}
