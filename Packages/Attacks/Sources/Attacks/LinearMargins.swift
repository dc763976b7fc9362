import Foundation
import TensorCore

/// Exact answers for a model whose logits are linear in the input, `s = W x + b`: no search needed.
public struct LinearMargins: Sendable {
  /// `[classes, inputs]`.
  private let weights: [[Double]]
  private let bias: [Double]

  /// The margins of a linear model.
  ///
  /// - Parameters:
  ///   - weight: `[classes, inputs]`.
  ///   - bias: `[classes]`.
  public init(weight: Tensor, bias: Tensor) {
    precondition(
      weight.rank == 2 && bias.shape == [weight.shape[0]],
      "LinearMargins: weight \(weight.shape), bias \(bias.shape)")
    weights = (0..<weight.shape[0]).map { weight[row: $0].scalars.map(Double.init) }
    self.bias = bias.scalars.map(Double.init)
  }

  /// The scores of one input, in `Double`.
  public func scores(_ x: Tensor) -> [Double] {
    let x = x.scalars.map(Double.init)
    return zip(weights, bias).map { row, b in b + zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// For which steps ε the input `x + ε d` is classified as `target`; nil for none.
  ///
  /// The target beats class k where `ε (w_t − w_k)·d > s_k − s_t`: a positive slope bounds ε from below, a negative one
  /// from above (requirement D2.17).
  public func steps(from x: Tensor, along direction: Tensor, to target: Int) -> ClosedRange<Double>? {
    let s = scores(x)
    let d = direction.scalars.map(Double.init)
    let slopes = weights.map { zip($0, d).reduce(0) { $0 + $1.0 * $1.1 } }
    var (lower, upper) = (-Double.infinity, Double.infinity)
    for k in weights.indices where k != target {
      let slope = slopes[target] - slopes[k]
      let gap = s[k] - s[target]
      if slope > 0 {
        lower = max(lower, gap / slope)
      } else if slope < 0 {
        upper = min(upper, gap / slope)
      } else if gap >= 0 {
        return nil
      }
    }
    return lower <= upper ? lower...upper : nil
  }

  /// The length of the smallest change, not clipped to any range, that brings the input to the boundary of another
  /// class, and that class: `min over k of (s_y − s_k) / ‖w_y − w_k‖*`, y being the predicted class.
  ///
  /// No shorter change can alter the decision (Hölder's inequality), and the change along the dual vector attains it.
  public func smallestChange(of x: Tensor, norm: VectorNorm) -> (length: Double, label: Int) {
    let s = scores(x)
    let y = s.indices.max { s[$0] < s[$1] } ?? 0
    var best = (length: Double.infinity, label: y)
    for k in s.indices where k != y {
      let length = (s[y] - s[k]) / norm.dual(zip(weights[y], weights[k]).map { $0 - $1 })
      if length < best.length { best = (length, k) }
    }
    return best
  }

  /// A length below which no change can make the input's class `target`: the longest way to the boundary with any single
  /// class that scores higher, `max over k of (s_k − s_t) / ‖w_k − w_t‖*`; 0 when the target already wins.
  public func lowerBound(of x: Tensor, to target: Int, norm: VectorNorm) -> Double {
    let s = scores(x)
    return s.indices.reduce(0) { bound, k in
      k == target
        ? bound : max(bound, (s[k] - s[target]) / norm.dual(zip(weights[k], weights[target]).map { $0 - $1 }))
    }
  }
}

extension VectorNorm {
  /// The length of a gradient in the norm dual to this one: what a step of length 1 can raise a linear function by.
  fileprivate func dual(_ v: [Double]) -> Double {
    switch self {
    case .lInf: v.reduce(0) { $0 + abs($1) }
    case .l2: v.reduce(0) { $0 + $1 * $1 }.squareRoot()
    case .l1: v.reduce(0) { max($0, abs($1)) }
    }
  }
}
