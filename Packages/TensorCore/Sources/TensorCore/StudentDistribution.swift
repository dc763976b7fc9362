import Foundation

/// Student's t distribution, in double precision.
public struct StudentDistribution: Hashable, Sendable {
  /// One less than the size of the sample, in a test of a mean.
  public let degreesOfFreedom: Double

  /// - Precondition: positive and finite.
  public init(degreesOfFreedom: Double) {
    precondition(
      degreesOfFreedom > 0 && degreesOfFreedom.isFinite,
      "StudentDistribution: \(degreesOfFreedom) degrees of freedom")
    self.degreesOfFreedom = degreesOfFreedom
  }

  /// The probability of a value up to `t`.
  public func cumulative(_ t: Double) -> Double {
    let tail = twoSidedTail(t) / 2
    return t < 0 ? tail : 1 - tail
  }

  /// The probability of a value at least as far from 0 as `t`, on either side:
  ///
  ///     P[|T| ≥ |t|] = I_x(ν/2, ½),  x = ν / (ν + t²)
  ///
  /// Source: NIST Digital Library of Mathematical Functions, 8.17, and Abramowitz and Stegun, 26.7.1.
  public func twoSidedTail(_ t: Double) -> Double {
    if t.isNaN { return .nan }
    if t.isInfinite { return 0 }
    let sum = degreesOfFreedom + t * t
    return BetaDistribution(a: degreesOfFreedom / 2, b: 0.5)
      .cumulative(degreesOfFreedom / sum, complement: t * t / sum)
  }

  /// The t ≥ 0 that a value is at least as far from 0 as, on either side, with this probability: the inverse of
  /// `twoSidedTail`.
  ///
  ///     t² = ν (1 − x) / x,  x = the p-quantile of Beta(ν/2, ½)
  ///
  /// - Precondition: 0 < probability ≤ 1.
  public func twoSidedQuantile(_ probability: Double) -> Double {
    precondition(
      probability > 0 && probability <= 1, "twoSidedQuantile: probability \(probability) is outside 0...1")
    let x = BetaDistribution(a: degreesOfFreedom / 2, b: 0.5).quantile(probability)
    return (degreesOfFreedom * (1 - x) / x).squareRoot()
  }
}
