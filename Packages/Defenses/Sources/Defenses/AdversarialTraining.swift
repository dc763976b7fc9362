import Attacks
import AutoDiffLite
import NNLayers
import TensorCore

/// Adversarial training: a share of each batch is replaced by what an attack on the current weights makes of it, and the
/// step learns from both.
///
///     var loop = TrainingLoop(epochs: 20, batchSize: 64, key: key)
///     let attack = ProjectedGradient(budget: LInfBall(radius: 32 / 255), stepSize: 32 / 255 / 5, steps: 10)
///     loop.loss = AdversarialTraining(attack: attack, share: 0.25)
///
/// The step minimises
///
///     loss(batch with its last share attacked) + cleanWeight · loss(batch as it is)
///
/// The attack sees the model in evaluation mode, so that dropout does not hide the gradient and batch norm measures
/// nothing; the forward passes that follow are in training mode, the clean batch's first. Labels stay as they are.
///
/// What this gains is empirical: accuracy against attacks like the one trained on, in its norm, up to its radius. Against
/// single-step attacks it can collapse: see `RobustnessProbe`.
///
/// Sources: Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018 (share 1, no clean
/// term); mixing clean and changed samples is that of Goodfellow, Shlens, Szegedy, "Explaining and Harnessing Adversarial
/// Examples", ICLR 2015, by a share of the batch or, with share 1, by the clean term.
public struct AdversarialTraining<Method: Attack>: TrainingLoss, CustomStringConvertible {
  /// What changes the samples, away from their labels.
  public var attack: AttackSchedule<Method>
  /// The share of each batch that is attacked, 0 to 1: its last samples, their number rounded to the nearest.
  public var share: Double
  /// The factor of the loss of the whole batch as it is, 0 or more.
  public var cleanWeight: Float
  /// The loss of logits, attacked or not.
  public var loss = CrossEntropy()
  /// The values a valid input's elements may take.
  public var inputRange: ClosedRange<Float>

  /// A defence whose attack may grow at first.
  ///
  /// - Precondition: 0 ≤ share ≤ 1; the clean weight is not negative and finite.
  public init(
    attack: AttackSchedule<Method>, share: Double, cleanWeight: Float = 0,
    inputRange: ClosedRange<Float> = 0...1
  ) {
    precondition(share >= 0 && share <= 1, "AdversarialTraining: share \(share) is outside 0...1")
    precondition(
      cleanWeight >= 0 && cleanWeight.isFinite, "AdversarialTraining: clean weight \(cleanWeight)")
    self.attack = attack
    self.share = share
    self.cleanWeight = cleanWeight
    self.inputRange = inputRange
  }

  /// A defence against the same attack at every step.
  ///
  /// - Precondition: 0 ≤ share ≤ 1; the clean weight is not negative and finite.
  public init(
    attack: Method, share: Double, cleanWeight: Float = 0, inputRange: ClosedRange<Float> = 0...1
  ) {
    self.init(
      attack: AttackSchedule(attack), share: share, cleanWeight: cleanWeight, inputRange: inputRange)
  }

  /// The batch with its last samples attacked. A sample's draws follow from the key and its index in the data set.
  ///
  /// - Parameters:
  ///   - batch: the samples.
  ///   - model: the model as it is.
  ///   - time: in epochs, for an attack that grows; the full attack if left out.
  ///   - key: the attack's randomness.
  /// - Throws: `InputError.outOfRange` naming the sample whose input lies outside the range.
  public func callAsFunction(
    _ batch: Batch, model: some Layer, at time: Double = .infinity, key: RandomKey
  ) throws -> Batch {
    let clean = batch.count - Int((share * Double(batch.count)).rounded())
    if clean == batch.count { return batch }
    try batch.checkInputs(in: inputRange)
    let rows = clean..<batch.count
    let changed = attack.attack(at: time).perturb(
      batch.inputs[rows: rows], against: try model.underAttack(by: batch.inputs, range: inputRange),
      goal: Untargeted(labels: batch.labels[rows: rows]), keys: batch.indices[rows].map { key.derived($0) })
    return Batch(
      inputs: .concatenated([batch.inputs[rows: 0..<clean], changed]), labels: batch.labels,
      indices: batch.indices, targets: batch.targets)
  }

  /// Attacks the batch's share, then differentiates the loss. Training accuracy counts the batch with its attacked share.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    let mixed = try self(batch, model: model, at: step.time, key: step.transformKey)
    if cleanWeight == 0 { return try loss.outcome(of: model, on: mixed, at: step, carried: &carried) }
    let passes = [step.pass("clean", samples: batch.indices), step.pass(samples: batch.indices)]
    return StepOutcome(of: model, in: passes, labels: batch.labels) { bound in
      let clean = bound(Variable(batch.inputs), in: passes[0])
      let logits = bound(Variable(mixed.inputs), in: passes[1])
      let sum = loss(logits, of: mixed) + cleanWeight * loss(clean, of: batch)
      return (sum, logits)
    }
  }

  /// The share, the attack and its settings.
  public var description: String {
    "adversarial training, share \(share), \(attack)"
      + (cleanWeight > 0 ? ", clean weight \(cleanWeight)" : "") + lossDescription
  }

  private var lossDescription: String { loss == CrossEntropy() ? "" : ", \(loss)" }
}
