import AutoDiffLite
import TensorCore

/// A residual block: two 3×3 convolutions with batch norm, added to the input or to its projection, then ReLU.
///
///     y = ReLU(bn2(conv2(ReLU(bn1(conv1(x))))) + shortcut(x))
///
/// Where stride or channels change, the shortcut is a 1×1 convolution without bias and a batch norm, named `shortcut.0`
/// and `shortcut.1`; else it is the identity. Source: He et al., "Deep Residual Learning for Image Recognition", CVPR
/// 2016.
public struct BasicBlock: Layer {
  private var conv1: any Layer
  private var bn1: BatchNorm
  private var conv2: any Layer
  private var bn2: BatchNorm
  private var shortcut: Sequential?

  /// A block with Kaiming-normal convolutions (fan-out), without biases.
  public init(inputs: Int, outputs: Int, stride: Int = 1, key: RandomKey) {
    func convolution(_ inputs: Int, kernel: Extent, stride: Int, padding: Extent, _ name: String)
      -> Convolution
    {
      Convolution(
        inputs: inputs, outputs: outputs, kernel: kernel, stride: Extent(stride), padding: padding,
        initializer: .kaimingNormal(fan: .fanOut), hasBias: false, key: key.derived(name))
    }
    conv1 = convolution(inputs, kernel: 3, stride: stride, padding: 1, "conv1")
    bn1 = BatchNorm(channels: outputs)
    conv2 = convolution(outputs, kernel: 3, stride: 1, padding: 1, "conv2")
    bn2 = BatchNorm(channels: outputs)
    if stride != 1 || inputs != outputs {
      shortcut = Sequential(
        convolution(inputs, kernel: 1, stride: stride, padding: 0, "shortcut"), BatchNorm(channels: outputs))
    }
  }

  /// `[n, inputs, h, w] → [n, outputs, h / stride, w / stride]`, sides rounded up.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    var y = pass.enter("conv1", conv1, x)
    y = pass.enter("bn1", bn1, y, thenReLU: true)
    y = pass.enter("conv2", conv2, y)
    y = pass.enter("bn2", bn2, y)
    guard let shortcut else { return y.addedThenReLU(x) }
    return y.addedThenReLU(pass.enter("shortcut", shortcut, x))
  }

  /// The block's operations; the projection comes first, so that the sum can join the last convolution.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    var residual = x
    if let shortcut { residual = builder.enter("shortcut", shortcut, x) }
    var y = builder.enter("conv1", conv1, x)
    y = builder.graph.relu(builder.enter("bn1", bn1, y))
    y = builder.enter("conv2", conv2, y)
    y = builder.enter("bn2", bn2, y)
    return builder.graph.relu(builder.graph.sum(y, residual))
  }

  /// `conv1`, `bn1`, `conv2`, `bn2`, `shortcut`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    conv1.visitParameters { visit("conv1." + $0, &$1) }
    bn1.visitParameters { visit("bn1." + $0, &$1) }
    conv2.visitParameters { visit("conv2." + $0, &$1) }
    bn2.visitParameters { visit("bn2." + $0, &$1) }
    shortcut?.visitParameters { visit("shortcut." + $0, &$1) }
  }
  /// `conv1`, `conv2`, those of `shortcut`.
  public mutating func visitLayers(_ visit: (String, inout any Layer) -> Void) {
    visit("conv1", &conv1)
    visit("conv2", &conv2)
    shortcut?.visitLayers { visit("shortcut." + $0, &$1) }
  }
  /// `bn1`, `bn2`, `shortcut`.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    bn1.visitBuffers { visit("bn1." + $0, &$1) }
    bn2.visitBuffers { visit("bn2." + $0, &$1) }
    shortcut?.visitBuffers { visit("shortcut." + $0, &$1) }
  }
  /// `bn1`, `bn2`, `shortcut`.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) {
    bn1.visitCounters { visit("bn1." + $0, &$1) }
    bn2.visitCounters { visit("bn2." + $0, &$1) }
    shortcut?.visitCounters { visit("shortcut." + $0, &$1) }
  }
}
