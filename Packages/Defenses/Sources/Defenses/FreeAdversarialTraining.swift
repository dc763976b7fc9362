import Attacks
import AutoDiffLite
import NNLayers
import TensorCore

/// Free adversarial training: each batch is trained on several times in a row, and the backward pass of each step yields the
/// gradient of the weights and the next step of the attack alike. Nothing is spent on the attack itself.
///
///     xᵗ = project(x + δ);   θ ← optimizer(∇θ L(f(xᵗ), y));   δ ← projectδ(δ + stepSize · steepestAscent(∇ₓ L(f(xᵗ), y)))
///
/// δ starts at 0 and is carried over: from replay to replay, and from each batch to the next, row by row. A last batch with
/// fewer samples moves only its own rows. With m replays a run of e/m epochs has the steps of a plain one of e.
///
/// The gradient comes from the training pass, so batch norm and dropout are in training mode here, unlike in the other
/// methods. It is taken at the valid point and also moves elements at the range's ends, so that no element of δ is stuck
/// where the range cut it off.
///
/// Source: Shafahi et al., "Adversarial Training for Free!", NeurIPS 2019, algorithm 1.
public struct FreeAdversarialTraining<Allowed: Budget>: TrainingLoss, CustomStringConvertible {
  /// What δ may be.
  public var budget: Allowed
  /// m, how many steps each batch gets.
  public var replays: Int
  /// The length of a step of δ; the paper's is the radius.
  public var stepSize: Float
  /// The loss of logits.
  public var loss = CrossEntropy()
  /// The values a valid input's elements may take.
  public var inputRange: ClosedRange<Float>

  /// A defence; a step of δ is as long as the radius if left out.
  ///
  /// - Precondition: there is at least one replay; the step size is not negative and finite.
  public init(
    budget: Allowed, replays: Int = 8, stepSize: Float? = nil, inputRange: ClosedRange<Float> = 0...1
  ) {
    precondition(replays > 0, "FreeAdversarialTraining: \(replays) replays")
    let stepSize = stepSize ?? budget.radius
    precondition(stepSize >= 0 && stepSize.isFinite, "FreeAdversarialTraining: step size \(stepSize)")
    self.budget = budget
    self.replays = replays
    self.stepSize = stepSize
    self.inputRange = inputRange
  }

  /// The name under which δ is carried, `[largest batch, …]`.
  public static var carriedName: String { "perturbation" }

  /// One step on the batch under the carried δ, which then moves.
  ///
  /// - Throws: `InputError.outOfRange` naming the sample whose input lies outside the range.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    try batch.checkInputs(in: inputRange)
    var delta = Self.rows(batch.count, of: carried[Self.carriedName], like: batch.inputs)
    let x = budget.project(batch.inputs + delta, around: batch.inputs, range: inputRange)
    let pass = step.pass(samples: batch.indices)
    var logits = Tensor(0)
    let (value, slopes, slope) = gradients(of: model, in: pass, at: x) { bound, x, pass in
      let answers = bound(x, in: pass)
      logits = answers.value
      return loss(answers, of: batch)
    }
    budget.ascend(
      &delta, along: slope, by: stepSize, around: .zeros(shape: delta.shape), range: -.infinity ... .infinity)
    if let kept = carried[Self.carriedName], kept.shape[0] > batch.count {
      delta = .concatenated([delta, kept[rows: batch.count..<kept.shape[0]]])
    }
    carried[Self.carriedName] = delta
    return StepOutcome(loss: value, gradients: slopes, logits: logits, labels: batch.labels, passes: [pass])
  }

  /// The first rows of what was carried, 0 where there is none.
  private static func rows(_ count: Int, of kept: Tensor?, like inputs: Tensor) -> Tensor {
    guard let kept else { return .zeros(shape: inputs.shape) }
    precondition(
      kept.shape.removing(axis: 0) == inputs.shape.removing(axis: 0),
      "FreeAdversarialTraining: a carried perturbation \(kept.shape) for inputs \(inputs.shape)")
    if kept.shape[0] >= count { return kept[rows: 0..<count] }
    let missing = inputs.shape.replacing(axis: 0, with: count - kept.shape[0])
    return .concatenated([kept, .zeros(shape: missing)])
  }

  /// The budget and the replays.
  public var description: String {
    "free adversarial training, \(budget), \(replays) replays, steps of \(stepSize)"
  }
}
