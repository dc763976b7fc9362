import NNLayers
import TensorCore

/// The checks of an evaluation that look at the model's answers only.
struct AnswerChecks<Model: Classifier> {
  let model: Model
  let batch: Batch
  /// The answers to the batch.
  let logits: Tensor

  var findings: [EvaluationFinding] {
    let moved = differences(model.logits(batch.inputs), rows: Array(0..<batch.count))
    return [form, repeatability(moved), independence(isRepeatable: moved.allSatisfy { !$0 })]
  }

  /// Probabilities where logits belong.
  private var form: EvaluationFinding {
    let isLogits = (try? CrossEntropy.checkLogits(logits)) != nil
    return EvaluationFinding(
      check: .logits, severity: isLogits ? .passed : .invalid,
      measured: "answers from \(logits.min()) to \(logits.max())"
        + (isLogits ? "" : ", every row with the sum 1"), count: batch.count)
  }

  private func repeatability(_ moved: [Bool]) -> EvaluationFinding {
    EvaluationFinding(
      check: .repeatability, severity: moved.contains(true) ? .doubtful : .passed,
      measured: "\(moved.count { $0 }) samples have other logits the second time", count: batch.count)
  }

  /// Half of the samples, in another order: other neighbours and other rows.
  private func independence(isRepeatable: Bool) -> EvaluationFinding {
    let rows = Array((0..<batch.count).reversed().prefix((batch.count + 1) / 2))
    guard isRepeatable, batch.count > 1 else {
      return EvaluationFinding(
        check: .independence, severity: .undecided,
        measured: isRepeatable ? "a single sample" : "answers do not repeat", count: batch.count)
    }
    let moved = differences(model.logits(batch.inputs.gathered(rows: rows)), rows: rows)
    return EvaluationFinding(
      check: .independence, severity: moved.contains(true) ? .invalid : .passed,
      measured: "\(moved.count { $0 }) samples have other logits in another batch", count: rows.count)
  }

  /// Whether these answers differ from those to the same rows of the batch by more than rounding.
  private func differences(_ other: Tensor, rows: [Int]) -> [Bool] {
    let tolerance = Float(EvaluationCheck.answerTolerance) * logits.absolute().max()
    let gaps = (other - logits.gathered(rows: rows)).absolute().max(alongAxis: 1)
    return gaps.scalars.map { !($0 <= tolerance) }
  }
}
