import AutoDiffLite
import NNLayers
import TensorCore

/// How much the loss would change, to first order, if a weight became 0: |w · ∂L/∂w|, L the mean cross-entropy of some
/// samples in evaluation mode.
///
/// With a `transform` that attacks the batches, the score is that of the robust loss: weights that only clean accuracy needs
/// go first.
///
/// Source: Molchanov, Mallya, Tyree, Frosio, Kautz, "Importance Estimation for Neural Network Pruning", CVPR 2019, which
/// ranks by the square, so alike for single weights. Difference: one gradient of all samples instead of a mean over
/// batches, so that the batch size does not matter.
public struct TaylorScore: PruningScore {
  /// The samples.
  public var source: any BatchSource
  /// How many samples run at once.
  public var batchSize: Int
  /// What each sample's logits cost.
  public var loss = CrossEntropy()
  /// Replaces a batch before its gradient, with the model at hand.
  public var transform: (@Sendable (_ model: any Layer, _ batch: Batch) throws -> Batch)?

  /// The score on all samples of a source.
  public init(
    on source: any BatchSource, batchSize: Int = 100,
    transform: (@Sendable (_ model: any Layer, _ batch: Batch) throws -> Batch)? = nil
  ) {
    precondition(batchSize > 0, "TaylorScore: batchSize \(batchSize) is not positive")
    self.source = source
    self.batchSize = batchSize
    self.transform = transform
  }

  /// |w · ∂L/∂w|, also of frozen parameters.
  ///
  /// - Throws: what the source throws; `InputError` for a source without samples and for a label that is no class.
  public func scores<Model: Layer>(of weights: [NamedParameter], in model: Model) throws -> [Tensor] {
    guard source.count > 0 else {
      throw InputError(.missing, "samples for a Taylor score", expected: "at least one", found: "none")
    }
    var trainable = model
    trainable.setTrainable(true)
    var slopes = weights.map { Tensor.zeros(shape: $0.parameter.value.shape) }
    for start in stride(from: 0, to: source.count, by: batchSize) {
      let loaded = try source.batch(at: Array(start..<min(source.count, start + batchSize)))
      let batch = try transform?(model, loaded) ?? loaded
      try batch.checkLabels(classCount: source.classCount)
      let (_, gradients) = NNLayers.gradients(of: trainable, in: Pass(.evaluation, samples: batch.indices)) {
        loss($0(Variable(batch.inputs), in: $1), of: batch)
      }
      let share = Float(batch.count) / Float(source.count)
      for (i, weight) in weights.enumerated() { slopes[i].add(gradients[weight.name]!, scaledBy: share) }
    }
    return zip(weights, slopes).map { ($0.parameter.value * $1).absolute() }
  }
}
