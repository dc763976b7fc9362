import NNLayers
import TensorCore

/// Uniform random numbers: the control that a better score must beat.
public struct RandomScore: PruningScore {
  /// Where the numbers come from; each parameter derives its own by its name.
  public var key: RandomKey
  /// Random scores.
  public init(key: RandomKey) { self.key = key }
  /// U(0, 1).
  public func scores<Model: Layer>(of weights: [NamedParameter], in model: Model) -> [Tensor] {
    weights.map { .uniform(shape: $0.parameter.value.shape, key: key.derived($0.name)) }
  }
}
