import TensorCore

/// Layer-wise pruning that keeps more of small layers (ERK): a layer's density is proportional to the sum of its sizes over
/// their product,
///
///     densityᵢ = min(1, ε · (outputs + inputs + kernel height + kernel width) / (outputs · inputs · height · width)),
///
/// without the kernel's terms for linear layers, ε such that the total is met exactly. A layer that would need a density
/// above 1 stays dense.
///
/// Source: Evci, Gale, Menick, Castro, Elsen, "Rigging the Lottery", ICML 2020; after Mocanu et al., "Scalable Training of
/// Artificial Neural Networks with Adaptive Sparse Connectivity", Nature Communications 2018.
public struct ErdosRenyiKernel: SparsityAllocation {
  /// An allocation.
  public init() {}
  /// The rounded nᵢ (1 − densityᵢ).
  public func counts(pruning total: Int, of weights: [(name: String, shape: Shape)]) -> [Int]? {
    let sizes = weights.map(\.shape.count)
    let kept = Apportionment.counts(
      total: sizes.reduce(0, +) - total,
      shares: weights.map { Double($0.shape.dimensions.reduce(0, +)) }, capacities: sizes)
    return zip(sizes, kept).map { $0 - $1 }
  }
}
