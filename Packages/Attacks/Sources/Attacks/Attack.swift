import TensorCore

/// A search for inputs that reach a goal within a budget. Attacks do not judge themselves: `judge` does.
public protocol Attack: Sendable, CustomStringConvertible {
  /// The kind of budget.
  associatedtype Allowed: Budget
  /// What it may do to an input.
  var budget: Allowed { get }
  /// A changed batch, shaped as `x`. Samples do not mix: what becomes of one depends on neither the others nor its row.
  ///
  /// - Parameters:
  ///   - x: `[n, …]`, valid inputs.
  ///   - model: the model under attack.
  ///   - goal: what each sample is to reach.
  ///   - keys: `[n]`, the only source of each sample's randomness.
  func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor
}

extension Attack {
  /// A changed batch; row i draws from `key.derived(i)`.
  public func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, key: RandomKey) -> Tensor
  {
    perturb(x, against: model, goal: goal, keys: (0..<x.shape[0]).map { key.derived($0) })
  }
}
