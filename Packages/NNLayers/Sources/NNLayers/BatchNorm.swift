import AutoDiffLite
import TensorCore

/// Batch normalisation of each channel of `[n, c]` or `[n, c, h, w]`.
///
///     y = (x − mean) / √(variance + epsilon) · weight + bias
///
/// While training, mean and variance are the batch's, and the running values move towards them, the variance towards its
/// unbiased estimate: `running ← (1 − momentum) · running + momentum · batch`. They move when the training step applies
/// the pass's updates (`Layer.applyUpdates`), never during a forward pass. In evaluation the running values count.
///
/// Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015; defaults are PyTorch's.
public struct BatchNorm: ReLUFusing {
  /// A factor for each channel, `[c]`, 1 at first.
  public var weight: Parameter
  /// An offset for each channel, `[c]`, 0 at first.
  public var bias: Parameter
  /// `[c]`, 0 at first.
  public var runningMean: Tensor
  /// `[c]`, 1 at first.
  public var runningVariance: Tensor
  /// Batches that the running values have seen.
  public var batchCount = 0
  /// The weight of the newest batch.
  public let momentum: Float
  /// Keeps the root from 0.
  public let epsilon: Double

  /// A normalisation.
  public init(channels: Int, momentum: Float = 0.1, epsilon: Double = 1e-5) {
    precondition(channels > 0, "BatchNorm: \(channels) channels")
    weight = Parameter(.ones(shape: [channels]))
    bias = Parameter(.zeros(shape: [channels]))
    runningMean = .zeros(shape: [channels])
    runningVariance = .ones(shape: [channels])
    self.momentum = momentum
    self.epsilon = epsilon
  }

  /// Any shape `[n, c, …]` to the same shape.
  ///
  /// - Precondition: in training a channel has more than one value.
  public func callAsFunction(_ x: Variable, in pass: Pass, thenReLU: Bool) -> Variable {
    precondition(
      x.shape.rank >= 2 && x.shape[1] == runningMean.count,
      "BatchNorm \(pass.path): expected [n, \(runningMean.count), …], got \(x.shape)")
    let statistics: ChannelStatistics
    if pass.mode == .training {
      precondition(
        x.shape.count > runningMean.count,
        "BatchNorm \(pass.path): training needs more than one value a channel, got \(x.shape)")
      statistics = ChannelStatistics(measuring: x.value)
      let (measured, momentum) = (statistics, self.momentum)
      pass.update(buffer: "running_mean") { $0 * (1 - momentum) + measured.mean * momentum }
      pass.update(buffer: "running_var") { $0 * (1 - momentum) + measured.unbiasedVariance * momentum }
      pass.count("num_batches_tracked")
    } else {
      statistics = ChannelStatistics(mean: runningMean, variance: runningVariance)
    }
    return x.channelNormalized(
      by: statistics, weight: weight.variable, bias: bias.variable, epsilon: epsilon, thenReLU: thenReLU)
  }

  /// A factor and an offset for each channel, from the running values.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    let scale = weight.value / (runningVariance + Float(epsilon)).squareRoot()
    return builder.graph.affine(x, scale: scale, shift: bias.value - runningMean * scale)
  }

  /// `weight`, then `bias`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    visit("weight", &weight)
    visit("bias", &bias)
  }

  /// `running_mean`, then `running_var`.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    visit("running_mean", &runningMean)
    visit("running_var", &runningVariance)
  }

  /// `num_batches_tracked`.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) {
    visit("num_batches_tracked", &batchCount)
  }
}
