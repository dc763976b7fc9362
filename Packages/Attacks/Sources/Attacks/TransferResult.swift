import TensorCore

/// How inputs that were changed to fool one model, the source, do against another one, the target.
///
/// A sample fools a model when the attack's goal is reached there: another class than the true one, or in a targeted
/// attack the wanted class; samples whose true class is the wanted one are left out throughout. Three rates are in use
/// and must not be confused: `rate` among all that fool the source, `rateAmongCorrect` among those that both models first
/// classified correctly, and `ratio`, which divides two success rates and can exceed 1.
public struct TransferResult: Sendable {
  /// The attack with its settings.
  public let attack: String
  /// The records of the source.
  public let source: [AttackRecord]
  /// The records of the target for the same inputs, in the same order.
  public let target: [AttackRecord]

  /// A result from the records of both models.
  ///
  /// - Precondition: both are about the same samples.
  public init(attack: String, source: [AttackRecord], target: [AttackRecord]) {
    precondition(
      source.count == target.count
        && zip(source, target).allSatisfy {
          $0.index == $1.index && $0.label == $1.label && $0.target == $1.target
        },
      "TransferResult: \(source.count) and \(target.count) records of different samples")
    self.attack = attack
    self.source = source
    self.target = target
  }

  /// Samples that fool the source, of all.
  public var sourceFooled: Proportion { share(of: { _, _ in true }) { source, _ in source.isSuccess } }

  /// Samples that fool the target, of all.
  public var targetFooled: Proportion { share(of: { _, _ in true }) { _, target in target.isSuccess } }

  /// Samples that fool the target too, of those that fool the source.
  public var rate: Proportion { share(of: { source, _ in source.isSuccess }) { $1.isSuccess } }

  /// Samples that fool the target too, of those that fool the source and that both models first classified correctly:
  /// what the attack, and not an error that was there before, carries over.
  public var rateAmongCorrect: Proportion {
    share(of: { source, target in
      source.isSuccess && source.clean.label == source.label && target.clean.label == target.label
    }) { $1.isSuccess }
  }

  /// The success rate on the target divided by that on the source; NaN when nothing fools the source. No share of
  /// anything: the samples that fool the target need not be among those that fool the source.
  public var ratio: Double { targetFooled.estimate / sourceFooled.estimate }

  /// An interval of `ratio`: the bounds of the two rates, each with half of the risk, divided the pessimistic way. It holds
  /// with at least the confidence, however the two rates depend on each other; wide where few samples fool the source, and
  /// up to infinity where possibly none does.
  ///
  /// - Precondition: 0 < confidence < 1.
  public func ratioInterval(confidence: Double = 0.95) -> ClosedRange<Double> {
    let (over, under) = (
      targetFooled.interval(confidence: (1 + confidence) / 2),
      sourceFooled.interval(confidence: (1 + confidence) / 2)
    )
    return over.lowerBound / under.upperBound...over.upperBound / under.lowerBound
  }

  /// Samples that both models get wrong when clean, of those that at least one gets wrong: errors that need no attack to be
  /// shared.
  public var sharedCleanErrors: Proportion {
    share(of: { !$0.isCorrect || !$1.isCorrect }) { !$0.isCorrect && !$1.isCorrect }
  }

  /// Samples that both models give the same wrong class after the attack, of those that both then get wrong.
  public var sameWrongClass: Proportion {
    share(of: { $0.adversarial.label != $0.label && $1.adversarial.label != $1.label }) {
      $0.adversarial.label == $1.adversarial.label
    }
  }

  private func share(
    of included: (AttackRecord, AttackRecord) -> Bool, _ condition: (AttackRecord, AttackRecord) -> Bool
  ) -> Proportion {
    let pairs = zip(source, target).filter { $0.target != $0.label && included($0, $1) }
    return Proportion(pairs.map { condition($0, $1) })
  }
}

/// Shows the changed inputs of a judged attack, as they are, to another model.
///
/// - Parameters:
///   - result: an untargeted or targeted attack's result on the source model, with its inputs kept.
///   - samples: the data set that was attacked.
///   - target: the other model.
///   - batchSize: how many samples run at once.
/// - Throws: what the data set throws; `InputError.outOfRange` when an input lies outside the target's range or its
///   logits are not finite; `InputError.mismatch` when the data set's labels are not those of the result.
/// - Precondition: the result holds the changed inputs.
public func transfer(
  _ result: AttackResult, of samples: some BatchSource, to target: some Classifier, batchSize: Int = 250
) throws -> TransferResult {
  guard let inputs = result.adversarialInputs else {
    preconditionFailure("transfer: the result of \(result.attack) was made without keepsInputs")
  }
  precondition(batchSize > 0, "transfer: batch size \(batchSize) is not positive")
  var records: [AttackRecord] = []
  for start in stride(from: 0, to: result.records.count, by: batchSize) {
    let range = start..<min(result.records.count, start + batchSize)
    let attacked = result.records[range]
    let batch = try samples.batch(at: attacked.map(\.index))
    for (record, label) in zip(attacked, batch.labels.scalars) where record.label != Int(label) {
      throw InputError(
        .mismatch, "the label of sample \(record.index)",
        expected: "\(record.label), as when it was attacked",
        found: "\(label)", remedy: "Give the data set that was attacked.")
    }
    try batch.checkInputs(in: target.inputRange)
    let changed = inputs[rows: range]
    try Batch(inputs: changed, labels: batch.labels, indices: batch.indices)
      .checkInputs(in: target.inputRange, "result of \(result.attack)")
    let wanted = attacked.compactMap(\.target)
    let targets = wanted.count == attacked.count ? IntTensor(wanted) : nil
    let goal: any Goal = targets.map(Targeted.init) ?? Untargeted(labels: batch.labels)
    records += try attackRecords(target, batch: batch, changed: changed, targets: targets, goal: goal)
  }
  return TransferResult(attack: result.attack, source: result.records, target: records)
}
