import Attacks
import Foundation
import TensorCore
import Testing

/// All attacks in small settings, for tests of what every attack must keep to. A new attack is a new line.
func everyAttack<Ball: NormBall>(in ball: Ball) -> [any Attack<Ball>] {
  let step = ball.radius / 3
  func within(_ search: some MinimalAttack) -> any Attack<Ball> { WithinBudget(search, budget: ball) }
  let fast = FastGradient(budget: ball)
  let projected = ProjectedGradient(budget: ball, stepSize: step, steps: 3, restarts: 2)
  let all: [any Attack<Ball>] = [
    fast, projected,
    ProjectedGradient(budget: ball, stepSize: step, steps: 4, keepsBest: true, leavesWhenReached: true),
    ProjectedGradient(
      budget: ball, stepSize: step, steps: 4, startsAtRandom: false, leavesWhenReached: true, momentum: 0.5),
    ProjectedGradient.momentumIterative(budget: ball, steps: 3),
    RandomNoise(budget: ball, distribution: .uniform),
    RandomNoise(budget: ball, distribution: .sign, draws: 3),
    RandomNoise(budget: ball, distribution: .gaussian, draws: 2),
    within(DeepFool(norm: Ball.norm, steps: 4)),
    within(CarliniWagner(steps: 5, searches: 3, rate: 0.1, firstConstant: 0.1)),
    within(HopSkipJump(norm: Ball.norm == .lInf ? .lInf : .l2, iterations: 2, firstDraws: 8, noiseStarts: 4)),
    within(
      MinimalRadius(upTo: max(ball.radius, 1e-30), tolerance: max(ball.radius, 1e-30) / 4) { _ in fast }),
    WorstCase([fast, projected]),
    AutoProjectedGradient(budget: ball, steps: 5),
    AutoProjectedGradient(
      budget: ball, objective: .targetedDifferenceOfLogitsRatio(classes: 2), steps: 4, restarts: 2),
    AutoProjectedGradient(budget: ball, objective: .differenceOfLogitsRatio, steps: 4, gradientDraws: 2),
    within(FastAdaptiveBoundary(norm: Ball.norm == .lInf ? .lInf : .l2, steps: 3)),
    within(
      FastAdaptiveBoundary(
        norm: Ball.norm == .lInf ? .lInf : .l2, targetClasses: 2, steps: 3, restarts: 2, radius: ball.radius)),
  ]
  return Ball.norm == .l1 ? all : all + [SquareAttack(budget: ball, queries: 20)]
}

@Suite struct AttackPropertyTests {
  private static let key = RandomKey(seed: 92)

  private static func goals(_ classes: [Int]) -> [any Goal] {
    let aims = [false, true].map { ClassAim(classes: IntTensor(classes), isTargeted: $0) }
    return [Untargeted(labels: aims[0].classes), Targeted(targets: aims[1].classes)]
      + aims.flatMap { [Margin($0), DifferenceOfLogitsRatio($0)] as [any Goal] }
  }

  // Whatever the model, ball, radius, range and goal: finite, in the range and in the ball, measured apart from the code under
  // test.
  @Test(arguments: VectorNorm.allCases) func neverOutsideBudgetOrRange(_ kind: VectorNorm) {
    func check(_ ball: some NormBall, _ model: some Classifier, _ x: Tensor, key: RandomKey) {
      for goal in Self.goals((0..<x.shape[0]).map { $0 % 3 }) {
        for attack in everyAttack(in: ball) {
          let changed = attack.perturb(x, against: model, goal: goal, key: key)
          #expect(changed.shape == x.shape)
          #expect(changed.scalars.allSatisfy { $0.isFinite && model.inputRange.contains($0) }, "\(attack)")
          for sample in 0..<x.shape[0] {
            let change = zip(changed[row: sample].scalars, x[row: sample].scalars).map {
              Double($0) - Double($1)
            }
            #expect(
              norm(change, kind) <= Double(ball.radius), "\(attack), \(goal), range \(model.inputRange)")
          }
        }
      }
    }
    let radii: [Float] = [0, 5e-8, 0.1, 30]
    let ranges: [ClosedRange<Float>] = [0...1, -3...0.25, -Float.infinity...Float.infinity]
    for (i, radius) in radii.enumerated() {
      for (j, range) in ranges.enumerated() {
        let key = Self.key.derived(i).derived(j)
        var inner = Rowwise(classes: 3, inputs: 9, key: key)
        inner.inputRange = range
        let model = OnImages(inner: inner)
        var x = Tensor.uniform(shape: [4, 9], in: -4...2, key: key.derived("x")).clamped(to: range)
        for k in 0..<9 { (x[1, k], x[2, k]) = (max(range.lowerBound, -100), min(range.upperBound, 100)) }
        x = x.reshaped(to: [4, 1, 3, 3])
        switch kind {
        case .lInf: check(LInfBall(radius: radius), model, x, key: key)
        case .l2: check(L2Ball(radius: radius), model, x, key: key)
        case .l1: check(L1Ball(radius: radius), model, x, key: key)
        }
      }
    }
  }

  // What becomes of a sample follows from the sample and its key: not from its neighbours or its place.
  @Test func otherSamplesDoNotMatter() {
    let model = OnImages(inner: Rowwise(classes: 4, inputs: 9, key: Self.key))
    let x = Tensor.uniform(shape: [7, 1, 3, 3], key: Self.key.derived("x"))
    let classes = IntTensor((0..<7).map { $0 % 4 })
    let keys = (0..<7).map { Self.key.derived($0) }
    func check(_ ball: some NormBall) {
      for attack in everyAttack(in: ball) {
        func changed(_ rows: [Int]) -> Tensor {
          attack.perturb(
            x.gathered(rows: rows), against: model,
            goal: Untargeted(labels: classes.gathered(rows: rows)), keys: rows.map { keys[$0] })
        }
        let all = changed(Array(0..<7))
        for rows in [[4], [6, 0], [5, 3, 3, 1], Array((0..<7).reversed())] {
          #expect(changed(rows) == all.gathered(rows: rows), "\(attack), rows \(rows)")
        }
      }
    }
    check(LInfBall(radius: 0.1))
    check(L2Ball(radius: 0.3))
    check(L1Ball(radius: 0.6))
  }

  @Test func noSamples() {
    let model = OnImages(inner: Rowwise(classes: 4, inputs: 9, key: Self.key))
    for attack in everyAttack(in: L2Ball(radius: 0.3)) {
      let none = attack.perturb(
        .zeros(shape: [0, 1, 3, 3]), against: model, goal: Untargeted(labels: IntTensor([Int]())), keys: [])
      #expect(none.shape == [0, 1, 3, 3], "\(attack)")
    }
  }
}
