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
}
