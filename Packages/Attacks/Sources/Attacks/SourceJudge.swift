import TensorCore

/// Runs an attack on samples of a data set, batch by batch, and judges the result as
/// `judge(_:against:on:targets:traces:key:)` does.
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
///   - traces: whether the result holds what every step came to, where the attack can tell.
///   - key: the attack's randomness.
///   - progress: called after each batch with the numbers of samples done and of all; throwing ends the run.
/// - Throws: what the source and `progress` throw, and what judging a batch throws.
public func judge(
  _ attack: some Attack, against model: some Classifier, on source: some BatchSource, samples: [Int]? = nil,
  targets: IntTensor? = nil, batchSize: Int = 250, keepsInputs: Bool = false,
  traces: Bool = false, key: RandomKey,
  progress: ((_ done: Int, _ total: Int) throws -> Void)? = nil
) throws -> AttackResult {
  let samples = samples ?? Array(0..<source.count)
  precondition(
    targets.map { $0.shape == [samples.count] } ?? true,
    "judge: targets \(targets?.shape ?? []) for \(samples.count) samples")
  return try joined([attack], samples, batchSize: batchSize, keepsInputs: keepsInputs, progress: progress) {
    range in
    [
      try judge(
        attack, against: model, on: source.batch(at: Array(samples[range])), targets: targets?[rows: range],
        traces: traces, key: key)
    ]
  }[0]
}

/// Runs an attack towards goals of any kind on samples of a data set, as
/// `judge(_:against:on:samples:targets:batchSize:keepsInputs:traces:key:progress:)` does.
///
/// - Parameter goal: makes the goal of a batch.
public func judge<Wanted: Goal>(
  _ attack: some Attack, against model: some Classifier, on source: some BatchSource, samples: [Int]? = nil,
  goal: (Batch) -> Wanted, batchSize: Int = 250, keepsInputs: Bool = false,
  traces: Bool = false, key: RandomKey,
  progress: ((_ done: Int, _ total: Int) throws -> Void)? = nil
) throws -> AttackResult {
  let samples = samples ?? Array(0..<source.count)
  return try joined([attack], samples, batchSize: batchSize, keepsInputs: keepsInputs, progress: progress) {
    range in
    let batch = try source.batch(at: Array(samples[range]))
    return [try judge(attack, against: model, on: batch, goal: goal(batch), traces: traces, key: key)]
  }[0]
}

/// The results of ranges of the samples, one after the other: one for each attack.
func joined<Method: Attack>(
  _ attacks: [Method], _ samples: [Int], batchSize: Int, keepsInputs: Bool,
  progress: ((_ done: Int, _ total: Int) throws -> Void)?, _ part: (Range<Int>) throws -> [AttackResult]
) throws -> [AttackResult] {
  precondition(batchSize > 0, "judge: batch size \(batchSize) is not positive")
  var records = [[AttackRecord]](repeating: [], count: attacks.count)
  var inputs = [[Tensor]](repeating: [], count: attacks.count)
  var traces = [[AttackTrace]](repeating: [], count: attacks.count)
  var names = attacks.map(\.description)
  for start in stride(from: 0, to: samples.count, by: batchSize) {
    let range = start..<min(samples.count, start + batchSize)
    for (i, result) in try part(range).enumerated() {
      names[i] = result.attack
      records[i] += result.records
      if keepsInputs, let changed = result.adversarialInputs { inputs[i].append(changed) }
      if let trace = result.trace { traces[i].append(trace) }
    }
    try progress?(range.upperBound, samples.count)
  }
  return attacks.indices.map { i in
    AttackResult(
      attack: names[i], records: records[i],
      adversarialInputs: inputs[i].isEmpty ? nil : .concatenated(inputs[i]), trace: .joined(traces[i]))
  }
}
