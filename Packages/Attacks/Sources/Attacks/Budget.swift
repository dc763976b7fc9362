import TensorCore

/// What the attacker may do to an input, in pixel units. All methods treat each sample, a row along the first axis,
/// by itself.
public protocol Budget: Sendable, CustomStringConvertible {
  /// The largest allowed distance.
  var radius: Float { get }
  /// The distance between two batches of samples, in `Double` on the stored `Float`s: `[n, …], [n, …] → n` numbers.
  func distances(_ a: Tensor, _ b: Tensor) -> [Double]
  /// An allowed point near `candidate`: at a distance of at most `Double(radius)` from `x` as `distances` measures it,
  /// and in `range`, in which `x` must lie.
  func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor
  /// The step of norm 1 that most raises a linear function with this gradient; zero for a zero gradient.
  func steepestAscent(_ gradient: Tensor) -> Tensor
  /// One step of steepest ascent from `point` and back into the budget, in place:
  /// `point ← project(point + size · steepestAscent(gradient), around: x)`.
  func ascend(
    _ point: inout Tensor, along gradient: Tensor, by size: Float, around x: Tensor, range: ClosedRange<Float>
  )
  /// An allowed point for each sample, drawn from the budget with the sample's own key: `[n, …]` and `[n]` keys.
  func randomStart(_ x: Tensor, range: ClosedRange<Float>, keys: [RandomKey]) -> Tensor
}

extension Budget {
  /// The operations one after the other.
  public func ascend(
    _ point: inout Tensor, along gradient: Tensor, by size: Float, around x: Tensor, range: ClosedRange<Float>
  ) {
    point = project(point + size * steepestAscent(gradient), around: x, range: range)
  }

  /// A draw that is uniform where each element may change by the radius, projected onto the budget.
  public func randomStart(_ x: Tensor, range: ClosedRange<Float>, keys: [RandomKey]) -> Tensor {
    // scaled afterwards: the width of −r ... r overflows for large r
    let offset = radius * Tensor.uniform(shape: x.shape, in: -1...1, rowKeys: keys)
    return project(x + offset, around: x, range: range)
  }
}

/// All x + δ with max |δ| ≤ `radius`.
public struct LInfBall: Budget, Hashable {
  /// The largest change of one element.
  public let radius: Float

  /// A ball.
  ///
  /// - Precondition: the radius is not negative and finite.
  public init(radius: Float) {
    precondition(radius >= 0 && radius.isFinite, "LInfBall: radius \(radius) is negative or not finite")
    self.radius = radius
  }

  /// The largest |aᵢ − bᵢ| of each sample.
  public func distances(_ a: Tensor, _ b: Tensor) -> [Double] {
    perSample(a, b, "LInfBall") { x, y in
      var largest = 0.0
      for i in x.indices {
        let gap = abs(Double(x[i]) - Double(y[i]))
        if gap > largest || gap.isNaN { largest = gap }
      }
      return largest
    }
  }

  /// Clamps each element to the ball, its ends rounded inwards (in `Float`, x + radius lies outside it for most
  /// pixels), and to the range.
  public func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
    let r = Tensor(radius)
    return
      candidate
      .clamped(lower: x.subtracting(r, rounding: .up), upper: x.adding(r, rounding: .down))
      .clamped(to: range)
  }

  /// The sign of each element; 0 stays 0.
  public func steepestAscent(_ gradient: Tensor) -> Tensor { gradient.sign() }

  /// The step in one pass over memory; the bits are those of the operations one after the other.
  public func ascend(
    _ point: inout Tensor, along gradient: Tensor, by size: Float, around x: Tensor, range: ClosedRange<Float>
  ) {
    point.signStep(along: gradient, size: size, around: x, radius: radius, range: range)
  }

  /// The norm and the radius.
  public var description: String { "L-infinity, radius \(radius)" }
}

/// One number a sample from two batches of the same shape.
func perSample(
  _ a: Tensor, _ b: Tensor, _ name: String,
  _ body: (UnsafeBufferPointer<Float>.SubSequence, UnsafeBufferPointer<Float>.SubSequence) -> Double
) -> [Double] {
  precondition(a.shape == b.shape && a.rank > 0, "\(name): batches \(a.shape) and \(b.shape)")
  let size = a.shape.removing(axis: 0).count
  return a.withUnsafeBufferPointer { x in
    b.withUnsafeBufferPointer { y in
      (0..<a.shape[0]).map { sample in
        let range = (sample * size)..<((sample + 1) * size)
        return body(x[range], y[range])
      }
    }
  }
}
