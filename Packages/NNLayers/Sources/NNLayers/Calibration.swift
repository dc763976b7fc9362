import TensorCore

/// How well a classifier's confidences say how often it is right.
///
/// Samples are put into bins by confidence, the largest probability; in a calibrated classifier each bin's accuracy equals
/// its mean confidence. Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
public struct Calibration: Sendable, Hashable {
  /// One bin.
  public struct Bin: Sendable, Hashable {
    /// How many samples it has.
    public fileprivate(set) var count = 0
    /// How many of them were classified rightly.
    public fileprivate(set) var correct = 0
    fileprivate var sum = 0.0
    /// Their mean confidence; NaN for an empty bin.
    public var meanConfidence: Double { sum / Double(count) }
    /// Their share of right answers; NaN for an empty bin.
    public var accuracy: Double { Double(correct) / Double(count) }
  }

  /// Bins of equal width from 0 to 1: bin i has the confidences in (i/n, (i + 1)/n], the first one also 0.
  public let bins: [Bin]

  /// The calibration of some answers.
  ///
  /// - Precondition: as many confidences in [0, 1] as outcomes, and at least one bin.
  public init(confidences: [Float], outcomes: [Bool], binCount: Int = 10) {
    precondition(
      confidences.count == outcomes.count && binCount > 0
        && confidences.allSatisfy { $0 >= 0 && $0 <= 1 },
      "Calibration: \(confidences.count) confidences, \(outcomes.count) outcomes, \(binCount) bins")
    var bins = [Bin](repeating: Bin(), count: binCount)
    for (confidence, isCorrect) in zip(confidences, outcomes) {
      let place = Int((Double(confidence) * Double(binCount)).rounded(.up)) - 1
      let bin = max(0, min(place, binCount - 1))
      bins[bin].count += 1
      bins[bin].correct += isCorrect ? 1 : 0
      bins[bin].sum += Double(confidence)
    }
    self.bins = bins
  }

  /// The expected calibration error `Σ (nᵢ / n) |accuracyᵢ − confidenceᵢ|`, 0 to 1; NaN without samples.
  public var expectedError: Double {
    let total = Double(bins.reduce(0) { $0 + $1.count })
    return bins.reduce(total > 0 ? 0 : .nan) {
      $1.count > 0 ? $0 + abs(Double($1.correct) - $1.sum) / total : $0
    }
  }
}
