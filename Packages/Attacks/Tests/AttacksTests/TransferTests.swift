import Attacks
import AutoDiffLite
import Foundation
import TensorCore
import Testing

/// The source predicts the place of the largest input; the target also, but with 0.3 added to the last place: all
/// counts are by hand.
@Suite struct TransferTests {
  private static let key = RandomKey(seed: 70)

  private struct Leaning: Classifier {
    var inputRange: ClosedRange<Float> = 0...1
    func logits(_ x: Variable) -> Variable { x + Variable(Tensor([0, 0, 0.3])) }
  }

  /// Rows whose place `winner` is `lead` above the others' 0.25.
  private struct Rows: BatchSource {
    var inputs: Tensor
    var labels: IntTensor
    init(_ rows: [(winner: Int, lead: Float)], labels: [Int]) {
      inputs = Self.tensor(rows)
      self.labels = IntTensor(labels)
    }
    static func tensor(_ rows: [(winner: Int, lead: Float)]) -> Tensor {
      Tensor(rows.map { row in (0..<3).map { $0 == row.winner ? 0.25 + row.lead : 0.25 } })
    }
    var count: Int { labels.count }
    var inputShape: Shape { [3] }
    var classCount: Int { 3 }
    func batch(at indices: [Int], epoch: Int) throws -> Batch {
      Batch(inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
    }
  }

  // sample   label   source clean, changed   target clean, changed
  //   0        0          0        1              0        1          fools both
  //   1        0          0        1              0        2          fools both
  //   2        0          0        1              2        1          fools both; the target was wrong before
  //   3        1          1        1              1        2          fools the target only
  //   4        1          0        0              0        0          both wrong before, and still
  //   5        2          2        2              2        2          fools neither
  //   6        2          2        1              2        2          fools the source only
  private let clean: [(Int, Float)] = [
    (0, 0.5), (0, 0.5), (0, 0.125), (1, 0.5), (0, 0.5), (2, 0.5), (2, 0.5),
  ]
  private let changed: [(Int, Float)] = [
    (1, 0.5), (1, 0.125), (1, 0.5), (1, 0.125), (0, 0.625), (2, 0.5), (1, 0.125),
  ]
  private let labels = [0, 0, 0, 1, 1, 2, 2]

  private func result(targets: [Int]? = nil) throws -> (AttackResult, Rows) {
    let rows = Rows(clean, labels: labels)
    let attack = Replacing(budget: LInfBall(radius: 0.5), result: Rows.tensor(changed))
    return try (
      judge(
        attack, against: Transparent(), on: rows, targets: targets.map { IntTensor($0) }, keepsInputs: true,
        key: Self.key), rows
    )
  }

  @Test(arguments: [1, 3, 250]) func untargetedRates(batchSize: Int) throws {
    let (attacked, rows) = try result()
    let transferred = try transfer(attacked, of: rows, to: Leaning(), batchSize: batchSize)
    #expect(transferred.attack == "replacing")
    #expect(transferred.source == attacked.records)
    #expect(transferred.target.map(\.clean.label) == [0, 0, 2, 1, 0, 2, 2])
    #expect(transferred.target.map(\.adversarial.label) == [1, 2, 1, 2, 0, 2, 2])
    #expect(transferred.sourceFooled == Proportion(successes: 5, count: 7))
    #expect(transferred.targetFooled == Proportion(successes: 5, count: 7))
    #expect(transferred.ratio == 1)
    #expect(transferred.rate == Proportion(successes: 4, count: 5))
    #expect(transferred.rateAmongCorrect == Proportion(successes: 2, count: 3))
  }

  // Towards class 1, which samples 3 and 4 are of: they are left out of every rate.
  @Test func targetedRates() throws {
    let (attacked, rows) = try result(targets: [1, 1, 1, 1, 1, 1, 1])
    let transferred = try transfer(attacked, of: rows, to: Leaning())
    #expect(transferred.sourceFooled == Proportion(successes: 4, count: 5))
    #expect(transferred.targetFooled == Proportion(successes: 2, count: 5))
    #expect(transferred.ratio == 0.5)
    #expect(transferred.rate == Proportion(successes: 2, count: 4))
    #expect(transferred.rateAmongCorrect == Proportion(successes: 1, count: 3))
  }

  // Sample 4 is wrong on both before, sample 2 on the target; after the attack both are wrong on 0, 1, 2 and 4, and
  // differ on 1. The bounds are those of 5/7 at 97.5 %, by SciPy 1.17.
  @Test func errorsInCommon() throws {
    let (attacked, rows) = try result()
    let transferred = try transfer(attacked, of: rows, to: Leaning())
    #expect(transferred.sharedCleanErrors == Proportion(successes: 1, count: 2))
    #expect(transferred.sameWrongClass == Proportion(successes: 3, count: 4))
    let interval = transferred.ratioInterval()
    #expect(abs(interval.lowerBound - 0.25482937457213667) < 1e-9)
    #expect(abs(interval.upperBound - 3.924194381746684) < 1e-9)
    let nothing = TransferResult(
      attack: "none", source: attacked.records.filter { $0.index == 5 },
      target: transferred.target.filter { $0.index == 5 })
    #expect(nothing.ratio.isNaN && nothing.ratioInterval().upperBound == .infinity)
  }

  // The other way round by the same hand: the second model is fooled by samples 0 to 4, of which 0, 1, 2 and 4 fool the
  // first; right on both when clean are 0, 1 and 3, of which 0 and 1 do.
  @Test func tableInBothDirections() throws {
    let attack = Replacing(budget: LInfBall(radius: 0.5), result: Rows.tensor(changed))
    let table = try transferTable(
      of: attack, among: [("first", Transparent()), ("second", Leaning())], on: Rows(clean, labels: labels),
      key: Self.key)
    #expect(table.attack == "replacing" && table.cells.map(\.source) == ["first", "second"])
    let there = try #require(table.result(from: "first", to: "second"))
    #expect(there.rate == Proportion(successes: 4, count: 5))
    #expect(there.rateAmongCorrect == Proportion(successes: 2, count: 3))
    let back = try #require(table.result(from: "second", to: "first"))
    #expect(back.source.map(\.clean.label) == [0, 0, 2, 1, 0, 2, 2])
    #expect(back.targetFooled == Proportion(successes: 5, count: 7))
    #expect(back.rate == Proportion(successes: 4, count: 5))
    #expect(back.rateAmongCorrect == Proportion(successes: 2, count: 3))
    #expect(table.result(from: "first", to: "first") == nil)
  }

  @Test func modelsOfOneNameAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = try transferTable(
        of: FastGradient(budget: LInfBall(radius: 0)), among: [("a", Transparent()), ("a", Transparent())],
        on: Rows([(0, 0.5)], labels: [0]), key: TransferTests.key)
    }
  }

  @Test func nothingFooled() throws {
    let nothing = TransferResult(attack: "none", source: [], target: [])
    #expect(nothing.rate.count == 0 && nothing.rateAmongCorrect.count == 0 && nothing.ratio.isNaN)
  }

  @Test func otherDataIsRefused() throws {
    let (attacked, rows) = try result()
    var other = rows
    other.labels = IntTensor([0, 0, 0, 1, 2, 2, 2])
    let error = try #require(throws: InputError.self) { _ = try transfer(attacked, of: other, to: Leaning()) }
    #expect(error.kind == .mismatch && "\(error)".contains("sample 4"))
    #expect(throws: InputError.self) {
      _ = try transfer(attacked, of: rows, to: Leaning(inputRange: 0...0.8))
    }
  }

  @Test func resultsWithoutInputsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let rows = Rows([(0, 0.5)], labels: [0])
      let attacked = try judge(
        FastGradient(budget: LInfBall(radius: 0)), against: Transparent(), on: rows, key: TransferTests.key)
      _ = try transfer(attacked, of: rows, to: Leaning())
    }
  }
}
