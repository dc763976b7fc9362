import Attacks
import TensorCore
import Testing

@Suite struct SuccessCurveTests {
  private func curve(_ successes: [Int]) -> SuccessCurve {
    SuccessCurve(
      settings: [0, 1, 3, 7], success: successes.map { Proportion(successes: $0, count: 10) })
  }

  // Rates 0, 0.2, 0.6, 0.6: 0.5 lies three quarters of the way from 1 to 3. A share that is met is no line, one above all
  // is not reached, and a curve that falls again keeps its first crossing.
  @Test func crossingsByHand() {
    #expect(curve([0, 2, 6, 6]).setting(reaching: 0.5) == 2.5)
    #expect(curve([0, 2, 6, 6]).setting(reaching: 0.2) == 1)
    #expect(curve([0, 2, 6, 6]).setting(reaching: 0.7) == nil)
    #expect(curve([3, 2, 6, 6]).setting(reaching: 0.3) == 0)
    #expect(curve([0, 8, 0, 9]).setting(reaching: 0.4) == 0.5)
    let none = SuccessCurve(settings: [1], success: [Proportion(successes: 0, count: 0)])
    #expect(none.setting(reaching: 0) == nil)
  }

  // Scores rise by ⅜ a step: from −0.5 the goal is reached after 2 steps, from −1.625 not within 4, and 0.25 begins there.
  @Test func stepsByHand() throws {
    let model = LinearModel(score: [1, -2], inputRange: 0...1)
    let x = Tensor([[0.5, 0.5], [0.25, 0.9375], [0.75, 0.25]])
    let attack = ProjectedGradient(
      budget: LInfBall(radius: 0.375), stepSize: 0.125, steps: 4, startsAtRandom: false)
    let keys = [RandomKey](repeating: RandomKey(seed: 1), count: 3)
    let found = attack.traced(x, against: model, goal: Targeted(target: 1, count: 3), keys: keys).trace
    let all = try #require(found).successByStep()
    #expect(all.settings == [0, 1, 2, 3, 4])
    #expect(all.success == [1, 1, 2, 2, 2].map { Proportion(successes: $0, count: 3) })
    let some = try #require(found).successByStep(of: [0, 1])
    #expect(some.success == [0, 0, 1, 1, 1].map { Proportion(successes: $0, count: 2) })
    #expect(some.setting(reaching: 0.5) == 2)
  }

  // Success is counted among the samples that are right at first: the third is not.
  @Test func radiiCountTheCorrect() throws {
    let model = LinearModel(score: [1, -2], inputRange: 0...1)
    let batch = Batch(
      inputs: Tensor([[0.5, 0.5], [0.25, 0.9375], [0.75, 0.25]]), labels: IntTensor([0, 0, 0]),
      indices: [0, 1, 2])
    let radii: [Float] = [0, 0.25, 0.75]
    let results = try judge(
      radii.map { FastGradient(budget: LInfBall(radius: $0)) }, against: model, on: batch,
      key: RandomKey(seed: 2))
    // the scores are −0.5 and −1.625 and rise by three radii: 0.25 turns the first, 0.75 both
    let curve = SuccessCurve(radii: radii, results: results)
    #expect(curve.success == [0, 1, 2].map { Proportion(successes: $0, count: 2) })
    #expect(curve.setting(reaching: 0.75) == 0.5)
  }

  @Test func unorderedSettingsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = SuccessCurve(settings: [1, 1], success: [Proportion([true]), Proportion([true])])
    }
  }
}
