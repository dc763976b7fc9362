import Attacks
import NNLayers
import TensorCore

/// Adversarial training: a share of each batch is replaced by what an attack on the current weights makes of it, and the
/// step learns from both.
///
///     var loop = TrainingLoop(epochs: 20, batchSize: 64, key: key)
///     let attack = ProjectedGradient(budget: LInfBall(radius: 32 / 255), stepSize: 32 / 255 / 5, steps: 10)
///     loop.transform = AdversarialTraining(attack: attack, share: 0.25).transform
///
/// The attack sees the model in evaluation mode, so that dropout does not hide the gradient and batch norm measures
/// nothing; the step that follows is in training mode. Labels stay as they are.
///
/// Sources: Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018 (share 1); the mix
/// of clean and changed samples is that of Goodfellow, Shlens, Szegedy, "Explaining and Harnessing Adversarial Examples",
/// ICLR 2015.
public struct AdversarialTraining<Method: Attack>: Sendable, CustomStringConvertible {
  /// What changes the samples: away from their labels.
  public var attack: Method
  /// The share of each batch that is attacked, 0 to 1: its last samples, their number rounded to the nearest.
  public var share: Double
  /// The values a valid input's elements may take.
  public var inputRange: ClosedRange<Float>

  /// A defence.
  ///
  /// - Precondition: 0 ≤ share ≤ 1.
  public init(attack: Method, share: Double, inputRange: ClosedRange<Float> = 0...1) {
    precondition(share >= 0 && share <= 1, "AdversarialTraining: share \(share) is outside 0...1")
    self.attack = attack
    self.share = share
    self.inputRange = inputRange
  }

  /// The batch with its last samples attacked. A sample's draws follow from the key and its index in the data set.
  ///
  /// - Throws: `InputError.outOfRange` naming the sample whose input lies outside the range.
  public func callAsFunction(_ batch: Batch, model: some Layer, key: RandomKey) throws -> Batch {
    let clean = batch.count - Int((share * Double(batch.count)).rounded())
    if clean == batch.count { return batch }
    try batch.checkInputs(in: inputRange)
    let rows = clean..<batch.count
    let changed = attack.perturb(
      batch.inputs[rows: rows], against: try classifier(of: model, for: batch.inputs),
      goal: Untargeted(labels: batch.labels[rows: rows]), keys: batch.indices[rows].map { key.derived($0) })
    return Batch(
      inputs: .concatenated([batch.inputs[rows: 0..<clean], changed]), labels: batch.labels,
      indices: batch.indices)
  }

  private func classifier(of model: some Layer, for inputs: Tensor) throws -> PlanClassifier {
    PlanClassifier(try model.prepared(for: inputs.shape.removing(axis: 0)), inputRange: inputRange)
  }

  /// What `TrainingLoop.transform` takes.
  public var transform: @Sendable (_ model: any Layer, _ batch: Batch, _ key: RandomKey) throws -> Batch {
    { model, batch, key in try self(batch, model: model, key: key) }
  }

  /// The share, the attack and its settings.
  public var description: String { "adversarial training, share \(share), \(attack)" }
}
