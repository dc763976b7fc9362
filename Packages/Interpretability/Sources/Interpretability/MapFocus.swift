import Foundation
import TensorCore

/// How concentrated a map is. Signs do not count: shares are pᵢ = |mᵢ| / Σ |m|.
public struct MapFocus: Sendable, Hashable {
  /// −Σ pᵢ ln pᵢ, from 0 (one pixel has everything) to ln n (all have the same).
  public let entropy: Double
  /// The entropy divided by ln n, 0 to 1, which compares maps of different sizes; 0 for a single pixel.
  public let relativeEntropy: Double
  /// The Gini index, 0 (all pixels have the same) to 1 − 1/n (one has everything):
  /// `Σᵢ (2i − n − 1) p₍ᵢ₎ / n` over the shares in rising order, i from 1. Source: Hurley and Rickard, "Comparing Measures of
  /// Sparsity", IEEE Transactions on Information Theory 55, 2009.
  public let gini: Double
  /// What the largest 10 % of the pixels, rounded up, have together: 0.1 to 1.
  public let topTenthShare: Double

  /// The focus of a map of any shape; nil for a map that is zero everywhere, which a rectified map may well be.
  ///
  /// - Precondition: the map has values, all finite.
  public init?(_ map: Tensor) {
    precondition(map.count > 0 && map.isFinite, "MapFocus: expected finite values, got \(map)")
    let magnitudes = map.scalars.map { Double($0.magnitude) }.sorted()
    let total = magnitudes.reduce(0, +)
    guard total > 0 else { return nil }
    let (n, shares) = (magnitudes.count, magnitudes.map { $0 / total })
    entropy = shares.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
    relativeEntropy = n > 1 ? entropy / log(Double(n)) : 0
    gini = shares.enumerated().reduce(0) { $0 + Double(2 * $1.offset + 1 - n) * $1.element } / Double(n)
    topTenthShare = shares.suffix((n + 9) / 10).reduce(0, +)
  }
}
