import AutoDiffLite
import Foundation
import NNLayers
import Synchronization
import TensorCore
import Testing

@testable import Attacks

@Suite struct AutoProjectedGradientTests {
  private static let key = RandomKey(seed: 91)

  /// One of the script's runs: a norm and what is climbed.
  struct Case: Sendable, CustomStringConvertible {
    let norm: VectorNorm
    let loss: String
    var description: String { "apgd/\(MNISTSample.name(norm))/\(loss)" }
    func stored(_ name: String) throws -> Tensor { try MNISTSample.fixture.tensor("\(self)/\(name)") }

    static let all = [VectorNorm.lInf, .l2].flatMap { norm in
      ["ce", "dlr", "dlr-targeted"].map { Case(norm: norm, loss: $0) }
    }
  }

  // The paper's fractions of 100 steps; and a run so short that every step is one.
  @Test func checkpoints() {
    func places(_ steps: Int) -> [Int] {
      AutoProjectedGradient(budget: LInfBall(radius: 1), steps: steps).checkpoints
    }
    #expect(places(100) == [22, 41, 57, 70, 80, 87, 93, 99])
    #expect(places(1000).prefix(3) == [220, 410, 570])
    #expect(places(5) == [1, 2, 3, 4, 5])
    #expect(places(0) == [])
  }

  // From the authors' objectives follow the authors' step sizes: both conditions, and samples apart.
  @Test(arguments: Case.all) func stepSizesAreTheAuthors(_ which: Case) throws {
    // the ranks of a sample's objectives stand for them
    let ranks = try MNISTSample.fixture.file.get().bytes(named: "\(which)/ranks")
    let objectives = Tensor(shape: ranks.shape, scalars: ranks.scalars.map { Float($0) })
    let sizes = try which.stored("sizes")
    let radius = MNISTSample.radius(which.norm)
    var control = AdaptiveSteps(
      size: 2 * radius, objectives: objectives[row: 0].scalars, steps: 100, share: 0.75)
    var checkpoint = 0
    var best = objectives[row: 0].scalars
    for step in 1...100 {
      let now = objectives[row: step].scalars
      let improved = control.record(now.enumerated().map { ($0, $1) })
      #expect(improved == now.indices.filter { now[$0] > best[$0] })
      best = zip(best, now).map { max($0, $1) }
      #expect(control.best == best)
      let before = control.sizes
      let halved = control.checkpoint()
      #expect(control.sizes == before.indices.map { halved.contains($0) ? before[$0] / 2 : before[$0] })
      guard AdaptiveSteps.checkpoints(steps: 100).contains(step) else {
        #expect(halved.isEmpty)
        continue
      }
      for (ours, theirs) in zip(before, sizes[row: checkpoint].scalars) {
        #expect(abs(ours - theirs) <= 1e-6 * theirs, "\(which), step \(step)")
      }
      checkpoint += 1
    }
    #expect(checkpoint == 8)
  }

  // Whole runs from the input: the best objective after every step, until a sample leaves. In float32 a sign may differ where
  // a gradient is no more than rounding; the runs stay together.
  @Test(arguments: Case.all) func runsAreTheAuthors(_ which: Case) throws {
    let model = try MNISTSample.classifier()
    let expected = try which.stored("objectives")
    let fooled = try MNISTSample.fixture.file.get().bytes(named: "\(which)/fooled").scalars
    let count = expected.shape[1]
    let batch = try MNISTSample.batch(count)
    func trace<Ball: Budget>(_ ball: Ball) -> AttackTrace? {
      let attack = AutoProjectedGradient(
        budget: ball,
        objective: which.loss == "ce"
          ? .goal
          : which.loss == "dlr" ? .differenceOfLogitsRatio : .targetedDifferenceOfLogitsRatio(classes: 1),
        startsAtRandom: false)
      return attack.traced(
        batch.inputs, against: model, goal: Untargeted(labels: batch.labels),
        keys: batch.indices.map { Self.key.derived($0) }
      ).trace
    }
    let budget = ball(which.norm, radius: MNISTSample.radius(which.norm))
    let found = try #require(trace(budget) as AttackTrace?)
    #expect(found.runs == 1)
    var gaps: [Float] = []
    var early: Float = 0
    for sample in 0..<count {
      let theirStep = (0...100).first { fooled[$0 * count + sample] == 1 }
      let ourStep = found.stepsToSuccess[sample]
      #expect(
        ourStep == theirStep || abs((ourStep ?? 100) - (theirStep ?? 100)) <= 1,
        "\(which), sample \(sample): \(String(describing: ourStep)), \(String(describing: theirStep))")
      var (ours, theirs): (Float, Float) = (-.infinity, -.infinity)
      for step in 0...(ourStep ?? 100) {
        ours = max(ours, found.points(step: step)[sample].objective)
        theirs = max(theirs, expected[step, sample])
        if step <= 22 { early = max(early, abs(ours - theirs)) }
      }
      gaps.append(abs(ours - theirs))
    }
    #expect(found.stepsToSuccess.contains(nil), "all fell: the later steps compare nothing")
    #expect(early <= 1e-5, "\(which)")
    #expect(gaps.allSatisfy { $0 <= 1e-4 }, "\(which): \(gaps)")
  }

  // On a linear score the best point is known, and steps that are halved arrive at it: radius · ‖w‖* above the input.
  @Test(arguments: VectorNorm.allCases) func linearModelsAreSolved(_ norm: VectorNorm) {
    let weights: [Float] = [0.5, -1, 2, 0.25, -0.125]
    let model = LinearModel(score: weights)
    let x = Tensor.zeros(shape: [3, 5])
    let goal = Self.climbing(Margin(ClassAim(classes: IntTensor([0, 0, 0]), isTargeted: false)))
    func gain(_ ball: some Budget) -> [Float] {
      let changed = AutoProjectedGradient(budget: ball).perturb(x, against: model, goal: goal, key: Self.key)
      return model.logits(changed).scalars.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    }
    let budget = ball(norm, radius: 0.5)
    let gains = gain(budget)
    let best: Float = norm == .lInf ? 3.875 : norm == .l2 ? Float(5.328125).squareRoot() : 2
    for gain in gains { #expect(abs(gain - 0.5 * best) < 1e-4, "\(norm): \(gains)") }
  }

  /// A goal's objective where no point is a success.
  private static func climbing<Climbed: Goal>(_ climbed: Climbed) -> some Goal {
    Surrogate(Never(), climbing: climbed)
  }
  private struct Never: Goal {
    func isReached(_ logits: Tensor) -> [Bool] { [Bool](repeating: false, count: logits.shape[0]) }
    func objective(_ logits: Variable) -> Variable { logits.sum(alongAxis: 1) }
  }

  // One gradient a step and one look at the last point; with target classes one look at the inputs before, and a run each.
  @Test func modelsAreAskedOnceAStep() {
    let model = QueryCounter(Rowwise(classes: 4, inputs: 6, key: Self.key))
    let x = Tensor.uniform(shape: [5, 6], key: Self.key.derived("x"))
    let goal = Untargeted(labels: model.base.logits(x).argmax(alongAxis: 1))
    let still = LInfBall(radius: 0)
    _ = AutoProjectedGradient(budget: still, steps: 7).perturb(x, against: model, goal: goal, key: Self.key)
    #expect(model.take() == .init(forwards: 5 * 8, gradients: 5 * 7))
    _ = AutoProjectedGradient(
      budget: still, objective: .targetedDifferenceOfLogitsRatio(classes: 9), steps: 7
    )
    .perturb(x, against: model, goal: goal, key: Self.key)
    #expect(model.take() == .init(forwards: 5 + 3 * 5 * 8, gradients: 3 * 5 * 7))
    _ = AutoProjectedGradient(
      budget: still, objective: .differenceOfLogitsRatio, steps: 7, restarts: 2, gradientDraws: 3
    ).perturb(x, against: model, goal: goal, key: Self.key)
    #expect(model.take() == .init(forwards: 2 * 5 * (3 * 7 + 1), gradients: 2 * 5 * 3 * 7))
  }

  /// Its gradients are multiplied by 3, −2, 3, −2, …: each second one alone points down, the average of two up.
  private final class Noisy: Classifier {
    private let inner = LinearModel(score: [1, 1, 1, 1])
    private let calls = Mutex(0)
    var inputRange: ClosedRange<Float> { 0...1 }
    func logits(_ x: Variable) -> Variable { inner.logits(x) }
    func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
      let factor: Float = calls.withLock { count in
        count += 1
        return count % 2 == 1 ? 3 : -2
      }
      let (logits, slope) = inner.logitsAndInputGradient(at: x, goal: goal)
      return (logits, slope * factor)
    }
  }

  @Test func drawsAreAveraged() {
    let goal = Self.climbing(Margin(ClassAim(classes: IntTensor([0]), isTargeted: false)))
    func sum(steps: Int, draws: Int) -> Float {
      AutoProjectedGradient(
        budget: LInfBall(radius: 0.25), steps: steps, startsAtRandom: false, gradientDraws: draws
      ).perturb(Tensor(repeating: 0.5, shape: [1, 4]), against: Noisy(), goal: goal, key: Self.key).sum()
    }
    #expect(sum(steps: 1, draws: 2) == 3)
    // alone, the second step would go back down, but the best point is kept
    #expect(sum(steps: 2, draws: 2) == 3 && sum(steps: 2, draws: 1) == 3)
  }

  // Samples leave one by one and towards targets of their own; a goal that cannot be cut changes nothing.
  @Test(arguments: [
    AutoProjectedGradient<LInfBall>.Objective.goal, .targetedDifferenceOfLogitsRatio(classes: 2),
  ])
  func leavingChangesNothing(_ objective: AutoProjectedGradient<LInfBall>.Objective) {
    let model = Rowwise(classes: 4, inputs: 20, key: Self.key)
    let x = Tensor.uniform(shape: [40, 20], key: Self.key.derived("x"))
    let labels = model.logits(x).argmax(alongAxis: 1)
    let keys = (0..<40).map { Self.key.derived($0) }
    let attack = AutoProjectedGradient(budget: LInfBall(radius: 0.05), objective: objective, steps: 20)
    let all = attack.perturb(x, against: model, goal: Untargeted(labels: labels), keys: keys)
    let reached = Untargeted(labels: labels).isReached(model.logits(all))
    #expect(reached.contains(true) && reached.contains(false))
    if objective == .goal {
      let whole = Whole(goal: Untargeted(labels: labels))
      #expect(attack.perturb(x, against: model, goal: whole, keys: keys) == all)
    }
    for rows in [[4], [30, 0], [7, 3, 3, 39]] {
      let some = attack.perturb(
        x.gathered(rows: rows), against: model, goal: Untargeted(labels: labels.gathered(rows: rows)),
        keys: rows.map { keys[$0] })
      #expect(some == all.gathered(rows: rows))
    }
  }

  @Test func settingsAreTold() {
    let attack = AutoProjectedGradient(
      budget: L2Ball(radius: 0.5), objective: .differenceOfLogitsRatio, steps: 50, restarts: 3)
    #expect(
      attack.description
        == "Auto-PGD, difference of logits ratio (margin with fewer than 3 classes), L2, radius 0.5, 50 steps, random start, 3 restarts"
    )
  }
}
