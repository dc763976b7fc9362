import AutoDiffLite
import TensorCore

/// Dropout: while training, each element becomes 0 with probability `rate` and x / (1 − rate) else; in evaluation nothing
/// changes. The draws follow each sample's index, wherever it stands in a batch.
///
/// Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014.
public struct Dropout: Layer {
  /// The share that is dropped.
  public let rate: Float

  /// A dropout layer.
  ///
  /// - Precondition: 0 ≤ rate ≤ 1.
  public init(rate: Float) {
    precondition(rate >= 0 && rate <= 1, "Dropout: rate \(rate) is outside 0...1")
    self.rate = rate
  }

  /// Any shape `[n, …]` to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    if pass.mode == .evaluation || rate == 0 { return x }
    return x.dropped(rate: rate, keys: pass.sampleKeys(count: x.shape[0]))
  }

  /// Nothing.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value { x }
}

/// Dropout of whole channels of `[n, c, h, w]`, as PyTorch's `Dropout2d`: while training, each becomes 0 with probability
/// `rate` and is divided by (1 − rate) else.
///
/// Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015.
public struct ChannelDropout: Layer {
  /// The share that is dropped.
  public let rate: Float

  /// A dropout layer.
  ///
  /// - Precondition: 0 ≤ rate ≤ 1.
  public init(rate: Float) {
    precondition(rate >= 0 && rate <= 1, "ChannelDropout: rate \(rate) is outside 0...1")
    self.rate = rate
  }

  /// `[n, c, …]` to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    if pass.mode == .evaluation || rate == 0 { return x }
    let keys = pass.sampleKeys(count: x.shape[0])
    let ones = Tensor.ones(shape: [x.shape[0], x.shape[1]])
    return x.scaledRows(by: ones.dropped(rate: rate, keys: keys).values)
  }

  /// Nothing.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value { x }
}
