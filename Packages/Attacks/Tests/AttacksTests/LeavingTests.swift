import Attacks
import Foundation
import TensorCore
import Testing

/// Samples that leave the batch when they reach the goal.
@Suite struct LeavingTests {
  private static let key = RandomKey(seed: 70)
  private let model = Rowwise(classes: 4, inputs: 20, key: key)
  private let x = Tensor.uniform(shape: [40, 20], key: key.derived("x"))
  private let keys = (0..<40).map { key.derived($0) }
  private var goal: Untargeted { Untargeted(labels: model.logits(x).argmax(alongAxis: 1)) }

  private func attack<Allowed: Budget>(
    _ budget: Allowed, steps: Int = 8, restarts: Int = 1, keepsBest: Bool = false, leaves: Bool
  ) -> ProjectedGradient<Allowed> {
    ProjectedGradient(
      budget: budget, stepSize: budget.radius / 4, steps: steps, restarts: restarts, keepsBest: keepsBest,
      leavesWhenReached: leaves)
  }

  private func budget(_ kind: VectorNorm) -> any Budget {
    ball(kind, radius: kind == .lInf ? 0.08 : kind == .l2 ? 0.25 : 0.7)
  }

  // What a sample would be at the moment of its success, or else at the end, bit by bit: whatever else leaves.
  @Test(arguments: VectorNorm.allCases) func resultsAreThoseOfTheMomentOfSuccess(_ kind: VectorNorm) throws {
    func check(_ budget: some Budget) throws {
      let whole = attack(budget, leaves: false)
      let trace = try #require(whole.traced(x, against: model, goal: goal, keys: keys).trace)
      let moments = trace.stepsToSuccess
      #expect(Set(moments.compactMap { $0 }).count > 2 && moments.contains(nil), "\(moments)")
      let points = (0...8).map { steps in
        attack(budget, steps: steps, leaves: false).perturb(x, against: model, goal: goal, keys: keys)
      }
      let left = attack(budget, leaves: true).perturb(x, against: model, goal: goal, keys: keys)
      for (sample, moment) in moments.enumerated() {
        #expect(left[row: sample] == points[moment ?? 8][row: sample], "\(budget), sample \(sample)")
      }
      // a goal that cannot be cut, and a trace on the way, change nothing
      #expect(
        attack(budget, leaves: true).perturb(x, against: model, goal: Whole(goal: goal), keys: keys) == left)
      let (traced, leavingTrace) = attack(budget, leaves: true).traced(
        x, against: model, goal: goal, keys: keys)
      #expect(traced == left && leavingTrace?.stepsToSuccess == moments)
    }
    try check(budget(kind))
  }

  // Later runs are for those that no earlier one has brought to the goal, with the same draws.
  @Test(arguments: [false, true]) func restartsAreForTheOthers(keepsBest: Bool) throws {
    let ball = LInfBall(radius: 0.08)
    let whole = attack(ball, steps: 3, restarts: 4, keepsBest: keepsBest, leaves: false)
    let leaving = attack(ball, steps: 3, restarts: 4, keepsBest: keepsBest, leaves: true)
    let (all, trace) = whole.traced(x, against: model, goal: goal, keys: keys)
    let moments = try #require(trace).stepsToSuccess
    #expect(moments.contains { $0.map { $0 >= 3 } ?? false } && moments.contains(nil))
    let (left, leavingTrace) = leaving.traced(x, against: model, goal: goal, keys: keys)
    #expect(leavingTrace?.stepsToSuccess == moments)
    let reached = goal.isReached(model.logits(left))
    for (sample, moment) in moments.enumerated() {
      #expect(reached[sample] == (moment != nil))
      if moment == nil { #expect(left[row: sample] == all[row: sample], "sample \(sample)") }
    }
  }

  // What it is for: a sample costs as many rows as it takes steps, and its first point.
  @Test func batchesShrink() throws {
    let ball = LInfBall(radius: 0.08)
    let moments = try #require(
      attack(ball, leaves: false).traced(x, against: model, goal: goal, keys: keys).trace
    ).stepsToSuccess
    let counter = QueryCounter(model)
    let labels = goal
    _ = attack(ball, leaves: true).perturb(x, against: counter, goal: labels, keys: keys)
    // the last point is not looked at: success there or none, it is the result
    #expect(counter.take().forwards == moments.reduce(0) { $0 + min(($1 ?? 8) + 1, 8) })
    _ = attack(ball, leaves: false).perturb(x, against: counter, goal: labels, keys: keys)
    #expect(counter.take().forwards == 40 * 8)
    // nothing is asked any more once all have left
    let easy = Untargeted(labels: IntTensor([Int](repeating: 3, count: 40)))
    let fallen = (0..<40).filter { easy.isReached(model.logits(x))[$0] }
    _ = attack(LInfBall(radius: 0), restarts: 3, leaves: true).perturb(
      x.gathered(rows: fallen), against: counter,
      goal: Untargeted(labels: easy.labels.gathered(rows: fallen)), keys: fallen.map { keys[$0] })
    #expect(counter.take() == .init(forwards: fallen.count, gradients: fallen.count))
  }

  @Test func targetsFollowTheirSamples() {
    let targets = IntTensor((0..<40).map { (model.logits(x).argmax(alongAxis: 1)[$0] + 1) % 4 })
    let goal = Targeted(targets: targets)
    let left = attack(LInfBall(radius: 0.15), leaves: true).perturb(x, against: model, goal: goal, keys: keys)
    let all = attack(LInfBall(radius: 0.15), keepsBest: true, leaves: false)
      .perturb(x, against: model, goal: goal, keys: keys)
    let reached = goal.isReached(model.logits(left))
    #expect(reached == goal.isReached(model.logits(all)))
    #expect(reached.contains(true) && reached.contains(false))
  }

  @Test func noSamples() {
    let none = attack(LInfBall(radius: 0.1), restarts: 2, leaves: true).perturb(
      .zeros(shape: [0, 20]), against: model, goal: Untargeted(labels: IntTensor([Int]())), keys: [])
    #expect(none.shape == [0, 20])
  }
}
