import NNLayers
import TensorCore

/// One sample before and after an attack.
public struct AttackRecord: Sendable, Hashable {
  /// The sample's index in its data set.
  public let index: Int
  /// The true class.
  public let label: Int
  /// The wanted class of a targeted attack.
  public let target: Int?
  /// The class predicted for the clean input, and its probability.
  public let clean: Prediction
  /// The class predicted for the changed input, and its probability.
  public let adversarial: Prediction
  /// The probability of the target before and after.
  public let targetConfidence: Change?
  /// The size of the change.
  public let norms: Norms
  /// Whether the goal was reached; `judge` makes sure that the input was allowed.
  public let isSuccess: Bool
  /// Whether the prediction was right on the clean input.
  public var isCorrect: Bool { clean.label == label }
  /// Whether the prediction was right on the clean and on the changed input.
  public var isRobust: Bool { isCorrect && adversarial.label == label }

  /// A class and its probability.
  public struct Prediction: Sendable, Hashable {
    /// The class with the largest logit.
    public let label: Int
    /// Its softmax.
    public let confidence: Double
  }

  /// A number before and after.
  public struct Change: Sendable, Hashable {
    /// On the clean input.
    public let before: Double
    /// On the changed input.
    public let after: Double
  }

  /// Three lengths of one change, in pixel units.
  public struct Norms: Sendable, Hashable {
    /// The largest change of an element.
    public let lInf: Double
    /// The Euclidean length.
    public let l2: Double
    /// The sum of absolute changes.
    public let l1: Double
  }
}

/// What an attack came to on a set of samples. Every rate keeps its numerator and denominator.
public struct AttackResult: Sendable {
  /// The attack with its settings.
  public let attack: String
  /// One record a sample.
  public let records: [AttackRecord]
  /// The changed inputs in the order of the records, `[n, …]`; nil where they were not kept.
  public let adversarialInputs: Tensor?
  /// What every step came to, its samples in the order of the records; nil where that was not asked for, or the attack
  /// has no steps to tell of.
  public let trace: AttackTrace?

  /// A result, possibly of several batches of one attack.
  ///
  /// - Precondition: as many inputs as records, and as many samples in the trace.
  public init(
    attack: String, records: [AttackRecord], adversarialInputs: Tensor? = nil, trace: AttackTrace? = nil
  ) {
    precondition(
      trace.map { $0.count == records.count } ?? true,
      "AttackResult: \(records.count) records, a trace of \(trace?.count ?? 0) samples")
    precondition(
      adversarialInputs.map { $0.rank > 0 && $0.shape[0] == records.count } ?? true,
      "AttackResult: \(records.count) records, inputs \(adversarialInputs?.shape ?? [])")
    self.attack = attack
    self.records = records
    self.adversarialInputs = adversarialInputs
    self.trace = trace
  }

  /// Wrong predictions on the clean inputs, of all samples.
  public var cleanErrors: Proportion { share { !$0.isCorrect } }

  /// Wrong predictions on clean or changed inputs, of all samples: a sample that was wrong already stays wrong.
  public var robustErrors: Proportion { share { !$0.isRobust } }

  /// Right predictions on the clean inputs, of all samples.
  public var cleanAccuracy: Proportion { share(\.isCorrect) }

  /// Right predictions on clean and changed inputs, of all samples: the rest of `robustErrors`.
  public var robustAccuracy: Proportion { share(\.isRobust) }

  /// Right predictions on the changed inputs, of all samples, also of those whose clean input is classified wrongly. An
  /// attack that a model was trained on can make it larger than `cleanAccuracy`, because one step may give the label away.
  public var attackedAccuracy: Proportion { share { $0.adversarial.label == $0.label } }

  /// Which classes were taken for which on the changed inputs.
  ///
  /// - Precondition: labels and predictions lie in `0 ..< classCount`.
  public func confusion(classCount: Int) -> ConfusionMatrix {
    ConfusionMatrix(
      predictions: IntTensor(records.map(\.adversarial.label)), labels: IntTensor(records.map(\.label)),
      classCount: classCount)
  }

  /// Goals reached, of the samples first classified correctly; those whose true class is the target are left out.
  public var successAmongCorrect: Proportion {
    share(of: records.filter { $0.isCorrect && $0.target != $0.label }) { $0.isSuccess }
  }

  /// Targets reached, of the samples whose true class is not the target; nil for an untargeted attack.
  public var targetHits: Proportion? {
    let others = records.filter { $0.target != nil && $0.target != $0.label }
    return records.contains { $0.target != nil } ? share(of: others) { $0.isSuccess } : nil
  }

  private func share(of samples: [AttackRecord]? = nil, _ condition: (AttackRecord) -> Bool) -> Proportion {
    let samples = samples ?? records
    return Proportion(successes: samples.filter(condition).count, count: samples.count)
  }
}
