import Attacks
import AutoDiffLite
import Foundation
import TensorCore
import Testing

/// The classifier `Transparent` predicts the place of the largest input, so all counts are by hand.
@Suite struct JudgeTests {
  private static let key = RandomKey(seed: 53)

  private func rows(_ winners: [Int]) -> Tensor {
    Tensor(winners.map { winner in (0..<3).map { $0 == winner ? 0.75 : 0.25 } })
  }
  /// True labels, clean and changed predictions: two fooled, one safe, one mended by the change, one wrong throughout.
  private var batch: Batch { Batch(rows([0, 1, 0, 1, 1]), labels: [0, 1, 2, 0, 1], first: 20) }
  private var attack: Replacing<LInfBall> {
    Replacing(budget: LInfBall(radius: 0.5), result: rows([1, 1, 2, 1, 0]))
  }

  @Test func untargetedCounts() throws {
    let result = try judge(attack, against: Transparent(), on: batch, key: Self.key)
    #expect(result.attack == "replacing")
    #expect(result.cleanErrors == Proportion(successes: 2, count: 5))
    // a sample that the attack happens to mend was wrong, and stays counted
    #expect(result.robustErrors == Proportion(successes: 4, count: 5))
    #expect(result.cleanAccuracy == Proportion(successes: 3, count: 5))
    #expect(result.robustAccuracy == Proportion(successes: 1, count: 5))
    // only here the mended sample counts as right
    #expect(result.attackedAccuracy == Proportion(successes: 2, count: 5))
    #expect(result.records.map(\.isCorrect) == [true, true, false, false, true])
    #expect(result.records.map(\.isRobust) == [false, true, false, false, false])
    #expect(result.confusion(classCount: 3).counts == [[0, 2, 0], [1, 1, 0], [0, 0, 1]])
    #expect(result.successAmongCorrect == Proportion(successes: 2, count: 3))
    #expect(result.targetHits == nil)
    #expect(result.records.map(\.isSuccess) == [true, false, false, true, true])
    #expect(result.records.map(\.index) == [20, 21, 22, 23, 24])
    #expect(result.records.map(\.label) == [0, 1, 2, 0, 1])
    #expect(result.records.map(\.clean.label) == [0, 1, 0, 1, 1])
    #expect(result.records.map(\.adversarial.label) == [1, 1, 2, 1, 0])
  }

  // Samples that are of the target class cannot be turned into it: counted, they would flatter the attack.
  @Test func targetedCounts() throws {
    let result = try judge(
      attack, against: Transparent(), on: batch, targets: IntTensor([1, 1, 1, 1, 1]), key: Self.key)
    #expect(result.records.map(\.isSuccess) == [true, true, false, true, false])
    #expect(result.targetHits == Proportion(successes: 2, count: 3))
    // of the three first right, two are of the target class
    #expect(result.successAmongCorrect == Proportion(successes: 1, count: 1))
    #expect(result.records.allSatisfy { $0.target == 1 })
  }

  // Softmax of (3/4, 1/4, 1/4): 1 / (1 + 2 e^(−1/2)), and the others share the rest.
  @Test func confidencesAndNorms() throws {
    let result = try judge(
      attack, against: Transparent(), on: batch, targets: IntTensor([1, 1, 1, 1, 1]), key: Self.key)
    let (high, low) = (1 / (1 + 2 * exp(-0.5)), exp(-0.5) / (1 + 2 * exp(-0.5)))
    let first = result.records[0]
    #expect(abs(first.clean.confidence - high) < 1e-6 && abs(first.adversarial.confidence - high) < 1e-6)
    let change = try #require(first.targetConfidence)
    #expect(abs(change.before - low) < 1e-6 && abs(change.after - high) < 1e-6)
    #expect(first.norms.lInf == 0.5 && first.norms.l2 == 0.5.squareRoot() && first.norms.l1 == 1)
    let second = result.records[1].norms
    #expect(second.lInf == 0 && second.l2 == 0 && second.l1 == 0)
  }

  private func refusal(
    of attack: some Attack, by model: some Classifier = Transparent(), on batch: Batch
  ) throws -> String {
    let error = try #require(throws: InputError.self) {
      _ = try judge(attack, against: model, on: batch, key: Self.key)
    }
    #expect(error.kind == .outOfRange)
    return "\(error)"
  }

  @Test func inputsOutOfRangeAreRefused() throws {
    var inputs = rows([0, 1])
    inputs[1, 2] = 1.25
    let text = try refusal(of: attack, on: Batch(inputs, labels: [0, 1], first: 6))
    #expect(text.contains("sample 7") && text.contains("1.25") && text.contains("element 2"))
    inputs[1, 2] = .nan
    #expect(try refusal(of: attack, on: Batch(inputs, labels: [0, 1], first: 6)).contains("nan"))
  }

  /// Answers NaN for an input that is 0 throughout.
  private struct Silent: Classifier {
    var inputRange: ClosedRange<Float> { 0...1 }
    func logits(_ x: Variable) -> Variable { x / x.sum(alongAxis: 1).expanded(axis: 1) }
  }

  // NaN compares as no larger than anything: argmax would call the model wrong and the attack a success.
  @Test func modelsThatDoNotAnswerAreRefused() throws {
    var inputs = rows([0, 1])
    for i in 0..<3 { inputs[1, i] = 0 }
    let text = try refusal(
      of: FastGradient(budget: L2Ball(radius: 0.5)), by: Silent(),
      on: Batch(inputs, labels: [0, 1], first: 6))
    #expect(text.contains("clean sample 7") && text.contains("nan"))
    let later = try refusal(
      of: Replacing(budget: LInfBall(radius: 1), result: inputs), by: Silent(),
      on: Batch(rows([0, 1]), labels: [0, 1], first: 6))
    #expect(later.contains("changed sample 7") && later.contains("nan"))
  }

  // The judge does not believe the attack: one step of a Float beyond the budget or the range is found.
  @Test func attacksThatCheatAreRefused() throws {
    let batch = Batch(Tensor([[0.5, 0.5, 0.5], [0.5, 0.5, 0.75]]), labels: [0, 2], first: 3)
    func attempt(_ value: Float, radius: Float = 0.25) throws -> String {
      var result = batch.inputs
      result[1, 2] = value
      return try refusal(of: Replacing(budget: LInfBall(radius: radius), result: result), on: batch)
    }
    let left = try attempt(Float(0.5).nextDown)
    #expect(left.contains("sample 4") && left.contains("\(0.75 - Double(Float(0.5).nextDown))"))
    #expect(try attempt(Float(1).nextUp, radius: 1).contains("sample 4"))
    let broken = try attempt(.nan)
    #expect(broken.contains("sample 4") && broken.contains("nan") && broken.contains("replacing"))
    // exactly at the edge is allowed
    var edge = batch.inputs
    edge[1, 2] = 0.5
    _ = try judge(
      Replacing(budget: LInfBall(radius: 0.25), result: edge), against: Transparent(), on: batch,
      key: Self.key)
  }

  // Records of inputs that no attack made: neither budget nor range is asked for.
  @Test func recordsOfAnyChange() throws {
    let changed = batch.inputs + Tensor([[0, 2, 0]])
    let records = try attackRecords(
      Transparent(), batch: batch, changed: changed, targets: nil, goal: Untargeted(labels: batch.labels))
    #expect(records.map(\.adversarial.label) == [1, 1, 1, 1, 1])
    #expect(records.allSatisfy { $0.norms.lInf == 2 && $0.target == nil && $0.targetConfidence == nil })
  }

  @Test func otherShapesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = try judge(
        Replacing(budget: LInfBall(radius: 1), result: Tensor([[0, 1]])), against: Transparent(),
        on: Batch(Tensor([[0, 1, 0]]), labels: [1]), key: RandomKey(seed: 1))
    }
  }

  @Test func ratesOfNoSamples() {
    let nothing = AttackResult(attack: "none", records: [])
    #expect(nothing.cleanErrors.count == 0 && nothing.robustErrors.count == 0 && nothing.targetHits == nil)
  }
}
