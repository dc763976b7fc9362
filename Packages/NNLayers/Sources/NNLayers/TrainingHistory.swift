import TensorCore

/// What one step of training came to on its batch, before the update.
public struct StepRecord: Sendable, Codable, Hashable {
  /// The batch's mean loss, without the penalty.
  public let loss: Double
  /// The share of the batch that was classified rightly.
  public let accuracy: Double
}

/// What one epoch of training came to.
public struct EpochRecord: Sendable, Codable, Hashable {
  /// The epoch's number, from 1.
  public let epoch: Int
  /// The learning rate at its start.
  public let learningRate: Double
  /// The mean loss over its samples, each taken before the step it led to; without the penalty.
  public let trainingLoss: Double
  /// The share of its samples that were classified rightly before the step they led to.
  public let trainingAccuracy: Double
  /// The L2 penalty at its end, 0 without one.
  public let penalty: Double
  /// The largest norm of a step's gradients, before clipping.
  public let largestGradientNorm: Double?
  /// The mean loss on the validation samples after it.
  public let validationLoss: Double?
  /// The share of validation samples classified rightly after it.
  public let validationAccuracy: Double?
  /// Each class's share of validation samples classified rightly after it.
  public let validationClassAccuracies: [Double]?
  /// What the loop's probe measured after it, by name.
  public let probed: [String: Double]?
  /// Its steps in order; nil where the run does not record them.
  public let steps: [StepRecord]?
  /// How long its steps took, without validation.
  public let seconds: Double
}

/// The epochs of one training run, in order.
public struct TrainingHistory: Sendable, Codable, Hashable {
  /// One record an epoch.
  public var epochs: [EpochRecord] = []

  /// An empty history.
  public init() {}

  /// How long all steps took, without validation, in whichever process they ran.
  public var seconds: Double { epochs.reduce(0) { $0 + $1.seconds } }

  /// All recorded steps in order.
  public var steps: [StepRecord] { epochs.flatMap { $0.steps ?? [] } }

  /// The epoch with the smallest validation loss; the earlier of equals; nil without validation.
  public var lowestValidationLoss: EpochRecord? {
    epochs.filter { $0.validationLoss != nil }.min { $0.validationLoss! < $1.validationLoss! }
  }

  /// The epoch with the highest validation accuracy; the earlier of equals; nil without validation.
  public var highestValidationAccuracy: EpochRecord? {
    var best: EpochRecord?
    for record in epochs {
      guard let accuracy = record.validationAccuracy else { continue }
      if accuracy > best?.validationAccuracy ?? -1 { best = record }
    }
    return best
  }

  /// The first epoch from which on the training loss L stays within a share of its whole fall of where it ended; nil
  /// without epochs:
  ///
  ///     the smallest e with |Lₖ − L_last| ≤ tolerance · |L₁ − L_last| for all k ≥ e
  public func settlingEpoch(tolerance: Double = 0.05) -> Int? {
    guard let first = epochs.first?.trainingLoss, let last = epochs.last?.trainingLoss else { return nil }
    let allowed = tolerance * abs(first - last)
    return epochs.reversed().prefix { abs($0.trainingLoss - last) <= allowed }.last?.epoch
  }
}

/// When to stop before the last epoch, and which weights to hand back.
public struct EarlyStopping: Sendable, Hashable {
  /// What is watched.
  public enum Measure: Sendable, Hashable, Codable {
    /// Lower is better.
    case validationLoss
    /// Higher is better.
    case validationAccuracy
    /// A number of the loop's probe, by name; higher is better.
    case probed(String)

    var isProbed: Bool { if case .probed = self { true } else { false } }
  }

  /// What is watched.
  public var measure: Measure
  /// How many epochs in a row may pass without a strictly better value; nil never stops early.
  public var patience: Int?
  /// Whether the weights of the best epoch come back at the end, else the last ones.
  public var restoresBest: Bool

  /// A rule; ties keep the earlier epoch.
  public init(on measure: Measure, patience: Int? = nil, restoresBest: Bool = true) {
    precondition(patience ?? 1 > 0, "EarlyStopping: patience \(patience ?? 0) is not positive")
    self.measure = measure
    self.patience = patience
    self.restoresBest = restoresBest
  }

  /// The watched number with the sign that makes larger better.
  func score(_ record: EpochRecord) -> Double? {
    switch measure {
    case .validationLoss: record.validationLoss.map { -$0 }
    case .validationAccuracy: record.validationAccuracy
    case .probed(let name): record.probed?[name]
    }
  }
}

/// Measures a model at the end of each training epoch, beside validation: how it stands an attack, for example.
public protocol EpochProbe: Sendable {
  /// Named numbers of the model as it is. The key is the same for every epoch, so that equal draws make epochs comparable.
  func measure<Model: Layer>(_ model: Model, key: RandomKey) throws -> [String: Double]
}
