import AutoDiffLite
import TensorCore

/// The wider network for document 1, beside `ConvNN`, for 28×28 images. 50,378 parameters; logits, not probabilities.
///
///     conv 1→32 (3×3, padding 1), batch norm, ReLU, max-pool 2; conv 32→64 (3×3, padding 1), batch norm, ReLU,
///     max-pool 2; linear 3136→10
public struct WideConvNN: Layer {
  private var conv1: Convolution
  private var bn1: BatchNorm
  private var conv2: Convolution
  private var bn2: BatchNorm
  private var fc: Linear
  private let pool = MaxPool(2)

  /// A network with PyTorch's default initialisation.
  public init(key: RandomKey) {
    conv1 = Convolution(inputs: 1, outputs: 32, kernel: 3, padding: 1, key: key.derived("conv1"))
    bn1 = BatchNorm(channels: 32)
    conv2 = Convolution(inputs: 32, outputs: 64, kernel: 3, padding: 1, key: key.derived("conv2"))
    bn2 = BatchNorm(channels: 64)
    fc = Linear(inputs: 3136, outputs: 10, key: key.derived("fc"))
  }

  /// `[n, 1, 28, 28]`, or `[n, 784]`, `→ [n, 10]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    var y = x.shape.rank == 2 ? x.reshaped(to: [x.shape[0], 1, 28, 28]) : x
    y = pass.enter("bn1", bn1, pass.enter("conv1", conv1, y), thenReLU: true)
    y = pool(y, in: pass)
    y = pass.enter("bn2", bn2, pass.enter("conv2", conv2, y), thenReLU: true)
    return pass.enter("fc", fc, pool(y, in: pass).flattened())
  }

  /// The layers' operations in order.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    var y = builder.graph.reshape(x, to: [1, 28, 28])
    y = builder.graph.relu(builder.enter("bn1", bn1, builder.enter("conv1", conv1, y)))
    y = pool.plan(y, in: &builder)
    y = builder.graph.relu(builder.enter("bn2", bn2, builder.enter("conv2", conv2, y)))
    return builder.enter("fc", fc, builder.graph.flatten(pool.plan(y, in: &builder)))
  }

  /// `conv1`, `bn1`, `conv2`, `bn2`, `fc`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    conv1.visitParameters { visit("conv1." + $0, &$1) }
    bn1.visitParameters { visit("bn1." + $0, &$1) }
    conv2.visitParameters { visit("conv2." + $0, &$1) }
    bn2.visitParameters { visit("bn2." + $0, &$1) }
    fc.visitParameters { visit("fc." + $0, &$1) }
  }
  /// Those of `bn1` and `bn2`.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    bn1.visitBuffers { visit("bn1." + $0, &$1) }
    bn2.visitBuffers { visit("bn2." + $0, &$1) }
  }
  /// Those of `bn1` and `bn2`.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) {
    bn1.visitCounters { visit("bn1." + $0, &$1) }
    bn2.visitCounters { visit("bn2." + $0, &$1) }
  }
}
