import TensorCore

/// The checks of an evaluation that look at gradients, at samples that are classified correctly.
struct GradientChecks<Model: Classifier, Ball: NormBall> {
  let model: Model
  let batch: Batch
  let budget: Ball
  /// How many steps the attack has.
  let steps: Int
  let key: RandomKey

  var findings: [EvaluationFinding] {
    let margin = Margin(ClassAim(classes: batch.labels, isTargeted: false))
    let slope = model.inputGradient(at: batch.inputs, goal: margin)
    let loss = model.inputGradient(at: batch.inputs, goal: Untargeted(labels: batch.labels))
    let (steepness, lossSteepness) = (largest(slope), largest(loss))
    let broken = zip(steepness, lossSteepness).count { !$0.isFinite || !$1.isFinite }
    let flat = steepness.map { $0 == 0 }
    let saturated = zip(steepness, lossSteepness).map { $0.isNormal && $1 < .leastNormalMagnitude }
    return [
      EvaluationFinding(
        check: .finiteGradients, severity: broken > 0 ? .invalid : .passed,
        measured: "\(broken) gradients are not finite", count: batch.count),
      share(.nonzeroGradients, .invalid, flat, "have no slope", limit: EvaluationCheck.zeroShare),
      share(
        .unsaturatedLoss, .doubtful, saturated, "have a slope that the loss hides",
        limit: EvaluationCheck.saturatedShare),
      truthfulness(margin),
    ]
  }

  /// Whether a step of the attack's long run changes the margin by what the gradient says: at a random point of the budget,
  /// where that run begins. At the sample itself equal pixels tie in max-pooling, and a gradient there is one of several.
  /// The prediction is for the step as it is after the rounding of its elements and the clamping to the range.
  private func truthfulness(_ margin: Margin) -> EvaluationFinding {
    let keys = batch.indices.map { key.derived($0) }
    let start = budget.randomStart(batch.inputs, range: model.inputRange, keys: keys)
    let (before, slope) = model.logitsAndInputGradient(at: start, goal: margin)
    let rows = largest(slope).enumerated().filter { $1 > 0 && $1.isFinite }.map(\.offset)
    if rows.isEmpty {
      return EvaluationFinding(
        check: .truthfulGradients, severity: .undecided, measured: "no sample has a slope", count: 0)
    }
    var moved = start
    budget.ascend(
      &moved, along: slope, by: 2.5 * budget.radius / Float(4 * steps), around: start, range: model.inputRange
    )
    let (low, high) = (margin.objectives(before), margin.objectives(model.logits(moved)))
    let predicted = innerProducts(slope, moved - start)
    let untruthful = rows.map { i in
      !(Double(high[i]) - Double(low[i]) >= EvaluationCheck.truthfulChange * predicted[i])
    }
    return share(
      .truthfulGradients, .doubtful, untruthful, "follow less than half of the slope",
      limit: EvaluationCheck.untruthfulShare)
  }

  /// A finding that flags when a share is beyond doubt above a limit.
  private func share(
    _ check: EvaluationCheck, _ severity: EvaluationFinding.Severity, _ found: [Bool], _ what: String,
    limit: Double
  ) -> EvaluationFinding {
    let share = Proportion(found)
    let isFlagged = share.lowerBound(failureProbability: EvaluationCheck.significance) > limit
    return EvaluationFinding(
      check: check, severity: isFlagged ? severity : .passed, measured: "\(share) \(what)", count: share.count
    )
  }
}

/// The largest absolute element of each sample; not finite where an element is not.
private func largest(_ batch: Tensor) -> [Float] {
  let size = max(1, batch.shape.removing(axis: 0).count)
  return batch.withUnsafeBufferPointer { values in
    (0..<batch.shape[0]).map { row in
      values[(row * size)..<((row + 1) * size)].reduce(0) { $1.isFinite ? max($0, abs($1)) : .infinity }
    }
  }
}

/// The inner product of each sample of two batches, in `Double`.
func innerProducts(_ a: Tensor, _ b: Tensor) -> [Double] {
  precondition(a.shape == b.shape && a.rank > 0, "innerProducts: shapes \(a.shape) and \(b.shape)")
  let size = max(1, a.shape.removing(axis: 0).count)
  return a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      stride(from: 0, to: a.count, by: size).map { start in
        (start..<(start + size)).reduce(0) { $0 + Double(a[$1]) * Double(b[$1]) }
      }
    }
  }
}
