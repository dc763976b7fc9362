import Attacks
import AutoDiffLite
import Foundation
import TensorCore
import Testing

@Suite struct AttackTraceTests {
  private static let key = RandomKey(seed: 71)

  // Up a linear score s every point is known: ⅛ a step in a ball of ⅜. The target's cross-entropy is log(1 + e^−s).
  @Test func everyPointByHand() throws {
    let model = LinearModel(score: [1, -2], inputRange: 0...1)
    let x = Tensor([[0.5, 0.5], [0.25, 0.9375]])
    let attack = ProjectedGradient(
      budget: LInfBall(radius: 0.375), stepSize: 0.125, steps: 4, startsAtRandom: false)
    let (changed, found) = attack.traced(
      x, against: model, goal: Targeted(target: 1, count: 2), keys: [Self.key, Self.key])
    let trace = try #require(found)
    #expect(trace.steps == 4 && trace.runs == 1 && trace.count == 2)
    // the second stands at 0.25 − 2 · 0.9375 at first and reaches 0.625 − 2 · 0.5625
    let scores = [[-0.5, -0.125, 0.25, 0.625, 0.625], [-1.625, -1.25, -0.875, -0.5, -0.5]]
    for step in 0...4 {
      for (sample, point) in trace.points(step: step).enumerated() {
        let score = scores[sample][step]
        #expect(abs(Double(point.objective) + log1p(exp(-score))) < 1e-6, "step \(step), sample \(sample)")
        #expect(point.isReached == (score > 0))
        #expect(point.distance == min(0.125 * Double(step), 0.375))
      }
    }
    #expect(trace.stepsToSuccess == [2, nil])
    #expect(changed == Tensor([[0.875, 0.125], [0.625, 0.5625]]))
  }

  /// Reached between two numbers, but climbing on beyond them.
  private struct Window: Goal {
    func isReached(_ logits: Tensor) -> [Bool] { logits.scalars.map { $0 > 0.3 && $0 < 0.5 } }
    func objective(_ logits: Variable) -> Variable { logits.sum(alongAxis: 1) }
  }

  // The first success counts, although the run loses it again.
  @Test func successesThatAreLost() throws {
    let attack = ProjectedGradient(
      budget: LInfBall(radius: 1), stepSize: 0.25, steps: 3, startsAtRandom: false)
    let x = Tensor([[0.125], [0.55], [0.375]])
    let (changed, found) = attack.traced(
      x, against: Transparent(), goal: Window(), keys: (0..<3).map { Self.key.derived($0) })
    let trace = try #require(found)
    #expect(trace.stepsToSuccess == [1, nil, 0])
    #expect(changed == Tensor([[0.875], [1], [1]]))
    #expect(trace.points(step: 3).map(\.isReached) == [false, false, false])
  }

  // Looking on changes nothing, whatever the settings; steps are counted through all runs.
  @Test(arguments: [1, 3], [false, true]) func tracesLookOn(restarts: Int, keepsBest: Bool) throws {
    let model = Rowwise(classes: 4, inputs: 20, key: Self.key)
    let x = Tensor.uniform(shape: [15, 20], key: Self.key.derived("x"))
    let keys = (0..<15).map { Self.key.derived($0) }
    let goal = Untargeted(labels: model.logits(x).argmax(alongAxis: 1))
    for leaves in [false, true] {
      let attack = ProjectedGradient(
        budget: L2Ball(radius: 0.3), stepSize: 0.1, steps: 4, restarts: restarts, keepsBest: keepsBest,
        leavesWhenReached: leaves)
      let (changed, found) = attack.traced(x, against: model, goal: goal, keys: keys)
      #expect(changed == attack.perturb(x, against: model, goal: goal, keys: keys), "\(attack)")
      let trace = try #require(found)
      let steps = trace.stepsToSuccess
      for sample in 0..<15 {
        var first: Int?
        for run in 0..<restarts {
          for step in 0...4 where first == nil && trace.points(run: run, step: step)[sample].isReached {
            first = 4 * run + step
          }
        }
        #expect(steps[sample] == first)
      }
      for run in 0..<restarts {
        for step in 0...4 {
          #expect(trace.points(run: run, step: step).allSatisfy { $0.distance <= Double(Float(0.3)) })
        }
      }
      if restarts > 1 && !leaves {
        // another start, and not the last run's end
        #expect(trace.points(run: 1, step: 0) != trace.points(run: 0, step: 0))
        #expect(trace.points(run: 1, step: 0) != trace.points(run: 0, step: 4))
      }
    }
  }

  // The judge hands traces on, batch by batch, in the order of the samples; without being asked it makes none.
  @Test func judgedTraces() throws {
    let clouds = Clouds(count: 61)
    let model = Rowwise(classes: 3, inputs: 2, key: Self.key)
    let attack = ProjectedGradient(budget: LInfBall(radius: 0.2), stepSize: 0.05, steps: 4)
    let whole = try judge(
      attack, against: model, on: clouds.batch(at: Array(0..<61)), traces: true, key: Self.key)
    let trace = try #require(whole.trace)
    #expect(trace.count == 61)
    for size in [1, 7, 61] {
      let result = try judge(attack, against: model, on: clouds, batchSize: size, traces: true, key: Self.key)
      #expect(result.trace == trace && result.records == whole.records)
    }
    let end = trace.points(step: 4)
    #expect(
      zip(end, whole.records).allSatisfy { $0.isReached == $1.isSuccess && $0.distance == $1.norms.lInf })
    #expect(try judge(attack, against: model, on: clouds, key: Self.key).trace == nil)
    let single = try judge(
      FastGradient(budget: L1Ball(radius: 0.2)), against: model, on: clouds, traces: true, key: Self.key)
    #expect(single.trace?.steps == 1 && single.trace?.points(step: 0).allSatisfy { $0.distance == 0 } == true)
    // an attack without steps has nothing to tell
    let fixed = Replacing(budget: LInfBall(radius: 1), result: clouds.inputs)
    let batch = try clouds.batch(at: Array(0..<61))
    #expect(try judge(fixed, against: model, on: batch, traces: true, key: Self.key).trace == nil)
  }

  @Test func pointsThatAreNotThereAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let trace = FastGradient(budget: LInfBall(radius: 1)).traced(
        Tensor([[0.5, 0.5]]), against: Transparent(), goal: Untargeted(labels: IntTensor([0])),
        keys: [RandomKey(seed: 1)]
      ).trace
      _ = trace?.points(step: 2)
    }
  }
}
