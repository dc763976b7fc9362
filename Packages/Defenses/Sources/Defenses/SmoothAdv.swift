import Attacks
import AutoDiffLite
import NNLayers
import TensorCore

/// SmoothAdv: adversarial training of the smoothed classifier. The attack climbs the loss of the softmax averaged over m
/// noisy copies, and the step learns from the attacked samples under the same noise.
///
///     x' = argmax over the budget of −log (1/m) Σⱼ softmax(f(x' + εⱼ))_y,   εⱼ ~ N(0, σ²I)
///     loss = mean over samples and j of −log softmax(f(x' + εⱼ))_y
///
/// The draws of a sample are the same in all steps of its attack and in the training step, and new in each epoch. The attack
/// sees the model in evaluation mode through a `NoiseAveraged`; the noise may clamp, as in certification.
///
/// Source: Salman, Li, Razenshteyn, Zhang, Zhang, Bubeck, Yang, "Provably Robust Deep Learning via Adversarially Trained
/// Smoothed Classifiers", NeurIPS 2019, pseudocode 1. Their attacks are L2 balls, their starts the input.
public struct SmoothAdv<Method: Attack>: TrainingLoss, CustomStringConvertible {
  /// What climbs the averaged loss; it must keep all samples of the batch together, whose noise stands by row.
  public var attack: AttackSchedule<Method>
  /// ε and the clamping.
  public var noise: SmoothingNoise
  /// m, how many noisy copies a sample has.
  public var copies: Int
  /// The values a valid input's elements may take, before noise.
  public var inputRange: ClosedRange<Float>

  /// A defence whose attack may grow at first.
  ///
  /// - Precondition: there is at least one copy.
  public init(
    attack: AttackSchedule<Method>, noise: SmoothingNoise, copies: Int, inputRange: ClosedRange<Float> = 0...1
  ) {
    precondition(copies > 0, "SmoothAdv: \(copies) copies")
    self.attack = attack
    self.noise = noise
    self.copies = copies
    self.inputRange = inputRange
  }

  /// A defence with the same attack at every step.
  ///
  /// - Precondition: there is at least one copy.
  public init(
    attack: Method, noise: SmoothingNoise, copies: Int, inputRange: ClosedRange<Float> = 0...1
  ) {
    self.init(attack: AttackSchedule(attack), noise: noise, copies: copies, inputRange: inputRange)
  }

  /// Attacks the batch through the noise, then differentiates the loss. Training accuracy counts all noisy copies.
  ///
  /// - Throws: `InputError.outOfRange` naming the sample whose input lies outside the range.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    try batch.checkInputs(in: inputRange)
    let noisy = NoisyBatch(batch, noise: noise, copies: copies, at: step)
    let averaged = NoiseAveraged(
      try model.underAttack(by: batch.inputs, range: inputRange), noise: noise, copies: copies,
      keys: noisy.keys, inputRange: inputRange)
    let attacked = attack.attack(at: step.time).perturb(
      batch.inputs, against: averaged, goal: Untargeted(labels: batch.labels),
      keys: step.attackKeys(of: batch))
    return try CrossEntropy().outcome(of: model, on: noisy.batch(of: attacked), at: step, carried: &carried)
  }

  /// The noise, the number of copies and the attack.
  public var description: String { "SmoothAdv, \(noise), \(copies) copies, \(attack)" }
}
