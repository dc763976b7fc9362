import AutoDiffLite
import TensorCore

/// The convolutional network of document 0 for 28×28 images: two 5×5 convolutions with max-pooling, two linear layers,
/// dropout before each pooled or hidden result. 21,840 parameters; logits, not probabilities.
///
///     conv 1→10 (5×5), max-pool 2, ReLU; conv 10→20 (5×5), channel dropout 0.5, max-pool 2, ReLU;
///     linear 320→50, ReLU, dropout 0.5; linear 50→10
public struct Net: Layer {
  private var conv1: Convolution
  private var conv2: Convolution
  private var fc1: Linear
  private var fc2: Linear
  private let pool = MaxPool(2)
  private let channelDropout = ChannelDropout(rate: 0.5)
  private let dropout = Dropout(rate: 0.5)

  /// A network with PyTorch's default initialisation.
  public init(key: RandomKey) {
    conv1 = Convolution(inputs: 1, outputs: 10, kernel: 5, key: key.derived("conv1"))
    conv2 = Convolution(inputs: 10, outputs: 20, kernel: 5, key: key.derived("conv2"))
    fc1 = Linear(inputs: 320, outputs: 50, key: key.derived("fc1"))
    fc2 = Linear(inputs: 50, outputs: 10, key: key.derived("fc2"))
  }

  /// `[n, 1, 28, 28]`, or `[n, 784]`, `→ [n, 10]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    var y = x.shape.rank == 2 ? x.reshaped(to: [x.shape[0], 1, 28, 28]) : x
    y = pass.enter("conv1", conv1, y)
    y = pool(y, in: pass, thenReLU: true)
    y = pass.enter("conv2", conv2, y)
    y = pass.enter("conv2_drop", channelDropout, y)
    y = pool(y, in: pass, thenReLU: true).flattened()
    y = pass.enter("fc1", fc1, y).relu()
    y = pass.enter("dropout", dropout, y)
    return pass.enter("fc2", fc2, y)
  }

  /// The layers' operations in order.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    var y = builder.graph.reshape(x, to: [1, 28, 28])
    y = builder.enter("conv1", conv1, y)
    y = builder.graph.relu(pool.plan(y, in: &builder))
    y = builder.enter("conv2", conv2, y)
    y = builder.enter("conv2_drop", channelDropout, y)
    y = builder.graph.relu(pool.plan(y, in: &builder))
    y = builder.enter("fc1", fc1, builder.graph.flatten(y))
    y = builder.enter("dropout", dropout, builder.graph.relu(y))
    return builder.enter("fc2", fc2, y)
  }

  /// `conv1`, `conv2`, `fc1`, `fc2`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    conv1.visitParameters { visit("conv1." + $0, &$1) }
    conv2.visitParameters { visit("conv2." + $0, &$1) }
    fc1.visitParameters { visit("fc1." + $0, &$1) }
    fc2.visitParameters { visit("fc2." + $0, &$1) }
  }
}
