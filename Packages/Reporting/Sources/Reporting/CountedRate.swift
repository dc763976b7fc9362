import TensorCore

/// A rate of counted cases with its exact 95 % interval, or no rate when nothing was counted.
struct CountedRate {
  let successes: Int
  let count: Int

  /// Successes over count; nil for a count of 0.
  var estimate: Double? { count > 0 ? Double(successes) / Double(count) : nil }

  /// The Clopper-Pearson interval with confidence 0.95; nil for a count of 0.
  var interval: ClosedRange<Double>? {
    count > 0 ? Proportion(successes: successes, count: count).interval(confidence: 0.95) : nil
  }

  /// `97.35 % [97.02, 97.66], n = 10000`
  var text: String {
    guard let estimate, let interval else { return "no cases, n = 0" }
    let (low, high) = (interval.lowerBound * 100, interval.upperBound * 100)
    return NumberText.percent(estimate, decimals: 2)
      + " [\(NumberText.fixed(low, decimals: 2)), \(NumberText.fixed(high, decimals: 2))], n = \(count)"
  }

  /// The parts by name.
  var json: JSONValue {
    [
      "estimate": estimate.map { .number($0) } ?? .null,
      "low": (interval?.lowerBound).map { .number($0) } ?? .null,
      "high": (interval?.upperBound).map { .number($0) } ?? .null,
      "confidence": 0.95,
      "successes": .integer(successes),
      "count": .integer(count),
    ]
  }
}
