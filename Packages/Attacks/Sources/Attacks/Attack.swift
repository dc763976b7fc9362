import AutoDiffLite
import TensorCore

/// A search for inputs that reach a goal within a budget. Attacks do not judge themselves: `judge` does.
public protocol Attack: Sendable, CustomStringConvertible {
  /// The kind of budget.
  associatedtype Allowed: Budget
  /// What it may do to an input.
  var budget: Allowed { get }
  /// A changed batch, shaped as `x`.
  ///
  /// - Parameters:
  ///   - x: `[n, …]`, valid inputs.
  ///   - model: the model under attack.
  ///   - goal: what each sample is to reach.
  ///   - key: the only source of randomness.
  func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, key: RandomKey) -> Tensor
}

/// The gradient of a goal's objective with respect to each input: `[n, …] → [n, …]`. Samples do not mix.
public func inputGradient(at x: Tensor, of model: some Classifier, goal: some Goal) -> Tensor {
  gradient(at: x) { goal.objective(model.logits($0)).sum() }
}

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

  /// One gradient, one step.
  public func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, key: RandomKey) -> Tensor
  {
    let direction = budget.steepestAscent(inputGradient(at: x, of: model, goal: goal))
    return budget.project(x + budget.radius * direction, around: x, range: model.inputRange)
  }

  /// The attack and its budget.
  public var description: String { "fast gradient, \(budget)" }
}
