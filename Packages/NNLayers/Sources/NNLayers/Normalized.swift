import AutoDiffLite
import TensorCore

/// A model behind the normalisation of its input, (x − mean) / standardDeviation for each channel: so the whole takes
/// pixels in [0, 1], and attacks work in pixel units. Parameters keep the inner model's names.
public struct Normalized<Model: Layer>: Layer {
  /// What follows the normalisation.
  public var model: Model
  /// Subtracted from each channel, `[c]`.
  public let mean: Tensor
  /// Each channel is divided by it, `[c]`.
  public let standardDeviation: Tensor

  /// A model with its preprocessing.
  ///
  /// - Precondition: one mean and one positive standard deviation for each channel.
  public init(_ model: Model, mean: [Float], standardDeviation: [Float]) {
    precondition(
      mean.count == standardDeviation.count && standardDeviation.allSatisfy { $0 > 0 },
      "Normalized: mean \(mean) and standard deviation \(standardDeviation)")
    self.model = model
    self.mean = Tensor(mean)
    self.standardDeviation = Tensor(standardDeviation)
  }

  private var scale: Tensor { 1 / standardDeviation }
  private var shift: Tensor { -(mean / standardDeviation) }

  /// `[n, c, h, w]` in pixel units to the model's output.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let statistics = ChannelStatistics(mean: mean, variance: standardDeviation.squared())
    return model(
      x.channelNormalized(
        by: statistics, weight: Variable(.ones(shape: mean.shape)), bias: Variable(.zeros(shape: mean.shape)),
        epsilon: 0), in: pass)
  }

  /// A factor and an offset for each channel, then the model.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    model.plan(builder.graph.affine(x, scale: scale, shift: shift), in: &builder)
  }

  /// The model's.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    model.visitParameters(visit)
  }
  /// The model's.
  public mutating func visitLayers(_ visit: (String, inout any Layer) -> Void) { model.visitLayers(visit) }
  /// The model's.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) { model.visitBuffers(visit) }
  /// The model's.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) { model.visitCounters(visit) }
}
