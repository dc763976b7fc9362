import TensorCore

/// What certification found out about one input: a class with a radius, or nothing.
///
/// With probability at least 1 − α over the noise the smoothed classifier g answers `label` at every point closer to the
/// input than `radius` in the L2 norm, in pixel units, whether or not that point is a valid image:
///
///     R = σ · Φ⁻¹(p),   p = lower confidence bound on P[f(x + ε) = label]
///
/// The guarantee is about g, not about f, and about the L2 norm only; and `label` need not be the true class.
public struct Certificate: Sendable, Hashable {
  /// The class that the selection draws chose.
  public let candidate: Int
  /// How many estimation draws gave the candidate.
  public let hits: Int
  /// How many estimation draws were made.
  public let draws: Int
  /// p: the candidate's probability is at least this, with probability at least 1 − α.
  public let lowerBound: Double
  /// R; nil when p ≤ ½: then the draws do not tell the answer, and certification abstains.
  public let radius: Double?

  /// A certificate from a lower bound.
  ///
  /// - Parameter sigma: the noise's standard deviation.
  init(candidate: Int, hits: Int, draws: Int, lowerBound: Double, sigma: Double) {
    self.candidate = candidate
    self.hits = hits
    self.draws = draws
    self.lowerBound = lowerBound
    radius = lowerBound > 0.5 ? sigma * NormalDistribution.quantile(lowerBound) : nil
  }

  /// The smoothed classifier's class; nil when abstaining.
  public var label: Int? { radius == nil ? nil : candidate }

  /// Whether no class was certified.
  public var isAbstention: Bool { radius == nil }
}
