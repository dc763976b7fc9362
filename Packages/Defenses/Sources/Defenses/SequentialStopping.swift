import TensorCore

/// Certification that stops drawing when enough is known, with the same failure probability as one that makes all n draws.
///
/// The bound on the probability is asked for after m, 2m, 4m, … draws and after n, each look with a share of α of its own:
///
///     n:  α/2          the K looks before:  α/(2K) each
///
/// By the union bound all looks hold at once with probability at least 1 − α, so the largest bound so far may be used, and
/// the decision to stop may look at everything seen. (Asking for the bound again and again with the whole α would not do:
/// somewhere along the way it fails much more often.) The price is α/2 instead of α where all n are drawn.
public struct SequentialStopping: Sendable, Hashable, Codable, CustomStringConvertible {
  /// What is enough. Both rules also stop, and abstain, when the probability very likely lies below ½.
  public enum Rule: Sendable, Hashable, Codable {
    /// The radius is certified, or very likely cannot be. In pixel units.
    case atRadius(Double)
    /// The certified radius is at least this share, 0 to 1, of what all n draws would give at the same rate.
    case atShare(Double)
  }

  /// What is enough.
  public var rule: Rule
  /// m: how many draws come before the first look; rounded up to whole chunks of 100.
  public var firstLook: Int

  /// A rule.
  public init(_ rule: Rule, firstLook: Int = 100) {
    self.rule = rule
    self.firstLook = firstLook
  }

  func looks(estimationDraws: Int, failureProbability: Double) -> [CertificationSettings.Look] {
    let chunk = SmoothedClassifier.chunk
    var early: [Int] = []
    var draws = (max(1, firstLook) + chunk - 1) / chunk * chunk
    while draws < estimationDraws {
      early.append(draws)
      draws *= 2
    }
    let last = early.isEmpty ? failureProbability : failureProbability / 2
    return early.map { .init(draws: $0, failureProbability: failureProbability / 2 / Double(early.count)) }
      + [.init(draws: estimationDraws, failureProbability: last)]
  }

  /// Whether to draw no more. Any rule would be sound: a wrong guess costs radius, not correctness.
  func isEnough(_ bounds: ProbabilityBounds, of settings: CertificationSettings, sigma: Double) -> Bool {
    if bounds.upper < 0.5 { return true }
    switch rule {
    case .atRadius(let radius):
      let needed = NormalDistribution.cumulative(radius / sigma)
      return bounds.lower >= needed || bounds.upper < needed
    case .atShare(let share):
      let last = settings.looks.last!
      let hits = Int((Double(bounds.hits) / Double(bounds.draws) * Double(last.draws)).rounded())
      let expected = Proportion(successes: hits, count: last.draws).lowerBound(
        failureProbability: last.failureProbability)
      return bounds.lower > 0.5
        && NormalDistribution.quantile(bounds.lower) >= share * NormalDistribution.quantile(expected)
    }
  }

  func check() throws {
    guard firstLook > 0 else {
      throw InputError(
        .outOfRange, "the draws before the first look", expected: "at least 1", found: "\(firstLook)")
    }
    switch rule {
    case .atRadius(let radius) where !(radius >= 0):
      throw InputError(
        .outOfRange, "the radius to stop at", expected: "a number of at least 0", found: "\(radius)")
    case .atShare(let share) where !(share > 0 && share <= 1):
      throw InputError(
        .outOfRange, "the share of the radius to stop at", expected: "a number above 0 and up to 1",
        found: "\(share)")
    default: break
    }
  }

  /// The rule and the first look.
  public var description: String {
    let enough =
      switch rule {
      case .atRadius(let radius): "radius \(radius) is decided"
      case .atShare(let share): "\(share) of the radius is certified"
      }
    return "stops when \(enough), first look after \(firstLook) draws"
  }
}

/// What is known of the probability of the chosen class while copies are drawn.
struct ProbabilityBounds {
  private(set) var draws = 0
  private(set) var hits = 0
  /// The largest lower bound of all looks: all hold at once.
  private(set) var lower = 0.0
  /// An upper bound that only decides when to give up.
  private(set) var upper = 1.0

  mutating func add(hits more: Int, at look: CertificationSettings.Look) {
    hits += more
    draws = look.draws
    let seen = Proportion(successes: hits, count: draws)
    lower = max(lower, seen.lowerBound(failureProbability: look.failureProbability))
    upper = min(upper, seen.upperBound(failureProbability: look.failureProbability))
  }
}
