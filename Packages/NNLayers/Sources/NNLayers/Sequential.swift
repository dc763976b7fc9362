import AutoDiffLite
import TensorCore

/// Layers one after the other, named by their position as in PyTorch: `0.weight`, `2.bias`.
public struct Sequential: Layer {
  /// The layers, first to last.
  public var layers: [any Layer]

  /// A chain of layers.
  public init(_ layers: [any Layer]) { self.layers = layers }

  /// A chain of layers.
  public init(_ layers: any Layer...) { self.layers = layers }

  /// Runs the layers in order.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    var x = x
    var position = 0
    while position < layers.count {
      let name = String(position)
      if let layer = layers[position] as? any ReLUFusing, position + 1 < layers.count,
        layers[position + 1] is ReLU, !pass.keeps(name)
      {
        // The pair runs in one pass over memory; its result is the ReLU's output.
        x = pass.enter(name, layer, x, thenReLU: true)
        x = pass.enter(String(position + 1), as: layers[position + 1]) { x }
        position += 2
      } else {
        x = pass.enter(name, layers[position], x)
        position += 1
      }
    }
    return x
  }

  /// The layers' operations in order.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    var x = x
    for (position, layer) in layers.enumerated() { x = builder.enter(String(position), layer, x) }
    return x
  }

  /// Each layer's parameters under its position.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    for position in layers.indices {
      layers[position].visitParameters { name, parameter in visit("\(position).\(name)", &parameter) }
    }
  }

  /// Each layer under its position.
  public mutating func visitLayers(_ visit: (String, inout any Layer) -> Void) {
    for position in layers.indices { visit(String(position), &layers[position]) }
  }

  /// Each layer's counters under its position.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) {
    for position in layers.indices {
      layers[position].visitCounters { name, counter in visit("\(position).\(name)", &counter) }
    }
  }

  /// Each layer's buffers under its position.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    for position in layers.indices {
      layers[position].visitBuffers { name, buffer in visit("\(position).\(name)", &buffer) }
    }
  }
}
