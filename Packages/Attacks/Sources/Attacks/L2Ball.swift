import Foundation
import TensorCore

/// All x + δ with √Σδᵢ² ≤ `radius`.
public struct L2Ball: NormBall {
  /// The largest Euclidean length of the change.
  public let radius: Float

  /// A ball.
  ///
  /// - Precondition: the radius is not negative and finite.
  public init(radius: Float) {
    precondition(radius >= 0 && radius.isFinite, "L2Ball: radius \(radius) is negative or not finite")
    self.radius = radius
  }

  /// Euclidean.
  public static var norm: VectorNorm { .l2 }

  /// Uniform in the ball, then projected: only the range can still cut a draw. The direction is that of a normal draw.
  public func randomStart(_ x: Tensor, range: ClosedRange<Float>, keys: [RandomKey]) -> Tensor {
    let directions = Tensor.normal(shape: x.shape, rowKeys: keys.map { $0.derived("direction") })
    return Attacks.randomStart(x, directions: directions, in: self, range: range, keys: keys)
  }

  /// The norm and the radius.
  public var description: String { "L2, radius \(radius)" }
}

/// `x + r u^(1/d) ξ/‖ξ‖` for each sample, d elements long, u uniform on [0, 1), and projected.
///
/// It is uniform in the ball of the p-norm when the elements of the direction ξ have the density ∝ exp(−|ξ|ᵖ), in any
/// scale: Calafiore, Dabbene, Tempo, "Uniform Sample Generation in l_p Balls for Probabilistic Robustness Analysis",
/// IEEE Conference on Decision and Control 1998.
func randomStart(
  _ x: Tensor, directions: Tensor, in ball: some Budget, range: ClosedRange<Float>, keys: [RandomKey]
) -> Tensor {
  let dimension = Double(max(1, x.count / max(1, keys.count)))
  let lengths = ball.distances(directions, .zeros(shape: x.shape))
  let shares = Tensor.uniform(shape: [keys.count], rowKeys: keys.map { $0.derived("length") }).scalars
  var offset = directions
  scaleSamples(
    &offset,
    by: zip(lengths, shares).map { length, share in
      length > 0 ? Double(ball.radius) * pow(Double(share), 1 / dimension) / length : 0
    })
  return ball.project(x + offset, around: x, range: range)
}

/// Multiplies each sample by its own factor, in `Double`.
func scaleSamples(_ batch: inout Tensor, by factors: [Double]) {
  let size = max(1, batch.count / max(1, factors.count))
  batch.withUnsafeMutableBufferPointer { buffer in
    for (sample, factor) in factors.enumerated() where factor != 1 {
      for i in (sample * size)..<((sample + 1) * size) { buffer[i] = Float(Double(buffer[i]) * factor) }
    }
  }
}
