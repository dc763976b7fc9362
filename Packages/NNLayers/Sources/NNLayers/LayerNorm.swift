import AutoDiffLite
import TensorCore

/// Normalisation of the last axes of each sample, the same in training and in evaluation.
///
///     y = (x − mean) / √(variance + epsilon) · weight + bias
///
/// Source: Ba, Kiros, Hinton, "Layer Normalization", 2016; defaults are PyTorch's.
public struct LayerNorm: Layer {
  /// A factor for each element of the last axes, 1 at first.
  public var weight: Parameter
  /// An offset for each element of the last axes, 0 at first.
  public var bias: Parameter
  /// Keeps the root from 0.
  public let epsilon: Double

  /// A normalisation.
  ///
  /// - Parameters:
  ///   - shape: the last axes, which are normalised together: `[features]` for each row of `[n, features]`.
  ///   - epsilon: added to the variance under the root.
  public init(_ shape: Shape, epsilon: Double = 1e-5) {
    precondition(shape.rank > 0 && shape.count > 0, "LayerNorm: shape \(shape)")
    weight = Parameter(.ones(shape: shape))
    bias = Parameter(.zeros(shape: shape))
    self.epsilon = epsilon
  }

  /// `[n, …]`, ending with the layer's shape, to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let shape = weight.value.shape
    precondition(
      x.shape.dimensions.suffix(shape.rank) == shape.dimensions[...],
      "LayerNorm \(pass.path): expected a shape that ends with \(shape), got \(x.shape)")
    return x.layerNormalized(weight: weight.variable, bias: bias.variable, epsilon: epsilon)
  }

  /// `weight`, then `bias`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    visit("weight", &weight)
    visit("bias", &bias)
  }
}
