import AutoDiffLite
import TensorCore

/// The first network of document 4 for 32×32 colour images: three blocks of convolution, batch norm and ReLU, and a
/// classifier with dropout. 620,810 parameters.
///
/// Layers are `features.0` … `features.11` and `classifier.0` … `classifier.4`.
public struct SimpleCNN: Layer {
  /// Convolution, batch norm, ReLU and pooling, three times.
  public var features: Sequential
  /// Dropout, linear, ReLU, dropout, linear.
  public var classifier: Sequential

  /// A network with Kaiming-normal convolutions (fan-out), linear weights from N(0, 0.01²) and zero biases.
  ///
  /// - Parameter dropouts: the rates before the first and the second linear layer.
  public init(classes: Int = 10, dropouts: (Float, Float) = (0.5, 0.3), key: RandomKey) {
    func block(_ inputs: Int, _ outputs: Int) -> [any Layer] {
      [
        Convolution(
          inputs: inputs, outputs: outputs, kernel: 3, padding: 1, initializer: .kaimingNormal(fan: .fanOut),
          key: key.derived("features").derived(outputs)), BatchNorm(channels: outputs), ReLU(),
      ]
    }
    func linear(_ inputs: Int, _ outputs: Int) -> Linear {
      Linear(
        inputs: inputs, outputs: outputs, initializer: .normal(standardDeviation: 0.01),
        key: key.derived("classifier").derived(outputs))
    }
    features = Sequential(
      block(3, 32) + [MaxPool(2)] + block(32, 64) + [MaxPool(2)] + block(64, 128) + [AdaptiveAveragePool(4)])
    classifier = Sequential(
      Dropout(rate: dropouts.0), linear(2048, 256), ReLU(), Dropout(rate: dropouts.1), linear(256, classes))
  }

  /// `[n, 3, 32, 32] → [n, classes]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let y = pass.enter("features", features, x)
    return pass.enter("classifier", classifier, y.flattened())
  }

  /// The layers' operations in order.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    let y = builder.enter("features", features, x)
    return builder.enter("classifier", classifier, builder.graph.flatten(y))
  }

  /// Those of `features`, then of `classifier`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    features.visitParameters { visit("features." + $0, &$1) }
    classifier.visitParameters { visit("classifier." + $0, &$1) }
  }
  /// Those of `features`, then of `classifier`.
  public mutating func visitLayers(_ visit: (String, inout any Layer) -> Void) {
    features.visitLayers { visit("features." + $0, &$1) }
    classifier.visitLayers { visit("classifier." + $0, &$1) }
  }
  /// Those of `features`.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    features.visitBuffers { visit("features." + $0, &$1) }
  }
  /// Those of `features`.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) {
    features.visitCounters { visit("features." + $0, &$1) }
  }
}
