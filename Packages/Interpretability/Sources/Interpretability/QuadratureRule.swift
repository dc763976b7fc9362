import Foundation

/// Points and weights for an integral from 0 to 1.
public enum QuadratureRule: String, Sendable, Hashable, CaseIterable {
  /// Gauss–Legendre: exact for polynomials up to degree 2m − 1.
  case gaussLegendre
  /// The middles of m equal parts, all with weight 1/m.
  case midpoint

  /// The points in rising order and their weights, which add up to 1.
  ///
  /// - Precondition: `count` is positive.
  public func nodes(count: Int) -> [(point: Double, weight: Double)] {
    precondition(count > 0, "QuadratureRule: \(count) points")
    switch self {
    case .midpoint: return (0..<count).map { ((Double($0) + 0.5) / Double(count), 1 / Double(count)) }
    case .gaussLegendre:
      return (0..<count).map { k in
        // Newton's method on the Legendre polynomial, from a guess that is near the root (Abramowitz and Stegun,
        // "Handbook of Mathematical Functions", 22.16.6).
        var z = cos(.pi * (Double(count - 1 - k) + 0.75) / (Double(count) + 0.5))
        var slope = 0.0
        for _ in 0..<100 {
          let (value, derivative) = Self.legendre(count, z)
          slope = derivative
          let step = value / derivative
          z -= step
          if abs(step) < 1e-15 { break }
        }
        return ((1 + z) / 2, 1 / ((1 - z * z) * slope * slope))
      }
    }
  }

  /// The Legendre polynomial of this degree, and its derivative, by the three-term recurrence.
  private static func legendre(_ degree: Int, _ z: Double) -> (value: Double, derivative: Double) {
    var (before, value) = (1.0, z)
    for j in 1..<max(degree, 1) {
      (before, value) = (value, (Double(2 * j + 1) * z * value - Double(j) * before) / Double(j + 1))
    }
    return (value, Double(degree) * (z * value - before) / (z * z - 1))
  }
}
