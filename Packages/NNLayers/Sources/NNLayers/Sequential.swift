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
    for (position, layer) in layers.enumerated() {
      x = pass.enter(String(position)) { layer(x, in: pass) }
    }
    return x
  }

  /// Each layer's parameters under its position.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    for position in layers.indices {
      layers[position].visitParameters { name, parameter in visit("\(position).\(name)", &parameter) }
    }
  }

  /// Each layer's buffers under its position.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    for position in layers.indices {
      layers[position].visitBuffers { name, buffer in visit("\(position).\(name)", &buffer) }
    }
  }
}
