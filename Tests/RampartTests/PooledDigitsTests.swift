import Datasets
import Foundation
import ProgramSupport
import TensorCore
import Testing

/// Document 0's division of all 70,000 images.
@Suite struct PooledDigitsTests {
  /// As many images of each digit as MNIST has, of one pixel each, in a mixed order.
  private static func labels() throws -> LabeledImages {
    let counts = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    let sorted = counts.enumerated().flatMap { [UInt8](repeating: UInt8($0.offset), count: $0.element) }
    let order = RandomKey(seed: 9).permutation(count: sorted.count)
    let bytes = try ImageBytes(
      pixels: ByteTensor(shape: [70_000, 1, 1], scalars: order.map { UInt8($0 % 256) }),
      labels: ByteTensor(shape: [70_000], scalars: order.map { sorted[$0] }), name: "labels")
    return try LabeledImages(bytes, classNames: (0..<10).map(String.init), name: "labels")
  }

  private static func check(_ digits: PooledDigits) {
    let parts = [digits.training, digits.validation, digits.test]
    #expect(parts.map(\.count) == [44_800, 11_200, 14_000])
    #expect(
      (0..<10).map { digits.test.places(of: $0).count }
        == [1381, 1575, 1398, 1428, 1365, 1263, 1375, 1459, 1365, 1391])
    #expect(parts.flatMap(\.sourceIndices).sorted() == Array(0..<70_000))
    // the second cut is stratified too: a fifth of what the first one left, to the nearest image
    for digit in 0..<10 {
      let (kept, judged) = (
        digits.training.places(of: digit).count, digits.validation.places(of: digit).count
      )
      #expect(abs(Double(judged) - 0.2 * Double(kept + judged)) < 1, "\(digit)")
    }
  }

  // D0.2, D0.27, D0.28: for every seed.
  @Test(arguments: [0, 42] as [UInt64]) func everySeedGivesTheDocumentsSupports(_ seed: UInt64) throws {
    Self.check(try PooledDigits(Self.labels(), seed: seed))
  }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Data/mnist")

  @Test(.enabled(if: FileManager.default.fileExists(atPath: folder.path), "no Data/mnist"))
  func realImagesHaveTheDocumentsSupports() throws {
    Self.check(try PooledDigits(MNIST.pooled(from: Self.folder), seed: 42))
  }

  // A checkpoint of another division or of other images must not be continued.
  @Test func digestsNameImagesAndDivision() throws {
    let images = SyntheticDigits.images(count: 200, key: RandomKey(seed: 1))
    let digest = try PooledDigits(images, seed: 1).digest
    #expect(try PooledDigits(images, seed: 1).digest == digest)
    #expect(try PooledDigits(images, seed: 2).digest != digest)
    let others = SyntheticDigits.images(count: 200, key: RandomKey(seed: 2))
    #expect(try PooledDigits(others, seed: 1).digest != digest)
  }
}
