import Attacks
import Foundation
import TensorCore
import Testing

@Suite struct WorstCaseTests {
  private static let key = RandomKey(seed: 80)

  /// Moves the samples with these first elements, and looks at how many it is asked about.
  private struct Moving: Attack {
    var budget: LInfBall
    /// The value of each input's last element, which no attack changes, to the change of its first.
    var moves: [Float: Float]
    func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor {
      var changed = x
      for i in 0..<x.shape[0] { changed[i, 0] += moves[x[i, 2]] ?? 0 }
      return changed
    }
    var description: String { "moving \(moves.keys.sorted())" }
  }

  // `Transparent` predicts the place of the largest element. By hand: sample 0 is wrong at once, the first attack fells
  // sample 1, the second sample 2 (and would have moved 1 back), no attack sample 3, which keeps the larger objective.
  @Test func eachSampleFallsToTheFirstThatBreaksIt() throws {
    let x = Tensor([[0.5, 0.25, 0.125], [0.25, 0.5, 0.1875], [0.25, 0.5, 0], [0.25, 0.75, 0.0625]])
    let batch = Batch(x, labels: [1, 1, 1, 1], first: 7)
    let ball = LInfBall(radius: 0.5)
    let first = Moving(budget: ball, moves: [0.1875: 0.5, 0.0625: 0.375])
    let second = Moving(budget: ball, moves: [0.1875: 0.125, 0: 0.375, 0.0625: 0.125])
    let worst = WorstCase([first, second])
    let result = try judge(worst, against: Transparent(), on: batch, traces: true, key: Self.key)
    #expect(
      result.adversarialInputs
        == Tensor([[0.5, 0.25, 0.125], [0.75, 0.5, 0.1875], [0.625, 0.5, 0], [0.625, 0.75, 0.0625]]))
    #expect(result.trace?.runsToSuccess == [0, 1, 2, nil])
    let components = worst.components(of: result)
    #expect(
      components.map(\.attack) == [
        "unchanged input", "moving [0.0625, 0.1875]", "moving [0.0, 0.0625, 0.1875]",
      ])
    #expect(
      components.map(\.reached) == [4, 3, 2].map { Proportion(successes: 1, count: $0) })
    #expect(
      components.map(\.standing) == [3, 2, 1].map { Proportion(successes: $0, count: 4) })
    #expect(result.robustAccuracy == components[2].standing)
    #expect(result.attack == "worst case of (\(first)), (\(second))")
    // a goal that cannot be cut changes nothing
    let whole = worst.perturb(
      x, against: Transparent(), goal: Whole(goal: Untargeted(labels: batch.labels)), key: Self.key)
    #expect(whole == result.adversarialInputs)
  }

  private static func attacks<Ball: NormBall>(_ ball: Ball) -> [any Attack<Ball>] {
    [
      FastGradient(budget: ball),
      ProjectedGradient(budget: ball, stepSize: ball.radius / 4, steps: 6, restarts: 2),
    ]
  }

  // Never better for the model than any attack of the list with the same draws, and as good as the best of them.
  @Test func worstOfAll() throws {
    let clouds = Clouds(count: 90)
    let model = try clouds.trained()
    let ball = L2Ball(radius: 0.15)
    let attacks = Self.attacks(ball)
    let goal = Untargeted(labels: clouds.labels)
    let keys = (0..<90).map { Self.key.derived($0) }
    func reached(_ points: Tensor) -> [Bool] { goal.isReached(model.logits(points)) }
    var each = [reached(clouds.inputs)]
    for (i, attack) in attacks.enumerated() {
      each.append(
        reached(attack.perturb(clouds.inputs, against: model, goal: goal, keys: keys.map { $0.derived(i) })))
    }
    let worst = WorstCase(attacks)
    let (changed, trace) = worst.traced(clouds.inputs, against: model, goal: goal, keys: keys)
    #expect(worst.perturb(clouds.inputs, against: model, goal: goal, keys: keys) == changed)
    #expect(trace?.runsToSuccess == (0..<90).map { i in each.firstIndex { $0[i] } })
    #expect(Set(trace?.runsToSuccess ?? []).count == 4, "\(String(describing: trace?.runsToSuccess))")
    #expect(reached(changed) == (0..<90).map { i in each.contains { $0[i] } })
    // the same through a data set, batch by batch
    let judged = try judge(worst, against: model, on: clouds, batchSize: 40, traces: true, key: Self.key)
    #expect(judged.trace?.runsToSuccess == trace?.runsToSuccess)
  }

  // Samples that fell cost nothing any more.
  @Test func fallenSamplesLeave() {
    let x = Tensor([[0.5, 0.25, 0.125], [0.25, 0.5, 0.1875], [0.25, 0.5, 0]])
    let counter = QueryCounter(Transparent())
    let worst = WorstCase(Self.attacks(LInfBall(radius: 0.25)))
    _ = worst.perturb(
      x, against: counter, goal: Untargeted(labels: IntTensor([1, 1, 1])), key: Self.key)
    // three inputs; the fast gradient and its look at the two right ones, which both fall
    #expect(counter.count == .init(forwards: 3 + 2 + 2, gradients: 2))
  }

  @Test func listsThatDoNotFitAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = WorstCase<LInfBall>([])
    }
    await #expect(processExitsWith: .failure) {
      _ = WorstCase([FastGradient(budget: LInfBall(radius: 1)), FastGradient(budget: LInfBall(radius: 0.5))])
    }
  }
}
