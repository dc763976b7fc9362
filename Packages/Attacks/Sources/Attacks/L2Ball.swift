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
    shrunk(candidate.clamped(to: range), around: x, to: self)
  }

  /// The gradient of each sample divided by its Euclidean length.
  public func steepestAscent(_ gradient: Tensor) -> Tensor {
    var result = gradient
    let lengths = distances(gradient, .zeros(shape: gradient.shape))
    scaleSamples(&result, by: lengths.map { $0 > 0 ? 1 / $0 : 0 })
    return result
  }

  /// The norm and the radius.
  public var description: String { "L2, radius \(radius)" }
}

/// Pulls the samples outside a ball towards x. Rounding may leave a sample a hair outside; it is then shrunk by
/// 1 − 2⁻²⁰ until `Double` arithmetic on the stored numbers says it is inside.
func shrunk(_ candidate: Tensor, around x: Tensor, to ball: some Budget) -> Tensor {
  let limit = Double(ball.radius)
  var result = candidate
  var distances = ball.distances(result, x)
  var factors = distances.map { $0 > limit ? limit / $0 : 1 }
  while factors.contains(where: { $0 < 1 }) {
    var offset = result - x
    scaleSamples(&offset, by: factors)
    let moved = x + offset
    // samples that were inside keep their bits
    let size = max(1, result.count / max(1, distances.count))
    result.withUnsafeMutableBufferPointer { target in
      moved.withUnsafeBufferPointer { source in
        for (sample, factor) in factors.enumerated() where factor < 1 {
          for i in (sample * size)..<((sample + 1) * size) { target[i] = source[i] }
        }
      }
    }
    distances = ball.distances(result, x)
    factors = distances.map { $0 > limit ? 1 - 0x1p-20 : 1 }
  }
  return result
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
