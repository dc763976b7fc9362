import TensorCore

/// Layer-wise pruning: each parameter's sparsity is a common level times its own factor, up to its own limit, the level
/// such that the total is met exactly.
///
///     sᵢ = min(limitᵢ, λ · factorᵢ),  Σ nᵢ sᵢ = total
///
/// Without settings all sparsities are equal. `BudgetedAllocation(factors: ["fc.weight": 0.5])` spares a last layer. The
/// fractions of a weight that remain are rounded by the largest remainder, so each number is within one of nᵢ sᵢ.
public struct BudgetedAllocation: SparsityAllocation {
  /// A parameter's sparsity relative to the others', 0 for none; 1 where not named.
  public var factors: [String: Double]
  /// The largest sparsity that a parameter may get, 0 to 1; 1 where not named.
  public var limits: [String: Double]

  /// An allocation; without settings it is uniform.
  ///
  /// - Precondition: no factor is negative, limits lie in 0...1.
  public init(factors: [String: Double] = [:], limits: [String: Double] = [:]) {
    precondition(
      factors.values.allSatisfy { $0 >= 0 && $0.isFinite }, "BudgetedAllocation: factors \(factors)")
    precondition(limits.values.allSatisfy { $0 >= 0 && $0 <= 1 }, "BudgetedAllocation: limits \(limits)")
    self.factors = factors
    self.limits = limits
  }

  /// The rounded nᵢ sᵢ.
  ///
  /// - Throws: `InputError.missing` for a name that is none of the parameters', `InputError.outOfRange` where the limits
  ///   together allow less than the total.
  public func counts(pruning total: Int, of weights: [(name: String, shape: Shape)]) throws -> [Int]? {
    let names = Set(weights.map(\.name))
    for name in (Array(factors.keys) + limits.keys).sorted() where !names.contains(name) {
      throw InputError(
        .missing, "prunable parameter \"\(name)\"",
        expected: "one of \(weights.map(\.name).joined(separator: ", "))", found: "no such parameter")
    }
    let factors = weights.map { self.factors[$0.name] ?? 1 }
    let capacities = weights.enumerated().map { i, weight in
      factors[i] == 0 ? 0 : Int((Double(weight.shape.count) * (limits[weight.name] ?? 1)).rounded(.down))
    }
    let most = capacities.reduce(0, +)
    guard total <= most else {
      throw InputError(
        .outOfRange, "the number of weights to prune", expected: "at most the \(most) that the limits allow",
        found: "\(total)", remedy: "Lower the sparsity or raise the limits.")
    }
    return Apportionment.counts(
      total: total, shares: zip(factors, weights).map { $0 * Double($1.shape.count) }, capacities: capacities)
  }
}
