import Foundation
import TensorCore

/// All x + δ with Σ|δᵢ| ≤ `radius`.
public struct L1Ball: Budget, Hashable {
  /// The largest sum of absolute changes.
  public let radius: Float

  /// A ball.
  ///
  /// - Precondition: the radius is not negative and finite.
  public init(radius: Float) {
    precondition(radius >= 0 && radius.isFinite, "L1Ball: radius \(radius) is negative or not finite")
    self.radius = radius
  }

  /// The sum of |aᵢ − bᵢ| of each sample.
  public func distances(_ a: Tensor, _ b: Tensor) -> [Double] {
    perSample(a, b, "L1Ball") { x, y in x.indices.reduce(0) { $0 + abs(Double(x[$1]) - Double(y[$1])) } }
  }

  /// Clamps to the range, then takes the nearest point of the ball: every |δᵢ| is lowered by the same amount, at most
  /// to 0 (Duchi et al., "Efficient Projections onto the l1-Ball", ICML 2008).
  public func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
    let inside = candidate.clamped(to: range)
    let limit = Double(radius)
    var offset = inside - x
    let size = max(1, offset.count / max(1, offset.shape[0]))
    let sums = distances(inside, x)
    offset.withUnsafeMutableBufferPointer { buffer in
      for (sample, sum) in sums.enumerated() where sum > limit {
        let range = (sample * size)..<((sample + 1) * size)
        let cut = Self.threshold(buffer[range].map { abs(Double($0)) }, limit: limit)
        for i in range {
          let kept = max(0, abs(Double(buffer[i])) - cut)
          buffer[i] = buffer[i] < 0 ? Float(-kept) : Float(kept)
        }
      }
    }
    return shrunk((x + offset).clamped(to: range), around: x, to: self, range: range)
  }

  // The amount θ with Σ max(|δᵢ| − θ, 0) = limit.
  private static func threshold(_ magnitudes: [Double], limit: Double) -> Double {
    var total = 0.0
    var threshold = 0.0
    for (index, magnitude) in magnitudes.sorted(by: >).enumerated() {
      total += magnitude
      let candidate = (total - limit) / Double(index + 1)
      if magnitude <= candidate { break }
      threshold = candidate
    }
    return threshold
  }

  /// 1 with the gradient's sign at its largest element, the first of equals, and 0 elsewhere.
  public func steepestAscent(_ gradient: Tensor) -> Tensor {
    let flat = gradient.reshaped(to: [gradient.shape[0], gradient.shape.removing(axis: 0).count])
    let places = flat.absolute().argmax(alongAxis: 1)
    return (Tensor.oneHot(places, classes: flat.shape[1]) * flat.sign()).reshaped(to: gradient.shape)
  }

  /// Uniform in the ball, then projected: only the range can still cut a draw. The direction's elements are Laplace draws.
  public func randomStart(_ x: Tensor, range: ClosedRange<Float>, keys: [RandomKey]) -> Tensor {
    var directions = Tensor.uniform(shape: x.shape, rowKeys: keys.map { $0.derived("direction") })
    directions.withUnsafeMutableBufferPointer { values in
      for i in values.indices {
        // the upper bit of the draw is the sign, the others are uniform on [0, 1)
        let doubled = 2 * Double(values[i])
        values[i] = Float(doubled < 1 ? -log1p(-doubled) : log1p(1 - doubled))
      }
    }
    return Attacks.randomStart(x, directions: directions, in: self, range: range, keys: keys)
  }

  /// The norm and the radius.
  public var description: String { "L1, radius \(radius)" }
}
