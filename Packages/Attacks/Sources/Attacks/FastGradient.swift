import TensorCore

/// One step of the size of the radius: `x' = project(x + radius · steepestAscent(∇objective))`.
///
/// In an `LInfBall` this is the fast gradient sign method: Goodfellow, Shlens, Szegedy, "Explaining and Harnessing
/// Adversarial Examples", ICLR 2015. A targeted step goes down the target's loss:
/// `x' = x − ε sign(∇ₓ J(x, target))`.
public struct FastGradient<Allowed: Budget>: Attack {
  /// What it may do to an input; the step has the length of the radius.
  public var budget: Allowed

  /// An attack.
  public init(budget: Allowed) { self.budget = budget }

  private var search: ProjectedGradient<Allowed> {
    ProjectedGradient(budget: budget, stepSize: budget.radius, steps: 1, startsAtRandom: false)
  }

  /// One gradient, one step; nothing is random.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    search.perturb(x, against: model, goal: goal, keys: keys)
  }

  /// The input and the result.
  public func traced(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> (
    changed: Tensor, trace: AttackTrace?
  ) {
    search.traced(x, against: model, goal: goal, keys: keys)
  }

  /// One gradient serves all budgets.
  public static func perturb(
    _ x: Tensor, withEach attacks: [FastGradient], against model: some Classifier, goal: some Goal,
    keys: [RandomKey]
  ) -> [Tensor] {
    let slope = model.inputGradient(at: x, goal: goal)
    return attacks.map {
      var changed = x
      $0.budget.ascend(
        &changed, along: slope, by: $0.budget.radius, around: x, range: model.inputRange)
      return changed
    }
  }

  /// The attack and its budget.
  public var description: String { "fast gradient, \(budget)" }
}
