import Foundation
import TensorCore

/// All x + δ with √Σδᵢ² ≤ `radius`.
public struct L2Ball: Budget, Hashable {
  /// The largest Euclidean length of the change.
  public let radius: Float

  /// A ball.
  ///
  /// - Precondition: the radius is not negative and finite.
  public init(radius: Float) {
    precondition(radius >= 0 && radius.isFinite, "L2Ball: radius \(radius) is negative or not finite")
    self.radius = radius
  }

  /// The Euclidean distance of each sample.
  public func distances(_ a: Tensor, _ b: Tensor) -> [Double] {
    perSample(a, b, "L2Ball") { x, y in
      x.indices.reduce(0) { sum, i in
        let gap = Double(x[i]) - Double(y[i])
        return sum + gap * gap
      }.squareRoot()
    }
  }

  /// Clamps to the range, then pulls each sample towards x by the factor that brings it into the ball.
  public func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
    shrunk(candidate.clamped(to: range), around: x, to: self, range: range)
  }

  /// The gradient of each sample divided by its Euclidean length.
  public func steepestAscent(_ gradient: Tensor) -> Tensor {
    var result = gradient
    let lengths = distances(gradient, .zeros(shape: gradient.shape))
    scaleSamples(&result, by: lengths.map { $0 > 0 ? 1 / $0 : 0 })
    return result
  }

  /// Uniform in the ball, then projected: only the range can still cut a draw. The direction is that of a normal draw.
  public func randomStart(_ x: Tensor, range: ClosedRange<Float>, keys: [RandomKey]) -> Tensor {
    let directions = Tensor.normal(shape: x.shape, rowKeys: keys.map { $0.derived("direction") })
    return Attacks.randomStart(x, directions: directions, in: self, range: range, keys: keys)
  }

  /// The norm and the radius.
  public var description: String { "L2, radius \(radius)" }
}

/// Pulls the samples outside a ball towards x by the factor that brings them to its surface. Rounding may leave a
/// sample a hair outside; its factor is then lowered by 2⁻²⁰, then 2⁻¹⁹ and so on, until `Double` arithmetic on the
/// stored numbers says that it is inside. The factor applies to the offset as it was first: a smaller one may round
/// to the same pixels again. Where not even the smallest step of the pixels fits, x itself is left.
/// An x outside the range may have no allowed point; its sample then stays outside the ball.
func shrunk(
  _ candidate: Tensor, around x: Tensor, to ball: some Budget, range: ClosedRange<Float>
) -> Tensor {
  let limit = Double(ball.radius)
  var result = candidate
  let distances = ball.distances(candidate, x)
  let size = max(1, candidate.count / max(1, distances.count))
  var factors = distances.map { $0 > limit ? limit / $0 : 1 }
  var outside = distances.indices.filter { distances[$0] > limit }
  let offset = outside.isEmpty ? x : candidate - x
  var step = 0x1p-20
  while !outside.isEmpty && step <= 2 {
    var scaled = offset
    scaleSamples(&scaled, by: factors)
    let moved = (x + scaled).clamped(to: range)
    // samples that are inside keep their bits
    result.withUnsafeMutableBufferPointer { target in
      moved.withUnsafeBufferPointer { source in
        for sample in outside {
          for i in (sample * size)..<((sample + 1) * size) { target[i] = source[i] }
        }
      }
    }
    let reached = ball.distances(result, x)
    outside.removeAll { !(reached[$0] > limit) }
    for sample in outside { factors[sample] *= max(0, 1 - step) }
    step *= 2
  }
  return result
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
