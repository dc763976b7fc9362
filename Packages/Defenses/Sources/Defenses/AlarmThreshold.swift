import TensorCore

/// The score above which a detector raises its alarm, chosen on clean inputs so that false alarms are as rare as wanted.
///
///     threshold = the k-th smallest of n scores,   k = n + 1 − ⌊rate (n + 1)⌋
///
/// When the scores of these inputs and of a further clean one can be exchanged for each other, the further one raises the alarm
/// with at most the wanted probability, counted over both draws: so inputs that a detector is judged by must not be among
/// them, and inputs that its network learned from are not like others.
///
/// Source: Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005 (conformal prediction), as in Bates et al.,
/// "Testing for Outliers with Conformal p-values", Annals of Statistics 51 (2023).
public struct AlarmThreshold: Sendable, Hashable {
  /// Scores above it raise the alarm.
  public let value: Double
  /// The wanted probability of a false alarm.
  public let falseAlarmRate: Double
  /// How many clean scores it was chosen from.
  public let calibrationCount: Int

  /// The threshold for a rate.
  ///
  /// - Parameters:
  ///   - scores: of clean inputs.
  ///   - falseAlarmRate: the wanted probability.
  /// - Throws: `InputError.outOfRange` when the scores are too few for the rate, naming the number that is needed, and for a
  ///   score that is not a number.
  /// - Precondition: 0 < rate < 1.
  public init(calibratedOn scores: [Double], falseAlarmRate: Double) throws {
    precondition(
      falseAlarmRate > 0 && falseAlarmRate < 1, "AlarmThreshold: false-alarm rate \(falseAlarmRate)")
    if let place = scores.firstIndex(where: \.isNaN) {
      throw InputError(.outOfRange, "clean score \(place)", expected: "a number", found: "NaN")
    }
    // a rate such as 0.1 is not exact: 0.1 · 30 must not come out below 3
    let alarms = Int((falseAlarmRate * Double(scores.count + 1) * (1 + 1e-12)).rounded(.down))
    guard alarms > 0 else {
      throw InputError(
        .outOfRange, "the clean scores for a false-alarm rate of \(falseAlarmRate)",
        expected: "at least \(Int((1 / falseAlarmRate * (1 - 1e-12)).rounded(.up)) - 1)",
        found: "\(scores.count)", remedy: "Calibrate on more clean inputs, or accept more false alarms.")
    }
    value = scores.sorted()[scores.count - alarms]
    self.falseAlarmRate = falseAlarmRate
    calibrationCount = scores.count
  }

  /// Whether each score raises the alarm.
  public func alarms(_ scores: [Double]) -> [Bool] { scores.map { $0 > value } }
}
