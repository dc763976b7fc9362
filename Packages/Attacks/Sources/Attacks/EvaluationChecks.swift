import AutoDiffLite
import NNLayers
import TensorCore

/// Doubts a robustness number: runs the checks that an honest evaluation passes on the model and the samples it was measured
/// on. One finding for each check that applies, in the order of `EvaluationCheck.allCases`.
///
///     let findings = try checkEvaluation(
///       of: model, within: LInfBall(radius: 0.1), on: batch, claim: result, key: key) { SquareAttack(budget: $0) }
///     for finding in findings where finding.isFlagged { print(finding) }
///
/// Checks of answers take all samples; those of gradients and attacks take the samples that are first classified correctly.
/// The attack with gradients is `ProjectedGradient` on the cross-entropy, with a random start, steps of 2.5 radii divided
/// by their number, and the best point kept. A comparison of two attacks flags only when McNemar's exact test on the same
/// samples says so: that needs at least eight samples that tell the two apart, so twenty samples rarely suffice, and a
/// hundred do.
///
/// What passes is not thereby robust: the checks find evaluations that fool themselves in known ways. A sample that
/// withstands everything costs 16 times `steps` gradients and both runs of the attack without.
///
/// - Parameters:
///   - model: what was attacked.
///   - budget: the ball of the number in doubt.
///   - batch: the samples, with their indices in the data set.
///   - claim: the number in doubt: an untargeted attack's result on this model. Where it is given it is compared with what
///     the attacks of these checks find.
///   - steps: how many steps the attack with gradients has; the long run has four times as many.
///   - key: the attacks' randomness.
///   - blackBox: an attack without gradients in a given ball.
/// - Throws: what judging an attack throws: inputs out of range, labels that are no class, logits that are not finite.
/// - Precondition: there are samples, the radius and the steps are positive, and the claim, if any, is untargeted and about
///   these samples.
public func checkEvaluation<Ball: NormBall, BlackBox: Attack>(
  of model: some Classifier, within budget: Ball, on batch: Batch, claim: AttackResult? = nil,
  steps: Int = 20,
  key: RandomKey, blackBox: (Ball) -> BlackBox
) throws -> [EvaluationFinding] {
  precondition(batch.count > 0, "checkEvaluation: no samples")
  precondition(
    budget.radius > 0 && steps > 0, "checkEvaluation: radius \(budget.radius), \(steps) steps")
  let claimed = claim.map { claimedSuccess($0, on: batch) }
  let clean = try cleanLogits(of: model, for: batch, nil)
  let answers = AnswerChecks(model: model, batch: batch, logits: clean)
  var findings = answers.findings
  findings.append(try zeroRadius(model, Ball.self, batch, key: key))
  let correct = zip(clean.argmax(alongAxis: 1).scalars, batch.labels.scalars).enumerated()
    .filter { $1.0 == $1.1 }.map(\.offset)
  guard !correct.isEmpty else {
    let rest = EvaluationCheck.allCases.drop { $0 != .finiteGradients }
    return findings
      + rest.filter { claim != nil || $0 != .keptSuccess && $0 != .claim }.map {
        EvaluationFinding(
          check: $0, severity: .undecided, measured: "no sample is classified correctly", count: 0)
      }
  }
  let samples = Batch(
    inputs: batch.inputs.gathered(rows: correct), labels: batch.labels.gathered(rows: correct),
    indices: correct.map { batch.indices[$0] })
  findings +=
    GradientChecks(
      model: model, batch: samples, budget: budget, steps: steps, key: key
    ).findings
  var searches = SearchChecks(
    model: FiniteGradients(model: model), batch: samples, budget: budget, steps: steps, key: key)
  findings += try searches.findings(blackBox: blackBox)
  if let claim { findings.append(keptSuccess(claim)) }
  if let claimed {
    findings.append(searches.comparison(withClaim: correct.map { claimed[$0] }))
  }
  return findings
}

/// Runs an attack of radius 0 on all samples.
private func zeroRadius<Ball: NormBall>(
  _ model: some Classifier, _: Ball.Type, _ batch: Batch, key: RandomKey
) throws -> EvaluationFinding {
  let attack = FastGradient(budget: Ball(radius: 0))
  let result = try judge(attack, against: FiniteGradients(model: model), on: batch, key: key)
  let changed = result.records.count { $0.clean.label != $0.adversarial.label }
  return EvaluationFinding(
    check: .zeroRadius, severity: changed > 0 ? .invalid : .passed,
    measured:
      "clean \(result.cleanAccuracy), at radius 0 \(result.attackedAccuracy), \(changed) changed their class",
    count: batch.count)
}

/// Whether each sample of the batch fell in the claimed result.
private func claimedSuccess(_ claim: AttackResult, on batch: Batch) -> [Bool] {
  let fallen = Dictionary(claim.records.map { ($0.index, !$0.isRobust) }) { first, _ in first }
  precondition(
    claim.records.allSatisfy { $0.target == nil } && batch.indices.allSatisfy { fallen[$0] != nil },
    "checkEvaluation: \(claim.attack) is targeted, or not about all of these samples")
  return batch.indices.map { fallen[$0] ?? false }
}

/// Samples that the claimed attack had brought to the goal and lost again.
private func keptSuccess(_ claim: AttackResult) -> EvaluationFinding {
  guard let trace = claim.trace else {
    return EvaluationFinding(
      check: .keptSuccess, severity: .undecided, measured: "\(claim.attack) was judged without traces",
      count: 0)
  }
  let lost = zip(claim.records, trace.stepsToSuccess).count { !$0.isSuccess && $1 != nil }
  let share = Double(lost) / Double(max(1, trace.count))
  return EvaluationFinding(
    check: .keptSuccess, severity: share > EvaluationCheck.lostShare ? .doubtful : .passed,
    measured: "\(lost) samples were adversarial on the way and are not at its end", count: trace.count)
}

/// A model whose gradients have 0 where they are not finite, so that attacks go on.
struct FiniteGradients<Model: Classifier>: Classifier {
  let model: Model

  var inputRange: ClosedRange<Float> { model.inputRange }
  func logits(_ x: Variable) -> Variable { model.logits(x) }
  func logits(_ x: Tensor) -> Tensor { model.logits(x) }
  func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
    var (logits, gradient) = model.logitsAndInputGradient(at: x, goal: goal)
    if !gradient.isFinite {
      gradient.withUnsafeMutableBufferPointer { values in
        for i in values.indices where !values[i].isFinite { values[i] = 0 }
      }
    }
    return (logits, gradient)
  }
}
