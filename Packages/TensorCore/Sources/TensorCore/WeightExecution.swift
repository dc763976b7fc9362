/// How a plan computes a layer's products with its weight. Results differ in the last digits only.
public enum WeightExecution: String, Hashable, Sendable, CaseIterable {
  /// Every product, by the fastest way for the shape.
  case dense
  /// Only products with elements that are not zero: faster where most of a weight is pruned.
  case sparse
}
