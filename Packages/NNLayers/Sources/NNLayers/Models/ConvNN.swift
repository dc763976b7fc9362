import AutoDiffLite
import TensorCore

/// The small convolutional network of document 1 for 28×28 images. 1,580 parameters; logits, not probabilities.
///
///     conv 1→5 (5×5), ReLU, batch norm, max-pool 2; conv 5→5 (5×5), ReLU, max-pool 2; linear 80→10
public struct ConvNN: Layer {
  private var conv1: Convolution
  private var bn1: BatchNorm
  private var conv2: Convolution
  private var fc: Linear
  private let pool = MaxPool(2)

  /// A network with PyTorch's default initialisation.
  public init(key: RandomKey) {
    conv1 = Convolution(inputs: 1, outputs: 5, kernel: 5, key: key.derived("conv1"))
    bn1 = BatchNorm(channels: 5)
    conv2 = Convolution(inputs: 5, outputs: 5, kernel: 5, key: key.derived("conv2"))
    fc = Linear(inputs: 80, outputs: 10, key: key.derived("fc"))
  }

  /// `[n, 1, 28, 28]`, or `[n, 784]`, `→ [n, 10]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    var y = x.shape.rank == 2 ? x.reshaped(to: [x.shape[0], 1, 28, 28]) : x
    y = pass.enter("conv1", conv1, y, thenReLU: true)
    y = pass.enter("bn1", bn1, y)
    y = pool(y, in: pass)
    y = pass.enter("conv2", conv2, y)
    // The largest of rectified values is the rectified largest, and a quarter of the work.
    y = pool(y, in: pass, thenReLU: true).flattened()
    return pass.enter("fc", fc, y)
  }

  /// The layers' operations in order.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    var y = builder.graph.reshape(x, to: [1, 28, 28])
    y = builder.graph.relu(builder.enter("conv1", conv1, y))
    y = pool.plan(builder.enter("bn1", bn1, y), in: &builder)
    y = builder.enter("conv2", conv2, y)
    y = builder.graph.relu(pool.plan(y, in: &builder))
    return builder.enter("fc", fc, builder.graph.flatten(y))
  }

  /// `conv1`, `bn1`, `conv2`, `fc`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    conv1.visitParameters { visit("conv1." + $0, &$1) }
    bn1.visitParameters { visit("bn1." + $0, &$1) }
    conv2.visitParameters { visit("conv2." + $0, &$1) }
    fc.visitParameters { visit("fc." + $0, &$1) }
  }
  /// Those of `bn1`.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    bn1.visitBuffers { visit("bn1." + $0, &$1) }
  }
  /// Those of `bn1`.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) {
    bn1.visitCounters { visit("bn1." + $0, &$1) }
  }
}
