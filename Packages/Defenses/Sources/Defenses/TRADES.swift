import Attacks
import AutoDiffLite
import NNLayers
import TensorCore

/// TRADES: cross-entropy on clean samples, plus how far the answers move under attack, labels left aside.
///
///     loss = mean[ −log p_y(x) + β KL(p(x) ‖ p(x')) ],   x' = argmax over the budget of KL(p(x) ‖ p(x'))
///
/// β trades accuracy (small) for robustness (large); the paper uses 1 to 6.
///
///     loop.loss = TRADES(
///       attack: ProjectedGradient(budget: NormalStart(LInfBall(radius: 0.3)), stepSize: 0.01, steps: 40), beta: 6)
///
/// The attack sees the model in evaluation mode (as the authors' code has it), and so does the p(x) that it moves away from;
/// clean, then attacked samples pass in training mode, and the gradient flows through both.
///
/// Source: Zhang, Yu, Jiao, Xing, El Ghaoui, Jordan, "Theoretically Principled Trade-off between Robustness and Accuracy",
/// ICML 2019, algorithm 1, with β = 1/λ.
public struct TRADES<Method: Attack>: TrainingLoss, CustomStringConvertible {
  /// What climbs the divergence; it must start away from the input.
  public var attack: AttackSchedule<Method>
  /// β, 0 or more.
  public var beta: Float
  /// The values a valid input's elements may take.
  public var inputRange: ClosedRange<Float>

  /// A defence whose attack may grow at first.
  ///
  /// - Precondition: β is not negative and finite.
  public init(attack: AttackSchedule<Method>, beta: Float = 6, inputRange: ClosedRange<Float> = 0...1) {
    precondition(beta >= 0 && beta.isFinite, "TRADES: beta \(beta)")
    self.attack = attack
    self.beta = beta
    self.inputRange = inputRange
  }

  /// A defence with the same attack at every step.
  ///
  /// - Precondition: β is not negative and finite.
  public init(attack: Method, beta: Float = 6, inputRange: ClosedRange<Float> = 0...1) {
    self.init(attack: AttackSchedule(attack), beta: beta, inputRange: inputRange)
  }

  /// The loss from the logits of clean and attacked samples, `[n, k]` each, to a scalar.
  public func loss(clean: Variable, adversarial: Variable, labels: IntTensor) -> Variable {
    clean.crossEntropy(labels: labels).mean() + beta * divergence(clean, adversarial).mean()
  }

  /// Attacks the batch, then differentiates the loss. Training accuracy counts clean samples.
  ///
  /// - Throws: `InputError.outOfRange` naming the sample whose input lies outside the range.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    precondition(batch.targets == nil, "TRADES: mixed samples have no label to be right about")
    try batch.checkInputs(in: inputRange)
    let target = try model.underAttack(by: batch.inputs, range: inputRange)
    let attacked = attack.attack(at: step.time).perturb(
      batch.inputs, against: target, goal: Divergence(from: target.logits(batch.inputs)),
      keys: step.attackKeys(of: batch))
    return StepOutcome(of: model, on: batch, and: attacked, at: step) { clean, adversarial in
      (loss(clean: clean, adversarial: adversarial, labels: batch.labels), clean)
    }
  }

  /// β and the attack.
  public var description: String { "TRADES, beta \(beta), \(attack)" }
}
