import Foundation
import TensorCore
import Testing

/// Plain loops that the kernels are compared with, and inputs that several suites share.
enum PlainReference {
  /// Every index of a shape in row-major order; one empty index for a scalar.
  static func indices(of shape: Shape) -> [[Int]] {
    shape.dimensions.reduce([[]]) { found, length in
      found.flatMap { index in (0..<length).map { index + [$0] } }
    }
  }

  /// The element that broadcasting puts at `index`: aligned at the last axis, axes of length 1 repeat.
  static func element(of x: Tensor, at index: [Int]) -> Float {
    let own = index.suffix(x.rank)
    let position = zip(own, x.shape.dimensions).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }
    return x.scalars[position]
  }

  /// `operation` on each pair of elements after broadcasting both to `shape`.
  static func broadcast(
    _ a: Tensor, _ b: Tensor, to shape: Shape, _ operation: (Float, Float) -> Float
  ) -> Tensor {
    Tensor(
      shape: shape,
      scalars: indices(of: shape).map { operation(element(of: a, at: $0), element(of: b, at: $0)) })
  }

  /// Draws from U(−1, 1), other ones for each label.
  static func uniform(_ shape: Shape, _ label: String) -> Tensor {
    .uniform(shape: shape, in: -1...1, key: RandomKey(seed: 7).derived(label))
  }

  /// FNV-1a-64 of the scalars' bits: equal only (but for one in 2^64) where every bit is.
  static func hash(_ tensors: [Tensor]) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for tensor in tensors {
      for scalar in tensor.scalars { hash = (hash ^ UInt64(scalar.bitPattern)) &* 0x100_0000_01b3 }
    }
    return hash
  }

  /// The element-by-element result, each computed alone: what a vector kernel's tail must agree with.
  static func oneByOne(_ x: Tensor, _ operation: (Tensor) -> Tensor) -> Tensor {
    Tensor(shape: x.shape, scalars: x.scalars.map { operation(Tensor([$0])).item })
  }

  /// Equal shapes and bit patterns, NaN and signs of zero included.
  static func sameBits(_ a: Tensor, _ b: Tensor) -> Bool {
    a.shape == b.shape && a.scalars.map(\.bitPattern) == b.scalars.map(\.bitPattern)
  }

  /// Shapes of every kind: scalar, vectors, leading and inner axes of length 1, empty axes.
  static let shapes: [Shape] = [
    [], [1], [3], [1, 1], [2, 1], [1, 3], [2, 3], [4, 2, 1], [4, 1, 3], [1, 2, 1], [1, 2, 3], [4, 2, 3],
    [4, 1, 1],
    [0], [0, 3], [2, 0], [1, 0], [5, 1, 2, 3], [5, 4, 1, 1],
  ]
}
