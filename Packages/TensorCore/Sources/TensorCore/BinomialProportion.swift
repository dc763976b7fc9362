import Foundation

/// How many of a number of trials succeeded, with exact bounds on the probability of success:
/// `"\(Proportion(successes: 34, count: 50))"` is `34/50 = 68.0 % [53.3, 80.5]`.
public struct Proportion: Hashable, Sendable, CustomStringConvertible {
  /// How many trials succeeded.
  public let successes: Int
  /// How many trials there were; none is allowed.
  public let count: Int

  /// - Precondition: 0 ≤ successes ≤ count.
  public init(successes: Int, count: Int) {
    precondition(
      successes >= 0 && successes <= count, "Proportion: \(successes) successes among \(count)")
    self.successes = successes
    self.count = count
  }

  /// How many of these outcomes are true.
  public init(_ outcomes: [Bool]) { self.init(successes: outcomes.count { $0 }, count: outcomes.count) }

  /// The share of successes, 0 to 1; NaN without trials.
  public var estimate: Double { Double(successes) / Double(count) }

  /// The two-sided Clopper–Pearson interval: each side fails with at most half of 1 − `confidence`.
  ///
  /// Source: Clopper, Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the
  /// Binomial", Biometrika 26 (1934).
  ///
  /// - Precondition: 0 < confidence < 1.
  public func interval(confidence: Double = 0.95) -> ClosedRange<Double> {
    precondition(confidence > 0 && confidence < 1, "interval: confidence \(confidence) is outside 0...1")
    let failure = (1 - confidence) / 2
    return lowerBound(failureProbability: failure)...upperBound(failureProbability: failure)
  }

  /// The one-sided Clopper–Pearson lower bound: whatever the probability of success is, the bound lies above
  /// it in at most a fraction α = `failureProbability` of all experiments.
  ///
  /// The α-quantile of Beta(k, n − k + 1); exactly 0 for k = 0 and α^(1/n) for k = n.
  ///
  /// - Precondition: 0 < failureProbability < 1.
  public func lowerBound(failureProbability: Double) -> Double {
    Self.check(failureProbability, "lowerBound")
    if successes == 0 { return 0 }
    if successes == count { return exp(log(failureProbability) / Double(count)) }
    return BetaDistribution(a: Double(successes), b: Double(count - successes + 1)).quantile(
      failureProbability)
  }

  /// The one-sided Clopper–Pearson upper bound, which lies below the probability of success in at most a
  /// fraction α = `failureProbability` of all experiments.
  ///
  /// The (1 − α)-quantile of Beta(k + 1, n − k); exactly 1 for k = n and 1 − α^(1/n) for k = 0.
  ///
  /// - Precondition: 0 < failureProbability < 1.
  public func upperBound(failureProbability: Double) -> Double {
    Self.check(failureProbability, "upperBound")
    if successes == count { return 1 }
    if successes == 0 { return -expm1(log(failureProbability) / Double(count)) }
    return BetaDistribution(a: Double(successes + 1), b: Double(count - successes)).upperQuantile(
      failureProbability)
  }

  private static func check(_ failureProbability: Double, _ operation: String) {
    precondition(
      failureProbability > 0 && failureProbability < 1,
      "\(operation): failure probability \(failureProbability) is outside 0...1")
  }

  /// Counts, percentage and 95 % interval.
  public var description: String {
    if count == 0 { return "0/0" }
    let interval = interval()
    func percent(_ x: Double) -> String { String(format: "%.1f", 100 * x) }
    return "\(successes)/\(count) = \(percent(estimate)) % "
      + "[\(percent(interval.lowerBound)), \(percent(interval.upperBound))]"
  }
}

extension Proportion {
  /// The p-value of the exact two-sided binomial test that the probability of success is `probability`.
  ///
  /// The total probability of all counts that are at most as likely as the observed one; counts whose
  /// likelihoods agree within 1e-7 are taken as equally likely, as SciPy's `binomtest` and R's `binom.test`
  /// do. 1 without trials.
  ///
  /// - Precondition: 0 ≤ probability ≤ 1.
  public func twoSidedPValue(against probability: Double = 0.5) -> Double {
    precondition(
      probability >= 0 && probability <= 1, "twoSidedPValue: probability \(probability) is outside 0...1")
    let binomial = BinomialDistribution(count: count, probability: probability)
    let mean = probability * Double(count)
    let limit = binomial.probability(of: successes) * (1 + 1e-7)
    if Double(successes) == mean { return 1 }
    if Double(successes) < mean {
      // Beyond the mean probabilities fall; find the first count that is no likelier.
      let opposite = Self.first(in: Int(mean.rounded(.up))...(count + 1)) {
        $0 > count || binomial.probability(of: $0) <= limit
      }
      return min(1, binomial.lowerTail(successes) + binomial.upperTail(opposite))
    }
    let opposite = Self.first(in: 0...(Int(mean.rounded(.down)) + 1)) {
      $0 > Int(mean.rounded(.down)) || binomial.probability(of: $0) > limit
    }
    return min(1, binomial.lowerTail(opposite - 1) + binomial.upperTail(successes))
  }

  /// The first number of a range for which a condition holds that holds for all later ones too.
  private static func first(in range: ClosedRange<Int>, where holds: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// How many of `count` independent trials succeed, each with the same probability.
struct BinomialDistribution {
  let count: Int
  let probability: Double

  func probability(of successes: Int) -> Double {
    let (k, n) = (Double(successes), Double(count))
    if successes == 0 { return exp(n * log1p(-probability)) }
    if successes == count { return pow(probability, n) }
    if probability == 0 || probability == 1 { return 0 }
    return BetaDistribution(a: k, b: n - k).binomialTerm(probability, 1 - probability)
  }

  /// The probability of at most this many successes.
  func lowerTail(_ successes: Int) -> Double {
    if successes < 0 { return 0 }
    if successes >= count { return 1 }
    return BetaDistribution(a: Double(count - successes), b: Double(successes + 1))
      .cumulative(1 - probability, complement: probability)
  }

  /// The probability of at least this many successes.
  func upperTail(_ successes: Int) -> Double {
    if successes <= 0 { return 1 }
    if successes > count { return 0 }
    return BetaDistribution(a: Double(successes), b: Double(count - successes + 1))
      .cumulative(probability, complement: 1 - probability)
  }
}
