import Foundation

/// McNemar's exact test: do two classifiers that saw the same samples differ in accuracy?
///
/// Only samples that one of them got right and the other wrong count; if the two are equally good, each such
/// sample is as likely to favour either. Source: McNemar, "Note on the Sampling Error of the Difference
/// Between Correlated Proportions or Percentages", Psychometrika 12 (1947), with exact binomial
/// probabilities.
public struct McNemarTest: Hashable, Sendable {
  /// Samples that only the first got right.
  public let onlyFirst: Int
  /// Samples that only the second got right.
  public let onlySecond: Int

  /// A test of these counts.
  ///
  /// - Precondition: neither is negative.
  public init(onlyFirst: Int, onlySecond: Int) {
    precondition(onlyFirst >= 0 && onlySecond >= 0, "McNemarTest: counts \(onlyFirst) and \(onlySecond)")
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
  }

  /// A test of outcomes, sample by sample.
  ///
  /// - Precondition: equally many of both.
  public init(first: [Bool], second: [Bool]) {
    precondition(first.count == second.count, "McNemarTest: \(first.count) outcomes against \(second.count)")
    let pairs = zip(first, second)
    self.init(onlyFirst: pairs.count { $0 && !$1 }, onlySecond: pairs.count { !$0 && $1 })
  }

  /// How probable a difference at least as large would be if both were equally good; 1 when they never
  /// disagree.
  public var pValue: Double {
    Proportion(successes: onlyFirst, count: onlyFirst + onlySecond).twoSidedPValue()
  }
}

/// Student's t-test on pairs: do two measurements of the same things differ in the mean?
///
///     t = mean(d) / (s(d) / √n),  d = first − second,  n − 1 degrees of freedom
public struct PairedTTest: Hashable, Sendable {
  /// The differences' count, mean and standard deviation.
  public let difference: Summary

  /// A test of `first` against `second`, pair by pair.
  ///
  /// - Precondition: equally many of both, at least 2.
  public init(_ first: [Double], _ second: [Double]) {
    precondition(
      first.count == second.count && first.count >= 2,
      "PairedTTest: \(first.count) values against \(second.count)")
    difference = Summary(zip(first, second).map { $0 - $1 })
  }

  /// One less than the number of pairs.
  public var degreesOfFreedom: Double { Double(difference.count - 1) }

  /// t; 0 when all pairs are equal, infinite when all differ by the same amount.
  public var statistic: Double {
    difference.mean == 0
      ? 0 : difference.mean / (difference.standardDeviation / Double(difference.count).squareRoot())
  }

  /// How probable a mean difference at least as large would be, on either side, if the true one were zero.
  public var pValue: Double {
    StudentDistribution(degreesOfFreedom: degreesOfFreedom).twoSidedTail(statistic)
  }
}
