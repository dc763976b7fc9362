import NNLayers
import TensorCore

/// The magnitude |w|, the L1 score: small weights go first.
///
/// Source: Han, Pool, Tran, Dally, "Learning both Weights and Connections for Efficient Neural Networks", NeurIPS 2015.
public struct MagnitudeScore: PruningScore {
  /// The magnitude.
  public init() {}
  /// |w|.
  public func scores<Model: Layer>(of weights: [NamedParameter], in model: Model) -> [Tensor] {
    weights.map { $0.parameter.value.absolute() }
  }
}
