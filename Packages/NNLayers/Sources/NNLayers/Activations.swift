import AutoDiffLite
import TensorCore

/// max(x, 0), element by element; the gradient at 0 is 0.
public struct ReLU: Layer {
  /// A rectifier.
  public init() {}
  /// Any shape to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.relu() }
  /// A rectifier that joins what comes before it.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    builder.graph.relu(x)
  }
}

/// x where x > 0, else `slope · x`.
public struct LeakyReLU: Layer {
  /// The slope below 0; PyTorch's default is 0.01.
  public let slope: Float
  /// A leaky rectifier.
  public init(slope: Float = 0.01) { self.slope = slope }
  /// Any shape to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.leakyReLU(slope: slope) }
}

/// The hyperbolic tangent.
public struct Tanh: Layer {
  /// A hyperbolic tangent.
  public init() {}
  /// Any shape to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.tanh() }
}

/// 1 / (1 + e^−x).
public struct Sigmoid: Layer {
  /// A logistic function.
  public init() {}
  /// Any shape to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.sigmoid() }
}

/// x · Φ(x), Φ the normal distribution function.
///
/// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
public struct GELU: Layer {
  /// Whether the tanh form is used, which differs by up to 5·10⁻⁴; PyTorch's default is not to.
  public let isApproximate: Bool
  /// A Gaussian error linear unit.
  public init(isApproximate: Bool = false) { self.isApproximate = isApproximate }
  /// Any shape to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.gelu(approximate: isApproximate) }
}

/// x / (1 + e^−x), also called swish.
public struct SiLU: Layer {
  /// A sigmoid linear unit.
  public init() {}
  /// Any shape to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.silu() }
}

/// Joins all axes after the first: `[n, c, h, w] → [n, c·h·w]`.
public struct Flatten: Layer {
  /// A flattening layer.
  public init() {}
  /// `[n, …] → [n, product of the rest]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.flattened() }
  /// Another shape for the same numbers.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    builder.graph.flatten(x)
  }
}
