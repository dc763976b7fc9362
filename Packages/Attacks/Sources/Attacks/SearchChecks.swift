import TensorCore

/// The checks of an evaluation that attack, on samples that are classified correctly.
struct SearchChecks<Model: Classifier, Ball: NormBall> {
  let model: Model
  let batch: Batch
  let budget: Ball
  /// How many steps the attack has; its long run has four times as many.
  let steps: Int
  let key: RandomKey
  /// Whether each sample fell to any attack within the budget.
  private(set) var worst: [Bool] = []

  init(model: Model, batch: Batch, budget: Ball, steps: Int, key: RandomKey) {
    self.model = model
    self.batch = batch
    self.budget = budget
    self.steps = steps
    self.key = key
  }

  /// All that need no claim.
  mutating func findings(blackBox: (Ball) -> some Attack) throws -> [EvaluationFinding] {
    let factors: [Float] = [0.5, 1, 2, 4]
    let ladder = try factors.map { try fallen(search(Ball(radius: $0 * budget.radius), steps: steps)) }
    let long = try fallen(search(budget, steps: 4 * steps))
    let white = zip(ladder[1], long).map { $0 || $1 }
    let black = try fallen(blackBox(budget))
    let wide = Ball(radius: 4 * budget.radius)
    let wideBlack = try fallen(blackBox(wide))
    worst = zip(zip(ladder[0], white), black).map { $0.0 || $0.1 || $1 }
    return [
      growingRadius(zip(factors, ladder).map { ($0 * budget.radius, $1) }), try hugeRadius(),
      moreSteps(ladder[1], long),
      without(black, white, wideBlack, ladder[3], wide),
    ]
  }

  /// Whether the claimed successes are as many as those of the attacks above.
  func comparison(withClaim claimed: [Bool]) -> EvaluationFinding {
    let test = McNemarTest(first: worst, second: claimed)
    let gain = Double(test.onlyFirst - test.onlySecond) / Double(batch.count)
    return EvaluationFinding(
      check: .claim,
      severity: test.favoursFirst && gain > EvaluationCheck.gain ? .invalid : .passed,
      measured: "claimed \(Proportion(claimed)), found \(Proportion(worst)), \(test.counts)",
      count: batch.count)
  }

  private func search(_ ball: some Budget, steps: Int, startsAtRandom: Bool = true) -> some Attack {
    ProjectedGradient(
      budget: ball, stepSize: 2.5 * ball.radius / Float(steps), steps: steps, startsAtRandom: startsAtRandom,
      keepsBest: true, leavesWhenReached: true)
  }

  /// Whether each sample fell; all attacks draw from the same keys.
  private func fallen(_ attack: some Attack) throws -> [Bool] {
    try judge(attack, against: model, on: batch, key: key).records.map(\.isSuccess)
  }

  private func growingRadius(_ ladder: [(radius: Float, fallen: [Bool])]) -> EvaluationFinding {
    let falls = zip(ladder, ladder.dropFirst()).map { McNemarTest(first: $0.fallen, second: $1.fallen) }
    return EvaluationFinding(
      check: .growingRadius, severity: falls.contains(where: \.favoursFirst) ? .doubtful : .passed,
      measured: ladder.map { "radius \($0.radius): \(Proportion($0.fallen))" }.joined(separator: "; "),
      count: batch.count)
  }

  /// Every input of the range is allowed; what stands a random start is tried from the sample itself too. Without a range
  /// the ball has a hundred times the radius.
  private func hugeRadius() throws -> EvaluationFinding {
    let range = model.inputRange
    let width = range.upperBound - range.lowerBound
    func both(_ ball: some Budget) throws -> [Bool] {
      let first = try fallen(search(ball, steps: 4 * steps))
      if !first.contains(false) { return first }
      let second = try fallen(search(ball, steps: 4 * steps, startsAtRandom: false))
      return zip(first, second).map { $0 || $1 }
    }
    let ball: any Budget = width.isFinite ? LInfBall(radius: width) : Ball(radius: 100 * budget.radius)
    let success = Proportion(try both(ball))
    let bound = success.upperBound(failureProbability: EvaluationCheck.significance)
    return EvaluationFinding(
      check: .hugeRadius, severity: bound < EvaluationCheck.hugeSuccess ? .invalid : .passed,
      measured: "\(success) fall within \(ball)", count: batch.count)
  }

  private func moreSteps(_ short: [Bool], _ long: [Bool]) -> EvaluationFinding {
    let test = McNemarTest(first: long, second: short)
    let gain = Double(test.onlyFirst - test.onlySecond) / Double(batch.count)
    let isFlagged = test.favoursSecond || test.favoursFirst && gain > EvaluationCheck.gain
    return EvaluationFinding(
      check: .moreSteps, severity: isFlagged ? .doubtful : .passed,
      measured: "\(steps) steps \(Proportion(short)), \(4 * steps) steps \(Proportion(long)), \(test.counts)",
      count: batch.count)
  }

  /// Without gradients against with them, in the budget and in a ball of four times its radius: a masked gradient may hide
  /// both successes in the budget.
  private func without(
    _ black: [Bool], _ white: [Bool], _ wideBlack: [Bool], _ wideWhite: [Bool], _ wide: Ball
  ) -> EvaluationFinding {
    let tests = [McNemarTest(first: black, second: white), McNemarTest(first: wideBlack, second: wideWhite)]
    return EvaluationFinding(
      check: .blackBox, severity: tests.contains(where: \.favoursFirst) ? .doubtful : .passed,
      measured: "\(budget): without \(Proportion(black)), with \(Proportion(white)), \(tests[0].counts); "
        + "\(wide): without \(Proportion(wideBlack)), with \(Proportion(wideWhite)), \(tests[1].counts)",
      count: batch.count)
  }
}

extension McNemarTest {
  /// Whether the first is better beyond doubt.
  fileprivate var favoursFirst: Bool { onlyFirst > onlySecond && pValue < EvaluationCheck.significance }
  /// Whether the second is better beyond doubt.
  fileprivate var favoursSecond: Bool { onlySecond > onlyFirst && pValue < EvaluationCheck.significance }
  /// What the test rests on.
  fileprivate var counts: String {
    "\(onlyFirst) against \(onlySecond), "
      + (pValue < 1e-3 ? "p < 0.001" : "p = \((1000 * pValue).rounded() / 1000)")
  }
}
