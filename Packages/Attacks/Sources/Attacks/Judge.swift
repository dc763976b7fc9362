import NNLayers
import TensorCore

/// Runs an attack on a batch and judges the result: for every attack in the same way, from the model's own answers.
///
/// A sample is a success when its goal is reached on an input that is finite, in the model's range, and within the
/// budget when measured in `Double` on the stored `Float`s.
///
/// - Parameters:
///   - attack: the search.
///   - model: the model under attack.
///   - batch: samples with their true labels.
///   - targets: the wanted classes of a targeted attack; nil attacks away from the labels.
///   - traces: whether the result holds what every step came to, where the attack can tell.
///   - key: the attack's randomness; a sample draws from `key.derived(index)`, its index in its data set.
/// - Throws: `InputError.outOfRange` naming the sample when an input lies outside the model's range, a logit is not
///   finite, or the attack returns a sample outside its budget.
public func judge(
  _ attack: some Attack, against model: some Classifier, on batch: Batch, targets: IntTensor? = nil,
  traces: Bool = false, key: RandomKey
) throws -> AttackResult {
  guard let targets else {
    return try judge(
      attack, against: model, on: batch, goal: Untargeted(labels: batch.labels), traces: traces, key: key)
  }
  return try judged(
    attack, against: model, on: batch, goal: Targeted(targets: targets), targets: targets, traces: traces,
    key: key)
}

/// Runs an attack towards a goal of any kind and judges the result, as `judge(_:against:on:targets:traces:key:)` does.
public func judge(
  _ attack: some Attack, against model: some Classifier, on batch: Batch, goal: some Goal,
  traces: Bool = false, key: RandomKey
) throws -> AttackResult {
  try judged(attack, against: model, on: batch, goal: goal, targets: nil, traces: traces, key: key)
}

private func judged(
  _ attack: some Attack, against model: some Classifier, on batch: Batch, goal: some Goal,
  targets: IntTensor?, traces: Bool, key: RandomKey
) throws -> AttackResult {
  let clean = try cleanLogits(of: model, for: batch, targets)
  let keys = batch.indices.map { key.derived($0) }
  let (changed, trace) =
    traces
    ? attack.traced(batch.inputs, against: model, goal: goal, keys: keys)
    : (attack.perturb(batch.inputs, against: model, goal: goal, keys: keys), nil)
  return try verdict(
    on: changed, trace, of: attack, against: model, batch: batch, clean: clean, targets: targets, goal: goal)
}

/// The model's logits of a batch that an attack may be given: inputs in range, labels and targets that are classes.
func cleanLogits(of model: some Classifier, for batch: Batch, _ targets: IntTensor?) throws -> Tensor {
  try batch.checkInputs(in: model.inputRange)
  let logits = try answers(of: model, to: batch.inputs, indices: batch.indices, "clean")
  try check(batch, targets, against: logits)
  return logits
}

/// Checks what an attack returned and asks the model about it.
func verdict(
  on changed: Tensor, _ trace: AttackTrace?, of attack: some Attack, against model: some Classifier,
  batch: Batch, clean: Tensor, targets: IntTensor?, goal: any Goal
) throws -> AttackResult {
  precondition(
    changed.shape == batch.inputs.shape, "judge: \(attack) turned \(batch.inputs.shape) into \(changed.shape)"
  )
  try Batch(inputs: changed, labels: batch.labels, indices: batch.indices)
    .checkInputs(in: model.inputRange, "result of \(attack)")
  for (sample, distance) in attack.budget.distances(changed, batch.inputs).enumerated()
  where !(distance <= Double(attack.budget.radius)) {
    throw InputError(
      .outOfRange, "sample \(batch.indices[sample]) after \(attack)",
      expected: "a distance of at most \(attack.budget.radius)", found: "\(distance)",
      remedy: "The attack must project its result onto its budget.")
  }
  return try AttackResult(
    attack: attack.description,
    records: records(
      model, batch: batch, cleanLogits: clean, changed: changed, targets: targets, goal: goal),
    adversarialInputs: changed, trace: trace)
}

/// The records of changed inputs, whatever changed them: predictions, confidences, norms and success. Checks neither
/// budget nor range.
///
/// - Throws: `InputError.outOfRange` naming the sample when a label or target is no class or a logit is not finite.
public func attackRecords(
  _ model: some Classifier, batch: Batch, changed: Tensor, targets: IntTensor?, goal: any Goal
) throws -> [AttackRecord] {
  let cleanLogits = try answers(of: model, to: batch.inputs, indices: batch.indices, "clean")
  try check(batch, targets, against: cleanLogits)
  return try records(
    model, batch: batch, cleanLogits: cleanLogits, changed: changed, targets: targets, goal: goal)
}

/// Checks that labels and targets are classes of the model.
private func check(_ batch: Batch, _ targets: IntTensor?, against logits: Tensor) throws {
  precondition(
    logits.rank == 2 && logits.shape[0] == batch.count,
    "judge: logits \(logits.shape) for \(batch.count) samples")
  try batch.checkLabels(classCount: logits.shape[1])
  guard let targets else { return }
  precondition(
    targets.shape == batch.labels.shape, "judge: targets \(targets.shape) for \(batch.count) samples")
  for (i, target) in targets.scalars.enumerated() where target < 0 || target >= logits.shape[1] {
    throw InputError(
      .outOfRange, "the target of sample \(batch.indices[i])", expected: "0 to \(logits.shape[1] - 1)",
      found: "\(target)")
  }
}

/// The logits, checked.
private func answers(of model: some Classifier, to x: Tensor, indices: [Int], _ which: String) throws
  -> Tensor
{
  let logits = model.logits(x)
  let classes = max(1, logits.count / max(1, indices.count))
  if let place = logits.isFinite ? nil : logits.scalars.firstIndex(where: { !$0.isFinite }) {
    throw InputError(
      .outOfRange, "the model's logits of \(which) sample \(indices[place / classes])",
      expected: "finite numbers", found: "\(logits.scalars[place]) for class \(place % classes)",
      remedy: "An attack on a model that does not answer proves nothing: mend the model first.")
  }
  return logits
}

private func records(
  _ model: some Classifier, batch: Batch, cleanLogits: Tensor, changed: Tensor, targets: IntTensor?,
  goal: any Goal
) throws -> [AttackRecord] {
  let logits = try answers(of: model, to: changed, indices: batch.indices, "changed")
  let (cleanPredictions, predictions) = (cleanLogits.argmax(alongAxis: 1), logits.argmax(alongAxis: 1))
  let (cleanProbabilities, probabilities) = (cleanLogits.softmax(), logits.softmax())
  let reached = goal.isReached(logits)
  let lInf = changed.distances(to: batch.inputs, in: .lInf)
  let l2 = changed.distances(to: batch.inputs, in: .l2)
  let l1 = changed.distances(to: batch.inputs, in: .l1)
  return (0..<batch.count).map { i in
    func prediction(_ labels: IntTensor, _ p: Tensor) -> AttackRecord.Prediction {
      .init(label: labels[i], confidence: Double(p[i, labels[i]]))
    }
    return AttackRecord(
      index: batch.indices[i], label: batch.labels[i], target: targets.map { $0[i] },
      clean: prediction(cleanPredictions, cleanProbabilities),
      adversarial: prediction(predictions, probabilities),
      targetConfidence: targets.map {
        .init(before: Double(cleanProbabilities[i, $0[i]]), after: Double(probabilities[i, $0[i]]))
      },
      norms: .init(lInf: lInf[i], l2: l2[i], l1: l1[i]), isSuccess: reached[i])
  }
}
