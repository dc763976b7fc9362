import AutoDiffLite
import TensorCore

/// A multi-layer perceptron: linear layers with ReLU between them; with no hidden layer, softmax regression.
///
///     MLP(widths: [784, 512, 10], key: key)   // 407,050 parameters
///
/// Inputs of rank above 2 are flattened. Parameter names are those of PyTorch's
/// `nn.Sequential(nn.Linear, nn.ReLU, nn.Linear, …)`: `0.weight`, `0.bias`, `2.weight`, …
public struct MLP: Layer {
  private var network: Sequential
  /// The sizes from input to output.
  public var widths: [Int] {
    let shapes = parameters.map(\.parameter.value.shape).filter { $0.rank == 2 }
    return [shapes[0][1]] + shapes.map { $0[0] }
  }

  /// A perceptron with freshly drawn parameters.
  ///
  /// - Precondition: at least an input and an output width, all positive.
  public init(widths: [Int], initializer: Initializer = .torchDefault, key: RandomKey) {
    precondition(widths.count >= 2 && widths.allSatisfy { $0 > 0 }, "MLP: widths \(widths)")
    var layers: [any Layer] = []
    for i in 0..<(widths.count - 1) {
      if i > 0 { layers.append(ReLU()) }
      layers.append(
        Linear(
          inputs: widths[i], outputs: widths[i + 1], initializer: initializer, key: key.derived(layers.count))
      )
    }
    network = Sequential(layers)
  }

  /// `[n, widths.first]` or `[n, …]` with as many elements a sample `→ [n, widths.last]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    network(x.shape.rank == 2 ? x : x.flattened(), in: pass)
  }

  /// The network's operations.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    network.plan(builder.graph.flatten(x), in: &builder)
  }

  /// The linear layers' parameters, input side first.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    network.visitParameters(visit)
  }

  /// The linear layers and ReLUs.
  public mutating func visitLayers(_ visit: (String, inout any Layer) -> Void) { network.visitLayers(visit) }
}
