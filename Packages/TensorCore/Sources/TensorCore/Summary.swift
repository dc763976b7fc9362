import Foundation

/// How many values there are, where they lie, and how far they spread.
public struct Summary: Hashable, Sendable {
  /// How many values there are.
  public let count: Int
  /// Their sum divided by their count; NaN without values.
  public let mean: Double
  /// The root of the sum of squared deviations divided by `count − 1`; NaN for fewer than two values.
  public let standardDeviation: Double

  /// A summary of these values. Deviations are taken from the mean in a second pass, so that a large mean
  /// costs no digits.
  public init(_ values: [Double]) {
    count = values.count
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    standardDeviation = values.count < 2 ? .nan : (squares / Double(values.count - 1)).squareRoot()
  }

  /// The standard deviation divided by the root of the count: how far the mean itself would spread.
  public var standardError: Double { standardDeviation / Double(count).squareRoot() }

  /// The interval around the mean that, for normally distributed values, misses the true mean in a fraction
  /// 1 − `confidence` of all samples; nil for fewer than two values.
  ///
  ///     mean ± t · s / √n,  t = the (1 + confidence) / 2 quantile of Student's distribution with n − 1 degrees of freedom
  ///
  /// - Precondition: 0 < confidence < 1.
  public func interval(confidence: Double = 0.95) -> ClosedRange<Double>? {
    precondition(confidence > 0 && confidence < 1, "interval: confidence \(confidence) is outside 0...1")
    guard count > 1, standardError.isFinite else { return nil }
    let width =
      StudentDistribution(degreesOfFreedom: Double(count - 1)).twoSidedQuantile(1 - confidence)
      * standardError
    return (mean - width)...(mean + width)
  }
}
