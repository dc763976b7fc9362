import TensorCore
import Testing

@testable import Datasets

@Suite struct BatchMixingTests {
  /// Three images of 2 × 4, one channel, all pixels 0, 1 and 0.5.
  static let batch = Batch(
    inputs: Tensor(shape: [3, 1, 2, 4], scalars: [0, 1, 0.5].flatMap { [Float](repeating: $0, count: 8) }),
    labels: IntTensor([2, 0, 1]), indices: [7, 8, 9])

  // By hand: ¾ of each and ¼ of the one before; the first has the last before it.
  @Test func mixup() throws {
    let mixed = Mixup(alpha: 0.2, classCount: 3).mixed(Self.batch, share: 0.75)
    #expect(mixed.inputs[row: 0].scalars == [Float](repeating: 0.125, count: 8))
    #expect(mixed.inputs[row: 1].scalars == [Float](repeating: 0.75, count: 8))
    #expect(mixed.inputs[row: 2].scalars == [Float](repeating: 0.625, count: 8))
    #expect(mixed.targets?.scalars == [0, 0.25, 0.75, 0.75, 0, 0.25, 0.25, 0.75, 0])
    #expect(mixed.labels == Self.batch.labels && mixed.indices == Self.batch.indices)
    let kept = Mixup(alpha: 1, classCount: 3).mixed(Self.batch, share: 1)
    #expect(kept.inputs == Self.batch.inputs && kept.targets == .oneHot(Self.batch.labels, classes: 3))
  }

  // 1 row × 2 columns of 8 pixels: a quarter comes from the image before.
  @Test func cutMix() throws {
    let mixed = CutMix(classCount: 3).mixed(Self.batch, rows: 1..<2, columns: 1..<3)
    #expect(mixed.inputs[row: 0].scalars == [0, 0, 0, 0, 0, 0.5, 0.5, 0])
    #expect(mixed.inputs[row: 1].scalars == [1, 1, 1, 1, 1, 0, 0, 1])
    #expect(mixed.inputs[row: 2].scalars == [0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 0.5])
    #expect(mixed.targets?.scalars == [0, 0.25, 0.75, 0.75, 0, 0.25, 0.25, 0.75, 0])
    // Nothing pasted.
    let kept = CutMix(classCount: 3).mixed(Self.batch, rows: 1..<1, columns: 0..<4)
    #expect(kept.inputs == Self.batch.inputs && kept.targets == .oneHot(Self.batch.labels, classes: 3))
  }

  // CutMix after mixup mixes the mixed targets: rows still sum to 1.
  @Test func mixingTwice() {
    let once = Mixup(alpha: 1, classCount: 3).mixed(Self.batch, share: 0.75)
    let twice = CutMix(classCount: 3).mixed(once, rows: 0..<2, columns: 0..<2)
    #expect(twice.targets?.scalars == [0.125, 0.5, 0.375, 0.375, 0.125, 0.5, 0.5, 0.375, 0.125])
  }

  // Shares of Beta(1, 1) are uniform, those of Beta(0.2, 0.2) lie near the ends; what is drawn follows from the key.
  @Test func sharesFollowTheDistribution() {
    func shares(_ alpha: Double) -> [Float] {
      (0..<300).map { i in
        let key = RandomKey(seed: 3).derived(i)
        return Mixup(alpha: alpha, classCount: 3)(Self.batch, key: key).targets![0, 2]
      }
    }
    let uniform = shares(1)
    #expect((45...105).contains(uniform.filter { $0 < 0.25 }.count))
    #expect(shares(0.2).filter { $0 < 0.1 || $0 > 0.9 }.count > 180)
    #expect(uniform == shares(1))
  }

  // The label's share is what remains of the image, for rectangles anywhere, cut at the edges or not.
  @Test func areasAndSharesAgree() {
    let batch = Batch(
      inputs: Tensor(shape: [2, 1, 8, 6], scalars: [0, 1].flatMap { [Float](repeating: $0, count: 48) }),
      labels: IntTensor([2, 0]), indices: [0, 1])
    var positions: Set<Int> = []
    for i in 0..<200 {
      let mixed = CutMix(classCount: 3)(batch, key: RandomKey(seed: 4).derived(i))
      let pixels = mixed.inputs[row: 1].scalars
      #expect(abs(mixed.targets![1, 0] - pixels.reduce(0, +) / 48) < 1e-6)
      positions.formUnion((0..<48).filter { pixels[$0] == 0 })
    }
    #expect(positions.count == 48)
  }
}
