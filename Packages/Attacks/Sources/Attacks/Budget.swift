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

/// All x + δ whose δ has at most the length `radius` in a norm. `TensorCore` has the steps, one visit a sample.
public protocol NormBall: Budget, Hashable {
  /// The norm.
  static var norm: VectorNorm { get }
  /// A ball.
  ///
  /// - Precondition: the radius is not negative and finite.
  init(radius: Float)
}

extension NormBall {
  /// The norm of each sample's difference.
  public func distances(_ a: Tensor, _ b: Tensor) -> [Double] { a.distances(to: b, in: Self.norm) }

  /// The ball's nearest point, clamped to the range: see `Tensor.project(ontoBall:around:radius:range:)`.
  public func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
    var point = candidate
    point.project(ontoBall: Self.norm, around: x, radius: radius, range: range)
    return point
  }

  /// The sign of each element, the gradient divided by its length, or the sign of its largest element: see
  /// `Tensor.steepestAscent(in:)`.
  public func steepestAscent(_ gradient: Tensor) -> Tensor { gradient.steepestAscent(in: Self.norm) }

  /// The step in one visit of each sample, with the bits of the operations one after the other. In the L1 ball it is
  /// steepest among the elements that the range lets move: see
  /// `Tensor.step(along:size:inBall:around:radius:range:)`.
  public func ascend(
    _ point: inout Tensor, along gradient: Tensor, by size: Float, around x: Tensor, range: ClosedRange<Float>
  ) {
    point.step(along: gradient, size: size, inBall: Self.norm, around: x, radius: radius, range: range)
  }
}

/// All x + δ with max |δ| ≤ `radius`.
public struct LInfBall: NormBall {
  /// The largest change of one element.
  public let radius: Float

  /// A ball.
  ///
  /// - Precondition: the radius is not negative and finite.
  public init(radius: Float) {
    precondition(radius >= 0 && radius.isFinite, "LInfBall: radius \(radius) is negative or not finite")
    self.radius = radius
  }

  /// L-infinity.
  public static var norm: VectorNorm { .lInf }

  /// The norm and the radius.
  public var description: String { "L-infinity, radius \(radius)" }
}
