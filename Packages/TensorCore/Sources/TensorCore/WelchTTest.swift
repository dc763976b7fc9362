import Foundation

/// Welch's t-test: do two independent samples, whose variances may differ, differ in the mean?
///
///     t = (m₁ − m₂) / √(v₁ + v₂),  vᵢ = sᵢ² / nᵢ
///     ν = (v₁ + v₂)² / (v₁² / (n₁ − 1) + v₂² / (n₂ − 1))
///
/// Source: Welch, "The Generalization of Student's Problem when Several Different Population Variances are Involved",
/// Biometrika 34 (1947).
public struct WelchTTest: Hashable, Sendable {
  /// The two samples.
  public let first, second: Summary

  /// A test of two samples; nil when one of them has fewer than 2 values.
  public init?(_ first: Summary, _ second: Summary) {
    guard first.count > 1, second.count > 1 else { return nil }
    self.first = first
    self.second = second
  }

  private var variances: (Double, Double) {
    (first.standardError * first.standardError, second.standardError * second.standardError)
  }

  /// ν, in general no whole number; NaN when neither sample varies.
  public var degreesOfFreedom: Double {
    let (a, b) = variances
    return (a + b) * (a + b) / (a * a / Double(first.count - 1) + b * b / Double(second.count - 1))
  }

  /// t; 0 for equal means, infinite when the means differ and neither sample varies.
  public var statistic: Double {
    let difference = first.mean - second.mean
    let (a, b) = variances
    return difference == 0 ? 0 : difference / (a + b).squareRoot()
  }

  /// How probable a difference at least as large would be, on either side, if the true one were zero.
  public var pValue: Double {
    if statistic == 0 { return 1 }
    if statistic.isInfinite { return 0 }
    return StudentDistribution(degreesOfFreedom: degreesOfFreedom).twoSidedTail(statistic)
  }
}
