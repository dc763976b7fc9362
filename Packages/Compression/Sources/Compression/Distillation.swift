import AutoDiffLite
import NNLayers
import TensorCore

/// Training a student to answer like a teacher: the divergence of their softened answers, and the labels.
///
///     loss = share · T² · mean KL(softmax(t / T) ‖ softmax(s / T)) + (1 − share) · hard(s)
///
/// with student logits s, teacher logits t and temperature T. The factor T² keeps the first term's gradient, which falls
/// with 1/T², in proportion to the second's.
///
///     loop.loss = Distillation(from: try teacher.prepared(for: [3, 32, 32]), temperature: 4)
///
/// Source: Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015.
public struct Distillation: TrainingLoss, CustomStringConvertible {
  /// The teacher, in evaluation mode; it sees the same inputs as the student.
  public var teacher: EvaluationPlan
  /// T; above 1 it shows how the teacher ranks wrong answers.
  public var temperature: Float
  /// How much the teacher counts, 0 to 1; the rest is the labels'.
  public var share: Float
  /// What the labels cost.
  public var hard = CrossEntropy()

  /// A loss.
  ///
  /// - Precondition: T is positive and the share in 0...1.
  public init(from teacher: EvaluationPlan, temperature: Float = 4, share: Float = 0.9) {
    precondition(temperature > 0 && temperature.isFinite, "Distillation: temperature \(temperature)")
    precondition(share >= 0 && share <= 1, "Distillation: share \(share) is outside 0...1")
    self.teacher = teacher
    self.temperature = temperature
    self.share = share
  }

  /// The loss of a batch from the student's and the teacher's logits, `[n, k]` each, to a scalar.
  public func callAsFunction(_ student: Variable, teacher: Tensor, of batch: Batch) -> Variable {
    precondition(
      student.shape == teacher.shape, "Distillation: student \(student.shape), teacher \(teacher.shape)")
    let soft = (teacher / temperature).softmax()
    let difference = Variable((teacher / temperature).logSoftmax()) - (student / temperature).logSoftmax()
    let divergence = (Variable(soft) * difference).sum(alongAxis: 1).mean()
    return share * temperature * temperature * divergence + (1 - share) * hard(student, of: batch)
  }

  /// The settings; of the teacher nothing.
  public var description: String { "distillation, temperature \(temperature), share \(share)" }

  /// The loss of the samples as they are, in one pass of the student in training mode.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    let answers = teacher.logits(batch.inputs)
    let pass = step.pass(samples: batch.indices)
    return StepOutcome(of: model, in: [pass], labels: batch.labels) { bound in
      let logits = bound(Variable(batch.inputs), in: pass)
      return (self(logits, teacher: answers, of: batch), logits)
    }
  }
}
