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

  /// One gradient, one step; nothing is random.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    var changed = x
    budget.ascend(
      &changed, along: model.inputGradient(at: x, goal: goal), by: budget.radius, around: x,
      range: model.inputRange)
    return changed
  }

  /// The attack and its budget.
  public var description: String { "fast gradient, \(budget)" }
}
