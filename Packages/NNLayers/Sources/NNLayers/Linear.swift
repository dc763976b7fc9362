import AutoDiffLite
import TensorCore

/// A fully connected layer, `y = x·weightᵀ + bias`: `[n, inputs] → [n, outputs]`.
public struct Linear: Layer {
  /// `[outputs, inputs]`.
  public var weight: Parameter
  /// `[outputs]`; nil for a layer without bias.
  public var bias: Parameter?

  /// A layer with freshly drawn parameters.
  ///
  /// - Parameters:
  ///   - initializer: how the weight is drawn; the default is PyTorch's, U(−1/√inputs, 1/√inputs).
  ///   - hasBias: whether there is a bias. It is drawn from U(−1/√inputs, 1/√inputs) with the default initializer
  ///     and starts at zero with any other.
  ///   - key: decides the draws.
  public init(
    inputs: Int, outputs: Int, initializer: Initializer = .torchDefault, hasBias: Bool = true, key: RandomKey
  ) {
    let shape: Shape = [outputs, inputs]
    weight = Parameter(initializer.tensor(shape: shape, key: key.derived("weight")))
    if hasBias {
      bias = Parameter(initializer.bias(outputs: outputs, fanIn: inputs, key: key.derived("bias")))
    }
  }

  /// `[n, inputs] → [n, outputs]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    precondition(
      x.shape.rank == 2 && x.shape[1] == weight.value.shape[1],
      "Linear \(pass.path): expected [n, \(weight.value.shape[1])], got \(x.shape)")
    return x.linear(weight: weight.variable, bias: bias?.variable)
  }

  /// A product.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    builder.graph.linear(x, weight: weight.value, bias: bias?.value, execution: builder.execution)
  }

  /// `weight`, then `bias`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    visit("weight", &weight)
    if bias != nil { visit("bias", &bias!) }
  }
}
