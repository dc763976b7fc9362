import Foundation

/// The beta distribution on [0, 1], in double precision: the regularised incomplete beta function and its
/// inverse.
public struct BetaDistribution: Hashable, Sendable {
  /// The exponent of x, plus one.
  public let a: Double
  /// The exponent of 1 − x, plus one.
  public let b: Double

  /// A distribution with density xᵃ⁻¹ (1 − x)ᵇ⁻¹ / B(a, b).
  ///
  /// - Precondition: both are positive and finite.
  public init(a: Double, b: Double) {
    precondition(a > 0 && b > 0 && a.isFinite && b.isFinite, "BetaDistribution: parameters \(a) and \(b)")
    self.a = a
    self.b = b
  }

  /// I_x(a, b), the probability of a value up to `x`; 0 below 0 and 1 above 1.
  public func cumulative(_ x: Double) -> Double { cumulative(x, complement: 1 - x) }

  /// The value below which a draw falls with probability `probability`: x with I_x(a, b) = p.
  ///
  /// - Precondition: 0 ≤ probability ≤ 1.
  public func quantile(_ probability: Double) -> Double { quantile(probability, inUpperTail: false) }

  /// The value above which a draw falls with probability `probability`: x with 1 − I_x(a, b) = p, also where
  /// 1 − p could not be told from 1.
  ///
  /// - Precondition: 0 ≤ probability ≤ 1.
  public func upperQuantile(_ probability: Double) -> Double { quantile(probability, inUpperTail: true) }

  /// I_x(a, b) with y = 1 − x given beside x, because one of the two may have lost its digits.
  ///
  /// Continued fraction 8.17.22 of the NIST Digital Library of Mathematical Functions, evaluated by Lentz's
  /// method, on the side of the mean where it converges fast.
  func cumulative(_ x: Double, complement y: Double) -> Double {
    if x.isNaN || y.isNaN { return .nan }
    if x <= 0 || y >= 1 { return x > 0 ? leadingTerm(x, y) : 0 }
    if y <= 0 { return 1 }
    return x < (a + 1) / (a + b + 2)
      ? leadingTerm(x, y) * Self.continuedFraction(a, b, x)
      : 1 - BetaDistribution(a: b, b: a).leadingTerm(y, x) * Self.continuedFraction(b, a, y)
  }

  /// xᵃ yᵇ / (a B(a, b)).
  private func leadingTerm(_ x: Double, _ y: Double) -> Double { binomialTerm(x, y) * b / (a + b) }

  private func density(_ x: Double, _ y: Double) -> Double { binomialTerm(x, y) * a * b / ((a + b) * x * y) }

  /// Γ(a + b + 1) / (Γ(a + 1) Γ(b + 1)) · xᵃ yᵇ: the probability of a successes among a + b when both are
  /// whole.
  ///
  /// By saddle point: differences of log-gammas would lose five digits at a + b = 10,000. Source: Loader,
  /// "Fast and Accurate Computation of Binomial Probabilities", 2000.
  func binomialTerm(_ x: Double, _ y: Double) -> Double {
    let n = a + b
    let exponent =
      Self.stirlingError(n) - Self.stirlingError(a) - Self.stirlingError(b) - Self.deviance(a, n * x)
      - Self.deviance(b, n * y)
    return (n / (2 * .pi * a * b)).squareRoot() * exp(exponent)
  }

  /// log Γ(n + 1) − log(√(2πn) (n/e)ⁿ), the error of Stirling's formula.
  private static func stirlingError(_ n: Double) -> Double {
    if n <= 15 {
      var sign: Int32 = 0  // lgamma itself writes a global variable.
      return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - 0.5 * log(2 * .pi)
    }
    let square = n * n
    return
      (1 / 12.0 - (1 / 360.0 - (1 / 1260.0 - (1 / 1680.0 - 1 / 1188.0 / square) / square) / square) / square)
      / n
  }

  /// x log(x/m) + m − x, without cancellation where x is close to m.
  private static func deviance(_ x: Double, _ m: Double) -> Double {
    guard (x - m).magnitude < 0.1 * (x + m) else { return x * log(x / m) + m - x }
    let v = (x - m) / (x + m)
    var sum = (x - m) * v
    var term = 2 * x * v
    var divisor = 3.0
    while true {
      term *= v * v
      let next = sum + term / divisor
      if next == sum { return sum }
      sum = next
      divisor += 2
    }
  }

  private static func continuedFraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
    // Lentz's method divides by these; zero is replaced by a number too small to matter.
    func safe(_ value: Double) -> Double { value.magnitude < 1e-300 ? 1e-300 : value }
    var c = 1.0
    var d = 1 / safe(1 - (a + b) * x / (a + 1))
    var result = d
    // About √max(a, b) steps are enough.
    for step in 1...100_000 {
      let m = Double(step)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / safe(1 + even * d)
      c = safe(1 + even / c)
      result *= c * d
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / safe(1 + odd * d)
      c = safe(1 + odd / c)
      result *= c * d
      if (c * d - 1).magnitude <= .ulpOfOne { break }
    }
    return result
  }

  /// Newton's method inside a bracket; of a probability below ½ it solves the logarithm, which keeps the
  /// relative accuracy in the tails.
  private func quantile(_ probability: Double, inUpperTail isUpper: Bool) -> Double {
    precondition(
      probability >= 0 && probability <= 1, "quantile: probability \(probability) is outside 0...1")
    if probability == 0 || probability == 1 { return (probability == 1) == isUpper ? 0 : 1 }
    var (low, high) = (0.0, 1.0)
    var x = a / (a + b)
    for _ in 0..<300 {
      let y = 1 - x
      let reached =
        isUpper ? BetaDistribution(a: b, b: a).cumulative(y, complement: x) : cumulative(x, complement: y)
      if reached == probability { return x }
      if (reached < probability) == isUpper { high = x } else { low = x }
      let excess = probability < 0.5 ? log(reached / probability) * reached : reached - probability
      let step = excess / density(x, y)
      var next = isUpper ? x + step : x - step
      if !(next > low && next < high) {
        next = low == 0 ? high / 64 : high > 4 * low ? (low * high).squareRoot() : (low + high) / 2
      }
      if (next - x).magnitude <= .ulpOfOne * x || next == low || next == high { return next }
      x = next
    }
    return x
  }
}
