import Attacks
import AutoDiffLite
import NNLayers
import TensorCore

/// MART, misclassification-aware adversarial training: attacked samples must be right by a margin, and answers may move the
/// less, the less sure the model is of the clean sample.
///
///     loss = mean[ BCE(p(x'), y) + λ KL(p(x) ‖ p(x')) (1 − p_y(x)) ]
///     BCE(p, y) = −log p_y − log(1 − max_{c ≠ y} p_c),   x' = argmax over the budget of −log p_y(x')
///
/// The attack sees the model in evaluation mode; clean, then attacked samples pass in training mode, and the gradient flows
/// through both. Logarithms are taken of sums of exponentials, so no constant has to keep them finite.
///
/// Source: Wang, Zou, Yi, Bailey, Ma, Gu, "Improving Adversarial Robustness Requires Revisiting Misclassified Examples",
/// ICLR 2020, algorithm 1; λ is 5 or 6 there.
public struct MART<Method: Attack>: TrainingLoss, CustomStringConvertible {
  /// What climbs the cross-entropy of the label.
  public var attack: AttackSchedule<Method>
  /// λ, 0 or more.
  public var lambda: Float
  /// The values a valid input's elements may take.
  public var inputRange: ClosedRange<Float>

  /// A defence whose attack may grow at first.
  ///
  /// - Precondition: λ is not negative and finite.
  public init(attack: AttackSchedule<Method>, lambda: Float = 5, inputRange: ClosedRange<Float> = 0...1) {
    precondition(lambda >= 0 && lambda.isFinite, "MART: lambda \(lambda)")
    self.attack = attack
    self.lambda = lambda
    self.inputRange = inputRange
  }

  /// A defence with the same attack at every step.
  ///
  /// - Precondition: λ is not negative and finite.
  public init(attack: Method, lambda: Float = 5, inputRange: ClosedRange<Float> = 0...1) {
    self.init(attack: AttackSchedule(attack), lambda: lambda, inputRange: inputRange)
  }

  /// The loss from the logits of clean and attacked samples, `[n, k]` each, to a scalar.
  ///
  /// - Precondition: there are at least two classes.
  public func loss(clean: Variable, adversarial: Variable, labels: IntTensor) -> Variable {
    let doubt = 1 - clean.softmax().picked(columns: labels)
    let boosted =
      adversarial.crossEntropy(labels: labels) - Self.logRestWithoutRival(adversarial, labels: labels)
    return (boosted + lambda * (divergence(clean, adversarial) * doubt)).mean()
  }

  /// log(1 − p_r) of each row, r the likeliest class beside the label (the first of equals).
  private static func logRestWithoutRival(_ logits: Variable, labels: IntTensor) -> Variable {
    precondition(
      logits.shape.rank == 2 && logits.shape[1] > 1,
      "MART: expected [n, 2 or more] logits, got \(logits.shape)")
    let classes = logits.shape[1]
    // far below any logit, yet no infinity, which would turn into NaN
    let out: Float = -1e30
    let rivals = (logits.value + out * Tensor.oneHot(labels, classes: classes)).argmax(alongAxis: 1)
    let rest = logits + Variable(out * Tensor.oneHot(rivals, classes: classes))
    return rest.logSumExp() - logits.logSumExp()
  }

  /// Attacks the batch, then differentiates the loss. Training accuracy counts attacked samples.
  ///
  /// - Throws: `InputError.outOfRange` naming the sample whose input lies outside the range.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    precondition(batch.targets == nil, "MART: mixed samples have no label to be right about")
    try batch.checkInputs(in: inputRange)
    let attacked = attack.attack(at: step.time).perturb(
      batch.inputs, against: try model.underAttack(by: batch.inputs, range: inputRange),
      goal: Untargeted(labels: batch.labels), keys: step.attackKeys(of: batch))
    return StepOutcome(of: model, on: batch, and: attacked, at: step) { clean, adversarial in
      (loss(clean: clean, adversarial: adversarial, labels: batch.labels), adversarial)
    }
  }

  /// λ and the attack.
  public var description: String { "MART, lambda \(lambda), \(attack)" }
}
