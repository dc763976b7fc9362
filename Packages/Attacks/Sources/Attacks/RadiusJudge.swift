import NNLayers
import TensorCore

/// Runs several attacks of one kind, such as one for each of many radii, on a batch and judges each as
/// `judge(_:against:on:targets:traces:key:)` does.
///
/// What they have in common is done once: the clean answers, and the gradient of all `FastGradient` attacks. Each attack
/// draws the same numbers as it would alone, and has the same result.
///
/// - Parameters:
///   - attacks: the attacks; one result each, in this order.
///   - model: the model under attack.
///   - batch: samples with their true labels.
///   - targets: the wanted classes of targeted attacks; nil attacks away from the labels.
///   - standingOnly: whether an attack is tried only on samples for which no attack before it was a success; the others
///     keep the changed input that they have, which is as good an answer within a larger radius. It saves most of the
///     work where most samples fall early, and success then never falls as the radius grows; but what is changed, its
///     norms and confidences are then those of the smallest radius that was enough. The results' names say so.
///   - key: the attacks' randomness; a sample draws from `key.derived(index)`, its index in its data set.
/// - Throws: what judging one attack throws.
/// - Precondition: with `standingOnly` the radii do not fall.
public func judge<Method: Attack>(
  _ attacks: [Method], against model: some Classifier, on batch: Batch, targets: IntTensor? = nil,
  standingOnly: Bool = false, key: RandomKey
) throws -> [AttackResult] {
  precondition(
    !standingOnly || zip(attacks, attacks.dropFirst()).allSatisfy { $0.budget.radius <= $1.budget.radius },
    "judge: radii \(attacks.map(\.budget.radius)) fall, but only standing samples are to be attacked")
  let clean = try cleanLogits(of: model, for: batch, targets)
  let keys = batch.indices.map { key.derived($0) }
  func results(_ goal: some Goal) throws -> [AttackResult] {
    func verdict(on changed: Tensor, of attack: Method) throws -> AttackResult {
      try Attacks.verdict(
        on: changed, nil, of: attack, against: model, batch: batch, clean: clean, targets: targets, goal: goal
      )
    }
    if !standingOnly {
      let changed = Method.perturb(batch.inputs, withEach: attacks, against: model, goal: goal, keys: keys)
      return try zip(changed, attacks).map { try verdict(on: $0, of: $1) }
    }
    var changed = batch.inputs
    var standing = Array(0..<batch.count)
    return try attacks.enumerated().map { place, attack in
      if !standing.isEmpty, let part = goal.part(standing) {
        let points = attack.perturb(
          batch.inputs.gathered(rows: standing), against: model, goal: part, keys: standing.map { keys[$0] })
        changed.setRows(standing.enumerated().map { (row: $1, source: $0) }, from: points)
      }
      let result = try verdict(on: changed, of: attack)
      standing.removeAll { result.records[$0].isSuccess }
      return place == 0
        ? result
        : AttackResult(
          attack: result.attack + ", on samples that stood smaller radii", records: result.records,
          adversarialInputs: result.adversarialInputs)
    }
  }
  if let targets { return try results(Targeted(targets: targets)) }
  return try results(Untargeted(labels: batch.labels))
}

/// Runs several attacks of one kind on samples of a data set, batch by batch, and judges each: as
/// `judge(_:against:on:targets:standingOnly:key:)` does with a batch, and with the parameters of
/// `judge(_:against:on:samples:targets:batchSize:keepsInputs:traces:key:progress:)`.
public func judge<Method: Attack>(
  _ attacks: [Method], against model: some Classifier, on source: some BatchSource, samples: [Int]? = nil,
  targets: IntTensor? = nil, batchSize: Int = 250, keepsInputs: Bool = false, standingOnly: Bool = false,
  key: RandomKey, progress: ((_ done: Int, _ total: Int) throws -> Void)? = nil
) throws -> [AttackResult] {
  let samples = samples ?? Array(0..<source.count)
  precondition(
    targets.map { $0.shape == [samples.count] } ?? true,
    "judge: targets \(targets?.shape ?? []) for \(samples.count) samples")
  return try joined(attacks, samples, batchSize: batchSize, keepsInputs: keepsInputs, progress: progress) {
    range in
    try judge(
      attacks, against: model, on: source.batch(at: Array(samples[range])), targets: targets?[rows: range],
      standingOnly: standingOnly, key: key)
  }
}
