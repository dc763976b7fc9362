import TensorCore
import Testing

@testable import Datasets

@Suite struct StratifiedSplitTests {
  /// Labels with so many samples of each class, spread out.
  static func labels(_ counts: [Int]) -> IntTensor {
    let sorted = counts.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
    return IntTensor(RandomKey(seed: 9).permutation(count: sorted.count).map { sorted[$0] })
  }

  static func counts(_ indices: [Int], _ labels: IntTensor) -> [Int] {
    indices.reduce(into: [Int](repeating: 0, count: 10)) { $0[labels[$1]] += 1 }
  }

  // The supports printed for a stratified fifth of the 70,000 MNIST images; four classes tie for the last places, so
  // another order among ties gives other numbers. They must hold for every key.
  @Test(arguments: [0, 42, 12345] as [UInt64]) func mnistSupports(seed: UInt64) throws {
    let labels = Self.labels([6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958])
    let split = try StratifiedSplit(labels: labels, holdingOut: 0.2, key: RandomKey(seed: seed))
    #expect(
      Self.counts(split.heldOut, labels) == [1381, 1575, 1398, 1428, 1365, 1263, 1375, 1459, 1365, 1391])
    #expect((split.kept + split.heldOut).sorted() == Array(0..<70_000))
  }

  // By hand: 3 of (5, 3, 2) are 1.5, 0.9 and 0.6: one, none, none and two more for the largest remainders.
  @Test func largestRemainders() {
    #expect(StratifiedSplit.shares(of: 3, among: [5, 3, 2]) == [1, 1, 1])
    // 2.5, 1.5 and 1.0: the lower class first.
    #expect(StratifiedSplit.shares(of: 5, among: [5, 3, 2]) == [3, 1, 1])
    // 0.2, 1.8 and 2.0.
    #expect(StratifiedSplit.shares(of: 4, among: [1, 9, 10]) == [0, 2, 2])
    #expect(StratifiedSplit.shares(of: 20, among: [1, 9, 10]) == [1, 9, 10])
  }

  @Test func fractionsAreRoundedUpButNotByRoundingError() throws {
    let labels = Self.labels([50, 50])
    #expect(try StratifiedSplit(labels: labels, holdingOut: 0.07, key: RandomKey(seed: 1)).heldOut.count == 7)
    #expect(
      try StratifiedSplit(labels: labels, holdingOut: 0.071, key: RandomKey(seed: 1)).heldOut.count == 8)
  }

  // Which samples are taken follows from the key, and the order is shuffled: neither sorted nor by class.
  @Test func keysChooseTheSamples() throws {
    let labels = Self.labels([100, 100])
    let split = try StratifiedSplit(labels: labels, holdingOut: 50, key: RandomKey(seed: 1))
    let again = try StratifiedSplit(labels: labels, holdingOut: 50, key: RandomKey(seed: 1))
    let other = try StratifiedSplit(labels: labels, holdingOut: 50, key: RandomKey(seed: 2))
    #expect(split.heldOut == again.heldOut && split.kept == again.kept)
    #expect(Set(split.heldOut) != Set(other.heldOut))
    for part in [split.heldOut, split.kept] {
      #expect(part != part.sorted())
      #expect(Set(part.prefix(20).map { labels[$0] }).count == 2)
    }
  }

  @Test func impossibleSplitsAreRefused() throws {
    let labels = Self.labels([5, 5])
    let key = RandomKey(seed: 1)
    for fraction in [0, 1, -0.5, .nan] {
      #expect(throws: InputError.self) { try StratifiedSplit(labels: labels, holdingOut: fraction, key: key) }
    }
    for count in [0, 1, 9, 10, 11] {
      #expect(throws: InputError.self) { try StratifiedSplit(labels: labels, holdingOut: count, key: key) }
    }
    #expect(throws: InputError.self) {
      try StratifiedSplit(labels: Self.labels([5, 1]), holdingOut: 2, key: key)
    }
    #expect(throws: InputError.self) { try StratifiedSplit(labels: IntTensor([]), holdingOut: 1, key: key) }
    #expect(throws: InputError.self) { try StratifiedSplit.folds(of: labels, count: 1, key: key) }
    #expect(throws: InputError.self) { try StratifiedSplit.folds(of: labels, count: 6, key: key) }
  }

  // 7 and 8 samples in 5 folds: 1 or 2 of each class a fold, 3 in all.
  @Test func folds() throws {
    let labels = Self.labels([7, 8])
    let folds = try StratifiedSplit.folds(of: labels, count: 5, key: RandomKey(seed: 1))
    #expect(folds.flatMap { $0 }.sorted() == Array(0..<15))
    for fold in folds {
      #expect(fold.count == 3 && fold == fold.sorted())
      #expect(Self.counts(fold, labels).prefix(2).allSatisfy { $0 == 1 || $0 == 2 })
    }
  }

  // Two cuts in a row, as a test set and then a validation set: disjoint, with original indices.
  @Test func sourcesSplitTwice() throws {
    let source = NumberedSamples(labels: Self.labels([50, 50]))
    let (rest, test) = try source.split(holdingOut: 0.2, key: RandomKey(seed: 1))
    let (train, validation) = try rest.split(holdingOut: 16, key: RandomKey(seed: 2))
    #expect([train.count, validation.count, test.count] == [64, 16, 20])
    #expect((train.sourceIndices + validation.sourceIndices + test.sourceIndices).sorted() == Array(0..<100))
    let ones = test.places(of: 1)
    #expect(ones.count == 10 && ones == ones.sorted() && ones.allSatisfy { test.labels[$0] == 1 })
    #expect(test.places(of: 7).isEmpty)
    let batch = try validation.batch(at: [0, 15])
    #expect(batch.inputs.scalars == batch.indices.map(Float.init))
    #expect(batch.indices == [validation.sourceIndices[0], validation.sourceIndices[15]])
  }

  // Labels 0 0 1 0 1 2 of seven classes: rounds (0, 1, 2), (0, 1), (0), each class's places ascending.
  @Test func placesOfEachClassInTurn() {
    let subset = LabeledImagesTests.images.subset(at: [0, 7, 1, 14, 8, 2])
    #expect(subset.placesInTurn == [0, 2, 5, 1, 4, 3])
    #expect(LabeledImagesTests.images.subset(at: []).placesInTurn.isEmpty)
  }
}
