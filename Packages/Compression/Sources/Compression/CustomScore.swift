import NNLayers
import TensorCore

/// A score that a closure makes of each parameter by itself.
///
///     let distance = CustomScore { name, parameter in (parameter.value - initial[name]!).absolute() }
public struct CustomScore: PruningScore {
  private let score: @Sendable (String, Parameter) throws -> Tensor
  /// A score from a parameter's name and the parameter to a tensor of the value's shape.
  public init(_ score: @escaping @Sendable (_ name: String, _ parameter: Parameter) throws -> Tensor) {
    self.score = score
  }
  /// What the closure returns.
  public func scores<Model: Layer>(of weights: [NamedParameter], in model: Model) throws -> [Tensor] {
    try weights.map { try score($0.name, $0.parameter) }
  }
}
