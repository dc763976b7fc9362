import AutoDiffLite
import TensorCore

/// The second network of document 4 for 32×32 colour images: a stem and six residual blocks. 2,777,674 parameters.
///
///     conv1 3→64 (3×3), bn1, ReLU; layer1 64, 64; layer2 128 (stride 2), 128; layer3 256 (stride 2), 256;
///     mean of each channel; fc 256→classes
public struct ResNetSmall: Layer {
  private var conv1: any Layer
  private var bn1: BatchNorm
  private var layer1: Sequential
  private var layer2: Sequential
  private var layer3: Sequential
  private var fc: any Layer
  private let pool = AdaptiveAveragePool(1)

  /// A network with Kaiming-normal convolutions (fan-out), a linear weight from N(0, 0.01²) and a zero bias.
  public init(classes: Int = 10, key: RandomKey) {
    func pair(_ inputs: Int, _ outputs: Int, stride: Int, _ name: String) -> Sequential {
      let key = key.derived(name)
      return Sequential(
        BasicBlock(inputs: inputs, outputs: outputs, stride: stride, key: key.derived(0)),
        BasicBlock(inputs: outputs, outputs: outputs, key: key.derived(1)))
    }
    conv1 = Convolution(
      inputs: 3, outputs: 64, kernel: 3, padding: 1, initializer: .kaimingNormal(fan: .fanOut),
      hasBias: false,
      key: key.derived("conv1"))
    bn1 = BatchNorm(channels: 64)
    layer1 = pair(64, 64, stride: 1, "layer1")
    layer2 = pair(64, 128, stride: 2, "layer2")
    layer3 = pair(128, 256, stride: 2, "layer3")
    fc = Linear(
      inputs: 256, outputs: classes, initializer: .normal(standardDeviation: 0.01), key: key.derived("fc"))
  }

  /// `[n, 3, 32, 32] → [n, classes]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    var y = pass.enter("conv1", conv1, x)
    y = pass.enter("bn1", bn1, y, thenReLU: true)
    y = pass.enter("layer1", layer1, y)
    y = pass.enter("layer2", layer2, y)
    y = pass.enter("layer3", layer3, y)
    y = pass.enter("avgpool", pool, y)
    return pass.enter("fc", fc, y.flattened())
  }

  /// The layers' operations in order.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    var y = builder.enter("conv1", conv1, x)
    y = builder.graph.relu(builder.enter("bn1", bn1, y))
    y = builder.enter("layer1", layer1, y)
    y = builder.enter("layer2", layer2, y)
    y = builder.enter("layer3", layer3, y)
    y = builder.enter("avgpool", pool, y)
    return builder.enter("fc", fc, builder.graph.flatten(y))
  }

  /// `conv1`, `bn1`, `layer1`, `layer2`, `layer3`, `fc`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    conv1.visitParameters { visit("conv1." + $0, &$1) }
    bn1.visitParameters { visit("bn1." + $0, &$1) }
    layer1.visitParameters { visit("layer1." + $0, &$1) }
    layer2.visitParameters { visit("layer2." + $0, &$1) }
    layer3.visitParameters { visit("layer3." + $0, &$1) }
    fc.visitParameters { visit("fc." + $0, &$1) }
  }
  /// `conv1`, those of `layer1`, `layer2` and `layer3`, `fc`.
  public mutating func visitLayers(_ visit: (String, inout any Layer) -> Void) {
    visit("conv1", &conv1)
    layer1.visitLayers { visit("layer1." + $0, &$1) }
    layer2.visitLayers { visit("layer2." + $0, &$1) }
    layer3.visitLayers { visit("layer3." + $0, &$1) }
    visit("fc", &fc)
  }
  /// `bn1`, `layer1`, `layer2`, `layer3`.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    bn1.visitBuffers { visit("bn1." + $0, &$1) }
    layer1.visitBuffers { visit("layer1." + $0, &$1) }
    layer2.visitBuffers { visit("layer2." + $0, &$1) }
    layer3.visitBuffers { visit("layer3." + $0, &$1) }
  }
  /// `bn1`, `layer1`, `layer2`, `layer3`.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) {
    bn1.visitCounters { visit("bn1." + $0, &$1) }
    layer1.visitCounters { visit("layer1." + $0, &$1) }
    layer2.visitCounters { visit("layer2." + $0, &$1) }
    layer3.visitCounters { visit("layer3." + $0, &$1) }
  }
}
