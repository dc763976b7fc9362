import TensorCore

/// How many noisy copies a certificate is made from, and how often it may be wrong.
public struct CertificationSettings: Sendable, Hashable, Codable, CustomStringConvertible {
  /// n₀: copies that choose the class. None of them is used to bound its probability.
  public var selectionDraws: Int
  /// n: copies that bound the probability of the chosen class, at most.
  public var estimationDraws: Int
  /// α: the probability over the noise that a certificate is wrong, at most.
  public var failureProbability: Double
  /// When to make do with fewer than n copies at the same α; nil always makes all, as Cohen et al. do.
  public var stopping: SequentialStopping?

  /// Settings.
  public init(
    selectionDraws: Int = 1000, estimationDraws: Int = 10_000, failureProbability: Double = 0.05,
    stopping: SequentialStopping? = nil
  ) {
    self.selectionDraws = selectionDraws
    self.estimationDraws = estimationDraws
    self.failureProbability = failureProbability
    self.stopping = stopping
  }

  /// Where the bound on the probability is asked for.
  struct Look: Hashable {
    /// Copies made by then.
    let draws: Int
    /// The share of α that this bound may fail with.
    let failureProbability: Double
  }

  /// In ascending order, the last one after all n copies; the shares add up to α.
  var looks: [Look] {
    guard let stopping else { return [Look(draws: estimationDraws, failureProbability: failureProbability)] }
    return stopping.looks(estimationDraws: estimationDraws, failureProbability: failureProbability)
  }

  /// How many of n copies must get the class for its bound to lie above ½; one fewer abstains. Nil when even n equal
  /// answers do not suffice.
  public var leastCountToCertify: Int? {
    let last = looks.last!
    func certifies(_ count: Int) -> Bool {
      let bound = Proportion(successes: count, count: last.draws).lowerBound(
        failureProbability: last.failureProbability)
      return bound > 0.5
    }
    guard last.draws > 0, certifies(last.draws) else { return nil }
    var (low, high) = (0, last.draws)
    while low < high {
      let middle = (low + high) / 2
      if certifies(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The radius when all n copies get the same class: no certificate reaches further, whatever the classifier. A curve of
  /// certified accuracy that ends there was cut off by n.
  ///
  ///     R = σ · Φ⁻¹(α^(1/n))
  public func largestRadius(_ noise: SmoothingNoise) -> Double {
    let last = looks.last!
    let bound = Proportion(successes: last.draws, count: last.draws).lowerBound(
      failureProbability: last.failureProbability)
    return Double(noise.standardDeviation) * NormalDistribution.quantile(bound)
  }

  /// Checks that the settings can certify anything.
  ///
  /// - Throws: `InputError.outOfRange` for an α outside 0 to 1, for an n with which even equal answers would abstain,
  ///   naming the smallest usable one, and for a radius to stop at that n copies cannot reach.
  public func check(_ noise: SmoothingNoise) throws {
    try Self.check(failureProbability: failureProbability)
    guard selectionDraws >= 1 else {
      throw InputError(
        .outOfRange, "the number of draws that choose the class", expected: "at least 1",
        found: "\(selectionDraws)")
    }
    try stopping?.check()
    if estimationDraws < 1 || leastCountToCertify == nil {
      var other = self
      let smallest = Self.smallest {
        other.estimationDraws = $0
        return other.leastCountToCertify != nil
      }
      throw Self.tooFew(
        "the number of draws that bound the probability", estimationDraws, smallest: smallest,
        failureProbability)
    }
    if case .atRadius(let radius) = stopping?.rule, radius > largestRadius(noise) {
      throw InputError(
        .outOfRange, "the radius to stop at", expected: "at most \(largestRadius(noise))", found: "\(radius)",
        remedy: "Draw more, or use noise with a larger standard deviation.")
    }
  }

  static func check(failureProbability: Double) throws {
    guard failureProbability > 0 && failureProbability < 1 else {
      throw InputError(
        .outOfRange, "the failure probability", expected: "a number between 0 and 1",
        found: "\(failureProbability)")
    }
  }

  /// The smallest number for which a condition holds that holds for all larger ones.
  static func smallest(where holds: (Int) -> Bool) -> Int {
    var number = 1
    while !holds(number) { number += 1 }
    return number
  }

  static func tooFew(_ what: String, _ draws: Int, smallest: Int, _ failureProbability: Double) -> InputError
  {
    InputError(
      .outOfRange, what, expected: "at least \(smallest) for a failure probability of \(failureProbability)",
      found: "\(draws)", remedy: "With fewer, not even equal answers to all draws would be enough.")
  }

  /// All settings.
  public var description: String {
    "\(selectionDraws) draws choose the class, \(estimationDraws) bound its probability, failure probability "
      + "\(failureProbability)" + (stopping.map { ", \($0)" } ?? "")
  }
}
