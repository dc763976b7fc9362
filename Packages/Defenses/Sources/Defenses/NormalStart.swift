import Attacks
import TensorCore

/// A budget whose random starts lie close to the input: x + d · z, z ~ N(0, I), projected. In all else it is its inner budget.
///
/// The start of Zhang et al., "Theoretically Principled Trade-off between Robustness and Accuracy", ICML 2019, algorithm 1,
/// whose d is 0.001: just far enough from the input, where a `Divergence` has no gradient.
public struct NormalStart<Inner: Budget>: Budget {
  /// What is allowed.
  public let inner: Inner
  /// d, in pixel units.
  public let standardDeviation: Float

  /// A budget with other starts.
  ///
  /// - Precondition: the standard deviation is positive and finite.
  public init(_ inner: Inner, standardDeviation: Float = 0.001) {
    precondition(
      standardDeviation > 0 && standardDeviation.isFinite,
      "NormalStart: standard deviation \(standardDeviation)")
    self.inner = inner
    self.standardDeviation = standardDeviation
  }

  /// The inner radius.
  public var radius: Float { inner.radius }

  /// The inner distance.
  public func distances(_ a: Tensor, _ b: Tensor) -> [Double] { inner.distances(a, b) }

  /// The inner projection.
  public func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
    inner.project(candidate, around: x, range: range)
  }

  /// The inner step.
  public func steepestAscent(_ gradient: Tensor) -> Tensor { inner.steepestAscent(gradient) }

  /// The inner step and projection.
  public func ascend(
    _ point: inout Tensor, along gradient: Tensor, by size: Float, around x: Tensor, range: ClosedRange<Float>
  ) {
    inner.ascend(&point, along: gradient, by: size, around: x, range: range)
  }

  /// Close to x.
  public func randomStart(_ x: Tensor, range: ClosedRange<Float>, keys: [RandomKey]) -> Tensor {
    let offset = Tensor.normal(shape: x.shape, standardDeviation: standardDeviation, rowKeys: keys)
    return inner.project(x + offset, around: x, range: range)
  }

  /// The budget and its starts.
  public var description: String { "\(inner), starts at \(standardDeviation) N(0, I)" }
}
