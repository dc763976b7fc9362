import AutoDiffLite
import Foundation
import NNLayers
import TensorCore

/// MACER: raises the certified radius itself, without an attack.
///
///     loss = mean of −log ŷ¹_y + λ σ/2 · mean over all samples of [γ − ξ]₊ where the answer is right, else 0
///     ŷᵇ = (1/m) Σⱼ softmax(b · f(x + εⱼ)),   ξ = Φ⁻¹(ŷᵇ_y) − Φ⁻¹(max_{c ≠ y} ŷᵇ_c)  with b = inverseTemperature
///
/// σ ξ / 2 is the radius that the soft smoothed classifier would certify with exact probabilities. A sample that is answered
/// wrongly has none to raise, and one with ξ > γ is left alone: its gradient would be huge. Φ⁻¹(ŷ_y) is taken of the other
/// classes' sum, which keeps its digits where ŷ_y is close to 1.
///
/// Source: Zhai, Dan, He, Zhang, Gong, Ravikumar, Hsieh, Wang, "MACER: Attack-free and Scalable Robust Training via
/// Maximizing Certified Radius", ICLR 2020, algorithm 1, with the settings of its experiments: 16 copies, inverse temperature
/// 16, γ = 8, and λ = 12 for σ = 0.25. As in the authors' experiments the first term has inverse temperature 1.
public struct MACER: TrainingLoss, CustomStringConvertible {
  /// ε and the clamping.
  public var noise: SmoothingNoise
  /// m, how many noisy copies a sample has.
  public var copies: Int
  /// The sharpness of the softmax in ξ, above 0.
  public var inverseTemperature: Float
  /// γ, the largest ξ that is raised, above 0.
  public var margin: Float
  /// λ, 0 or more.
  public var lambda: Float
  /// How many epochs λ is 0 at first; fractions count. Under much noise a network that has learned nothing yet is right by
  /// chance, and raising those radii keeps it from learning.
  public var warmUp: Double
  /// The values a valid input's elements may take, before noise.
  public var inputRange: ClosedRange<Float>

  /// A defence.
  ///
  /// - Precondition: there is at least one copy; the inverse temperature and the margin are positive and finite, λ and the
  ///   warm-up are not negative and finite.
  public init(
    noise: SmoothingNoise, copies: Int = 16, inverseTemperature: Float = 16, margin: Float = 8,
    lambda: Float = 12, warmUp: Double = 0, inputRange: ClosedRange<Float> = 0...1
  ) {
    precondition(copies > 0, "MACER: \(copies) copies")
    precondition(
      inverseTemperature > 0 && inverseTemperature.isFinite && margin > 0 && margin.isFinite,
      "MACER: inverse temperature \(inverseTemperature), margin \(margin)")
    precondition(lambda >= 0 && lambda.isFinite, "MACER: lambda \(lambda)")
    precondition(warmUp >= 0 && warmUp.isFinite, "MACER: a warm-up of \(warmUp) epochs")
    self.noise = noise
    self.copies = copies
    self.inverseTemperature = inverseTemperature
    self.margin = margin
    self.lambda = lambda
    self.warmUp = warmUp
    self.inputRange = inputRange
  }

  /// The loss from the logits of all copies, those of a sample side by side, `[n · copies, k]`, and labels `[n]`, to a
  /// scalar.
  ///
  /// - Precondition: as many rows as labels and copies, and at least two classes.
  public func loss(_ logits: Variable, labels: IntTensor) -> Variable {
    precondition(
      logits.shape.rank == 2 && logits.shape[0] == labels.count * copies && logits.shape[1] > 1,
      "MACER: logits \(logits.shape) for \(labels.count) samples of \(copies) copies")
    return softVoteLoss(logits, labels: labels, copies: copies).mean()
      + (lambda * noise.standardDeviation / 2 / Float(max(1, labels.count)))
      * hinge(logits, labels: labels)
  }

  /// The sum of γ − ξ over the samples that are answered rightly with ξ ≤ γ.
  private func hinge(_ logits: Variable, labels: IntTensor) -> Variable {
    let classes = logits.shape[1]
    let votes = (inverseTemperature * logits).softmax()
      .reshaped(to: [labels.count, copies, classes]).mean(alongAxis: 1)
    let isLabel = Tensor.oneHot(labels, classes: classes)
    let others = votes * Variable(1 - isLabel)
    let rivals = (votes.value - 2 * isLabel).argmax(alongAxis: 1)
    let (rest, rival) = (others.sum(alongAxis: 1), votes.picked(columns: rivals))
    let raised = (0..<labels.count).filter { i in
      let (p, q) = (Double(rest.value[i]), Double(rival.value[i]))
      guard votes.value[i, labels[i]] >= rival.value[i], p <= 1 else { return false }
      return -NormalDistribution.quantile(p) - NormalDistribution.quantile(q) <= Double(margin)
    }
    let (p, q) = (rest.gathered(rows: raised), rival.gathered(rows: raised))
    return (margin + p.normalQuantile() + q.normalQuantile()).sum()
  }

  /// The loss of noisy copies. Training accuracy counts all copies.
  ///
  /// - Throws: `InputError.outOfRange` naming the sample whose input lies outside the range.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    precondition(batch.targets == nil, "MACER: mixed samples have no label to be right about")
    try batch.checkInputs(in: inputRange)
    let noisy = NoisyBatch(batch, noise: noise, copies: copies, at: step)
    let pass = step.pass(samples: noisy.indices)
    let now = at(step.time)
    return StepOutcome(of: model, in: [pass], labels: noisy.labels) { bound in
      let logits = bound(Variable(noisy.inputs(batch.inputs)), in: pass)
      return (now.loss(logits, labels: batch.labels), logits)
    }
  }

  /// The defence at a time in epochs since the start.
  private func at(_ time: Double) -> MACER {
    guard time < warmUp else { return self }
    var method = self
    method.lambda = 0
    return method
  }

  /// All settings.
  public var description: String {
    "MACER, \(noise), \(copies) copies, inverse temperature \(inverseTemperature), margin \(margin), lambda \(lambda)"
      + (warmUp > 0 ? " after \(warmUp) epochs of 0" : "")
  }
}

/// −log of the label's softmax averaged over copies, `[n · copies, k], [n] → [n]`:
/// `log m − log Σⱼ exp(log softmax(f(xⱼ))_y)`.
func softVoteLoss(_ logits: Variable, labels: IntTensor, copies: Int) -> Variable {
  let each = logits.logSoftmax().picked(columns: labels.repeatingEach(copies))
  return Float(log(Double(copies))) - each.reshaped(to: [labels.count, copies]).logSumExp()
}
