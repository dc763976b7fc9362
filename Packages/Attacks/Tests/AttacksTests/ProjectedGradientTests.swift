import Attacks
import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct ProjectedGradientTests {
  private static let key = RandomKey(seed: 56)

  /// A run of so many steps without a random start, towards class 1.
  private func run(
    _ budget: some Budget, size: Float, steps: Int, from x: Tensor, against model: some Classifier,
    keepsBest: Bool = false
  ) -> Tensor {
    ProjectedGradient(
      budget: budget, stepSize: size, steps: steps, startsAtRandom: false, keepsBest: keepsBest
    ).perturb(x, against: model, goal: Targeted(target: 1, count: x.shape[0]), key: Self.key)
  }

  // Up a linear score every step is known: ⅛ a step until the ball of ⅜ or the range ends.
  @Test func everyStepInTheLInfBall() {
    let model = LinearModel(score: [1, -2, 3, -1], inputRange: 0...1)
    let x = Tensor([[0.5, 0.5, 0.8125, 0]])
    let points: [[Float]] = [
      [0.5, 0.5, 0.8125, 0], [0.625, 0.375, 0.9375, 0], [0.75, 0.25, 1, 0], [0.875, 0.125, 1, 0],
      [0.875, 0.125, 1, 0],
    ]
    for (steps, point) in points.enumerated() {
      #expect(
        run(LInfBall(radius: 0.375), size: 0.125, steps: steps, from: x, against: model) == Tensor([point]))
    }
  }

  // The gradient's direction is (3, 4)/5: half a length a step, then pulled back from 1.5 to 1.25.
  @Test func everyStepInTheL2Ball() {
    let model = LinearModel(score: [3, 4])
    for (steps, length) in [0, 0.5, 1, 1.25, 1.25].enumerated() {
      let point = run(
        L2Ball(radius: 1.25), size: 0.5, steps: steps, from: Tensor([[1, -1]]), against: model
      ).scalars
      #expect(abs(Double(point[0]) - (1 + 0.6 * length)) < 3e-6)
      #expect(abs(Double(point[1]) - (-1 + 0.8 * length)) < 3e-6)
    }
  }

  // Each step goes along the steepest element; at the ball's surface it stays there.
  @Test func everyStepInTheL1Ball() {
    let model = LinearModel(score: [1, -3])
    for (steps, length) in [0, 0.5, 1, 1.25, 1.25].enumerated() {
      let point = run(
        L1Ball(radius: 1.25), size: 0.5, steps: steps, from: Tensor([[0.5, 0.25]]), against: model
      ).scalars
      #expect(point[0] == 0.5 && abs(Double(point[1]) - (0.25 - length)) < 3e-6)
    }
  }

  // From anywhere in the ball a linear score is climbed to the same corner.
  @Test func randomStartsEndInTheCorner() {
    let model = LinearModel(score: [1, -2, 3, -1], inputRange: 0...1)
    let x = Tensor([[0.5, 0.5, 0.8125, 0], [0.25, 0.75, 0, 1]])
    let attack = ProjectedGradient(budget: LInfBall(radius: 0.375), stepSize: 0.125, steps: 6, restarts: 2)
    let goal = Targeted(target: 1, count: 2)
    #expect(
      attack.perturb(x, against: model, goal: goal, key: Self.key)
        == Tensor([[0.875, 0.125, 1, 0], [0.625, 0.375, 0.375, 0.625]]))
  }

  /// Two classes with the scores 0 and −(x − c)² of a single input.
  private struct Peak: Classifier {
    var place: Float
    var inputRange: ClosedRange<Float> { 0...1 }
    func logits(_ x: Variable) -> Variable {
      (-(x - place).squared()) * Variable(Tensor([0, 1]))
    }
  }

  // Steps of ¼ from ⅛ pass a peak at 7/16: ⅜ is the closest, ⅝ the last of two steps.
  @Test func theBestPointIsKeptWhenAsked() {
    let (model, ball) = (Peak(place: 0.4375), LInfBall(radius: 1))
    let x = Tensor([[0.125], [0.375]])
    #expect(run(ball, size: 0.25, steps: 2, from: x, against: model) == Tensor([[0.625], [0.375]]))
    #expect(
      run(ball, size: 0.25, steps: 2, from: x, against: model, keepsBest: true) == Tensor([[0.375], [0.375]]))
    // the start counts, and so does the last point
    #expect(run(ball, size: 0.25, steps: 1, from: x, against: model) == Tensor([[0.375], [0.625]]))
    #expect(
      run(ball, size: 0.25, steps: 1, from: x, against: model, keepsBest: true) == Tensor([[0.375], [0.375]]))
  }

  /// Reached between two numbers, but climbing on beyond them.
  private struct Window: Goal {
    func isReached(_ logits: Tensor) -> [Bool] { logits.scalars.map { $0 > 0.3 && $0 < 0.5 } }
    func objective(_ logits: Variable) -> Variable { logits.sum(alongAxis: 1) }
  }

  // A point that fools the model is worth more than one with a larger loss that does not.
  @Test func reachedGoalsComeBeforeLargeObjectives() {
    let attack = ProjectedGradient(
      budget: LInfBall(radius: 1), stepSize: 0.25, steps: 3, startsAtRandom: false, keepsBest: true)
    let changed = attack.perturb(
      Tensor([[0.125], [0.55]]), against: Transparent(), goal: Window(), key: Self.key)
    #expect(changed == Tensor([[0.375], [1]]))
  }

  // Whatever the model, ball, radius, range and settings: never outside, measured apart from the code under test.
  @Test(arguments: VectorNorm.allCases) func resultsStayInBallAndRange(_ kind: VectorNorm) {
    func check(_ ball: some Budget, _ model: Rowwise, _ x: Tensor, key: RandomKey) {
      let goal = Untargeted(labels: IntTensor([0, 1, 2, 0, 1]))
      for (steps, restarts, keepsBest) in [(0, 1, false), (1, 1, true), (7, 2, false), (5, 2, true)] {
        let attack = ProjectedGradient(
          budget: ball, stepSize: ball.radius / 3, steps: steps, restarts: restarts, keepsBest: keepsBest)
        let changed = attack.perturb(x, against: model, goal: goal, key: key)
        #expect(
          changed.shape == x.shape && changed.scalars.allSatisfy(model.inputRange.contains), "\(attack)")
        for sample in 0..<x.shape[0] {
          let change = zip(changed[row: sample].scalars, x[row: sample].scalars).map {
            Double($0) - Double($1)
          }
          #expect(norm(change, kind) <= Double(ball.radius), "\(attack), range \(model.inputRange)")
        }
      }
    }
    let radii: [Float] = [0, .leastNonzeroMagnitude, 5e-8, 1e-3, 0.1, 1, 30]
    for (i, radius) in radii.enumerated() {
      for (j, range) in [0...1, -3...0.25, -Float.infinity...Float.infinity].enumerated() {
        let key = Self.key.derived("stay").derived(i).derived(j)
        var model = Rowwise(classes: 3, inputs: 13, key: key)
        model.inputRange = range
        var x = Tensor.uniform(shape: [5, 13], in: -4...2, key: key.derived("x")).clamped(to: range)
        // whole rows at the ends of the range
        for k in 0..<13 { (x[1, k], x[2, k]) = (max(range.lowerBound, -100), min(range.upperBound, 100)) }
        check(ball(kind, radius: radius), model, x, key: key)
      }
    }
  }

  /// The balls with the general step in place of their own.
  private struct Plain<Ball: Budget>: Budget {
    let ball: Ball
    var radius: Float { ball.radius }
    var description: String { ball.description }
    func distances(_ a: Tensor, _ b: Tensor) -> [Double] { ball.distances(a, b) }
    func steepestAscent(_ gradient: Tensor) -> Tensor { ball.steepestAscent(gradient) }
    func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
      ball.project(candidate, around: x, range: range)
    }
  }

  // The fused step must be the step of the formula, bit by bit, through a whole run.
  @Test func fusedStepsAreTheFormula() {
    // without ends of a range, where the L1 ball's own step leaves out what cannot move
    var model = Rowwise(classes: 4, inputs: 50, key: Self.key.derived("fused"))
    model.inputRange = -Float.infinity...Float.infinity
    let x = Tensor.uniform(shape: [9, 50], key: Self.key.derived("x"))
    let goal = Untargeted(labels: IntTensor((0..<9).map { $0 % 4 }))
    func check(_ ball: some NormBall) {
      func changed(_ budget: some Budget) -> [Tensor] {
        [
          ProjectedGradient(budget: budget, stepSize: ball.radius / 4, steps: 9, startsAtRandom: false)
            .perturb(x, against: model, goal: goal, key: Self.key),
          FastGradient(budget: budget).perturb(x, against: model, goal: goal, key: Self.key),
        ]
      }
      #expect(changed(ball) == changed(Plain(ball: ball)), "\(ball)")
    }
    for radius: Float in [0, 8 / 255, 0.3] {
      check(LInfBall(radius: radius))
      check(L2Ball(radius: radius))
      check(L1Ball(radius: radius))
    }
  }

  // In [0, 1] the steepest pixel soon stands at its end. An attack that went on pushing it would change no other. Here
  // each step moves another pixel by a whole one, and after six of them the ball of radius 5½ takes back ¹⁄₁₂ of each.
  @Test func l1AttacksSpread() {
    let model = LinearModel(score: [6, -5, 4, 3, -2, 1], inputRange: 0...1)
    let x = Tensor([[0, 1, 0, 0, 1, 0]])
    let ball = L1Ball(radius: 5.5)
    #expect(run(ball, size: 1, steps: 3, from: x, against: model) == Tensor([[1, 0, 1, 0, 1, 0]]))
    #expect(run(ball, size: 1, steps: 5, from: x, against: model) == Tensor([[1, 0, 1, 1, 0, 0]]))
    let last = run(ball, size: 1, steps: 6, from: x, against: model).scalars
    let corner: [Float] = [1, 0, 1, 1, 0, 1]
    for (value, end) in zip(last, corner) {
      let cut: Float = abs(value - end)
      #expect(abs(cut - 1 / 12) < 1e-5)
    }
  }

  // Twenty small steps climb higher than a single large one; with the best point kept, no sample does worse when the
  // first step is the single one.
  @Test func moreStepsClimbHigher() throws {
    let clouds = Clouds(count: 120)
    let model = try clouds.trained()
    let goal = Untargeted(labels: clouds.labels)
    let ball = LInfBall(radius: 0.15)
    func losses(_ attack: some Attack) -> [Float] {
      let changed = attack.perturb(clouds.inputs, against: model, goal: goal, key: Self.key)
      return goal.objectives(model.logits(changed)).scalars
    }
    let single = losses(FastGradient(budget: ball))
    let many = losses(ProjectedGradient(budget: ball, stepSize: 0.015, steps: 20))
    #expect(many.reduce(0, +) > single.reduce(0, +))
    let first = ProjectedGradient(
      budget: ball, stepSize: ball.radius, steps: 3, startsAtRandom: false, keepsBest: true)
    let singleReached = try reached(FastGradient(budget: ball), model, clouds)
    let firstReached = try reached(first, model, clouds)
    for (i, loss) in losses(first).enumerated() {
      #expect(
        firstReached[i] && !singleReached[i] || firstReached[i] == singleReached[i] && loss >= single[i])
    }
  }

  private func reached(_ attack: some Attack, _ model: some Classifier, _ clouds: Clouds) throws -> [Bool] {
    try judge(attack, against: model, on: clouds, key: Self.key).records.map(\.isSuccess)
  }

  // Each restart is another run, and what one has found is never given away.
  @Test func restartsNeverLose() throws {
    let clouds = Clouds(count: 90)
    let model = try clouds.trained()
    let goal = Untargeted(labels: clouds.labels)
    var improved = 0
    for keepsBest in [false, true] {
      var last: (reached: [Bool], losses: [Float])?
      for restarts in [1, 2, 5] {
        let attack = ProjectedGradient(
          budget: L2Ball(radius: 0.2), stepSize: 0.04, steps: 4, restarts: restarts, keepsBest: keepsBest)
        let logits = model.logits(attack.perturb(clouds.inputs, against: model, goal: goal, key: Self.key))
        let now = (reached: goal.isReached(logits), losses: goal.objectives(logits).scalars)
        if let last {
          for i in 0..<clouds.count {
            #expect(now.reached[i] || !last.reached[i])
            #expect(now.losses[i] >= last.losses[i] || !last.reached[i] && now.reached[i])
            if now.losses[i] > last.losses[i] { improved += 1 }
          }
        }
        last = now
      }
    }
    #expect(improved > 50)
  }

  // Down the target's cross-entropy: for every sample, and often into the target.
  @Test func targetedAttacksDescend() throws {
    let clouds = Clouds(count: 90)
    let model = try clouds.trained()
    let goal = Targeted(target: 2, count: 90)
    let attack = ProjectedGradient(
      budget: LInfBall(radius: 0.25), stepSize: 0.02, steps: 15, startsAtRandom: false, keepsBest: true)
    let changed = attack.perturb(clouds.inputs, against: model, goal: goal, key: Self.key)
    let before = model.logits(clouds.inputs).crossEntropy(labels: goal.targets).losses.scalars
    let after = model.logits(changed).crossEntropy(labels: goal.targets).losses.scalars
    #expect(zip(after, before).allSatisfy { $0 < $1 })
    let (hits, start) = (goal.isReached(model.logits(changed)), goal.isReached(model.logits(clouds.inputs)))
    #expect(hits.count { $0 } > start.count { $0 } + 30)
  }

  @Test func descriptionsNameAllSettings() {
    let ball = LInfBall(radius: 0.25)
    #expect(
      "\(ProjectedGradient(budget: ball, stepSize: 0.125, steps: 40))"
        == "projected gradient, L-infinity, radius 0.25, 40 steps of 0.125, random start")
    #expect(
      "\(ProjectedGradient(budget: ball, stepSize: 0.125, steps: 4, restarts: 3, keepsBest: true))"
        == "projected gradient, L-infinity, radius 0.25, 4 steps of 0.125, random start, 3 restarts, best point"
    )
    #expect(
      "\(ProjectedGradient(budget: ball, stepSize: 0.125, steps: 4, leavesWhenReached: true))"
        == "projected gradient, L-infinity, radius 0.25, 4 steps of 0.125, random start, leaving when reached"
    )
  }

  @Test func impossibleSettingsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = ProjectedGradient(budget: LInfBall(radius: 1), stepSize: -0.1, steps: 1)
    }
    await #expect(processExitsWith: .failure) {
      _ = ProjectedGradient(budget: LInfBall(radius: 1), stepSize: .nan, steps: 1)
    }
    await #expect(processExitsWith: .failure) {
      _ = ProjectedGradient(budget: LInfBall(radius: 1), stepSize: 0.1, steps: -1)
    }
    await #expect(processExitsWith: .failure) {
      _ = ProjectedGradient(budget: LInfBall(radius: 1), stepSize: 0.1, steps: 1, restarts: 0)
    }
    // runs from the same start would all be the same
    await #expect(processExitsWith: .failure) {
      _ = ProjectedGradient(
        budget: LInfBall(radius: 1), stepSize: 0.1, steps: 1, startsAtRandom: false, restarts: 2)
    }
  }
}
