import Foundation
import TensorCore

/// All x + δ with Σ|δᵢ| ≤ `radius`.
public struct L1Ball: NormBall {
  /// The largest sum of absolute changes.
  public let radius: Float

  /// A ball.
  ///
  /// - Precondition: the radius is not negative and finite.
  public init(radius: Float) {
    precondition(radius >= 0 && radius.isFinite, "L1Ball: radius \(radius) is negative or not finite")
    self.radius = radius
  }

  /// The sum of magnitudes.
  public static var norm: VectorNorm { .l1 }

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
