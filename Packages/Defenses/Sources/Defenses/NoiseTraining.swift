import AutoDiffLite
import NNLayers
import TensorCore

/// Gaussian-noise training: cross-entropy on noisy copies, so that the model can be the base of a smoothed classifier.
///
///     loss = mean over samples and copies of L(f(clamp(x + ε)), y),   ε ~ N(0, σ²I)
///
/// Use the noise that will certify: σ and clamping are part of the smoothed classifier, so both take one `SmoothingNoise`.
/// A sample's noise follows from the epoch and its index in the data set, not from the batch.
///
/// Source: Cohen, Rosenfeld, Kolter, "Certified Adversarial Robustness via Randomized Smoothing", ICML 2019, section 3.3,
/// with one copy a step.
public struct NoiseTraining: TrainingLoss, CustomStringConvertible {
  /// ε and the clamping.
  public var noise: SmoothingNoise
  /// How many noisy copies of each sample a step sees.
  public var copies: Int
  /// The loss of logits.
  public var loss = CrossEntropy()
  /// The values a valid input's elements may take, before noise.
  public var inputRange: ClosedRange<Float>

  /// A defence.
  ///
  /// - Precondition: there is at least one copy.
  public init(noise: SmoothingNoise, copies: Int = 1, inputRange: ClosedRange<Float> = 0...1) {
    precondition(copies > 0, "NoiseTraining: \(copies) copies")
    self.noise = noise
    self.copies = copies
    self.inputRange = inputRange
  }

  /// The loss of noisy copies. Training accuracy counts all copies.
  ///
  /// - Throws: `InputError.outOfRange` naming the sample whose input lies outside the range.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    try batch.checkInputs(in: inputRange)
    let noisy = NoisyBatch(batch, noise: noise, copies: copies, at: step)
    return try loss.outcome(of: model, on: noisy.batch(of: batch.inputs), at: step, carried: &carried)
  }

  /// The noise and the number of copies.
  public var description: String { "noise training, \(noise), \(copies) copies" }
}
