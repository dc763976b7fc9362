import TensorCore

/// A search for inputs that reach a goal within a budget. Attacks do not judge themselves: `judge` does.
public protocol Attack<Allowed>: Sendable, CustomStringConvertible {
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
  /// What `perturb` returns, and the way there; nil from an attack that has no steps to tell of.
  func traced(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> (
    changed: Tensor, trace: AttackTrace?
  )
  /// What `perturb` of each attack returns, with what they have in common done once.
  static func perturb(
    _ x: Tensor, withEach attacks: [Self], against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> [Tensor]
}

extension Attack {
  /// A changed batch; row i draws from `key.derived(i)`.
  public func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, key: RandomKey) -> Tensor
  {
    perturb(x, against: model, goal: goal, keys: (0..<x.shape[0]).map { key.derived($0) })
  }

  /// No trace.
  public func traced(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> (
    changed: Tensor, trace: AttackTrace?
  ) {
    (perturb(x, against: model, goal: goal, keys: keys), nil)
  }

  /// One attack after the other.
  public static func perturb(
    _ x: Tensor, withEach attacks: [Self], against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> [Tensor] {
    attacks.map { $0.perturb(x, against: model, goal: goal, keys: keys) }
  }
}
