import TensorCore

/// Runs an attack on samples of a data set, batch by batch, and judges the result as
/// `judge(_:against:on:targets:key:)` does.
///
/// What becomes of a sample does not depend on the batch size, but for the last digits of the model's own arithmetic: each
/// draws from `key.derived(index)`, its index in the data set.
///
/// - Parameters:
///   - attack: the search.
///   - model: the model under attack.
///   - source: where the samples come from.
///   - samples: their indices in the order of the result; nil takes all.
///   - targets: the wanted classes of a targeted attack, one a sample; nil attacks away from the labels.
///   - batchSize: how many samples are attacked at once.
///   - keepsInputs: whether the result holds the changed inputs.
///   - key: the attack's randomness.
///   - progress: called after each batch with the numbers of samples done and of all; throwing ends the run.
/// - Throws: what the source and `progress` throw, and what judging a batch throws.
public func judge(
  _ attack: some Attack, against model: some Classifier, on source: some BatchSource, samples: [Int]? = nil,
  targets: IntTensor? = nil, batchSize: Int = 250, keepsInputs: Bool = false, key: RandomKey,
  progress: ((_ done: Int, _ total: Int) throws -> Void)? = nil
) throws -> AttackResult {
  let samples = samples ?? Array(0..<source.count)
  precondition(
    targets.map { $0.shape == [samples.count] } ?? true,
    "judge: targets \(targets?.shape ?? []) for \(samples.count) samples")
  return try joined(
    attack, samples, batchSize: batchSize, keepsInputs: keepsInputs, progress: progress
  ) { range in
    try judge(
      attack, against: model, on: source.batch(at: Array(samples[range])), targets: targets?[rows: range],
      key: key)
  }
}

/// Runs an attack towards goals of any kind on samples of a data set, as
/// `judge(_:against:on:samples:targets:batchSize:keepsInputs:key:progress:)` does.
///
/// - Parameter goal: makes the goal of a batch.
public func judge<Wanted: Goal>(
  _ attack: some Attack, against model: some Classifier, on source: some BatchSource, samples: [Int]? = nil,
  goal: (Batch) -> Wanted, batchSize: Int = 250, keepsInputs: Bool = false, key: RandomKey,
  progress: ((_ done: Int, _ total: Int) throws -> Void)? = nil
) throws -> AttackResult {
  let samples = samples ?? Array(0..<source.count)
  return try joined(
    attack, samples, batchSize: batchSize, keepsInputs: keepsInputs, progress: progress
  ) { range in
    let batch = try source.batch(at: Array(samples[range]))
    return try judge(attack, against: model, on: batch, goal: goal(batch), key: key)
  }
}

/// The results of ranges of the samples, one after the other, as one.
private func joined(
  _ attack: some Attack, _ samples: [Int], batchSize: Int, keepsInputs: Bool,
  progress: ((_ done: Int, _ total: Int) throws -> Void)?, _ part: (Range<Int>) throws -> AttackResult
) throws -> AttackResult {
  precondition(batchSize > 0, "judge: batch size \(batchSize) is not positive")
  var records: [AttackRecord] = []
  var inputs: [Tensor] = []
  for start in stride(from: 0, to: samples.count, by: batchSize) {
    let range = start..<min(samples.count, start + batchSize)
    let result = try part(range)
    records += result.records
    if keepsInputs, let changed = result.adversarialInputs { inputs.append(changed) }
    try progress?(range.upperBound, samples.count)
  }
  return AttackResult(
    attack: attack.description, records: records,
    adversarialInputs: inputs.isEmpty ? nil : .concatenated(inputs))
}
