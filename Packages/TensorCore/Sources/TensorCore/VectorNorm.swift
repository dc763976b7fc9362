internal import CKernels

/// A norm in which a change of a sample is measured.
public enum VectorNorm: String, Sendable, CaseIterable {
  /// The largest magnitude of an element.
  case lInf
  /// The Euclidean length.
  case l2
  /// The sum of magnitudes.
  case l1

  var kernel: Int32 {
    switch self {
    case .lInf: Int32(ck_norm_linf)
    case .l2: Int32(ck_norm_l2)
    case .l1: Int32(ck_norm_l1)
    }
  }
}

extension Tensor {
  /// The distance of each sample, a row along the first axis, to the same row of another batch: `[n, …], [n, …] → n`
  /// numbers, in `Double` on the stored `Float`s. NaN where an element is NaN.
  ///
  /// - Precondition: the shapes are equal and have an axis.
  public func distances(to other: Tensor, in norm: VectorNorm) -> [Double] {
    precondition(
      shape == other.shape && rank > 0, "distances(to:in:): \(shape) and \(other.shape), one row a sample")
    let size = sampleSize
    var result = [Double](repeating: 0, count: shape[0])
    let (a, b) = (pointer, other.pointer)
    withExtendedLifetime((self, other)) {
      result.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        let target = SendablePointer(base)
        ThreadPool.run(count: buffer.count, inChunksOf: samplesPerTask) { samples in
          for i in samples { target.pointer[i] = ck_distance(norm.kernel, a + i * size, b + i * size, size) }
        }
      }
    }
    return result
  }

  /// The step of norm 1 that most raises a linear function with this gradient, for each sample; zero for a zero gradient.
  ///
  ///     L∞: sign(g)      L2: g / ‖g‖₂      L1: sign(gₖ) eₖ,  k = argmax |gᵢ|, the first of equals
  ///
  /// - Precondition: there is an axis of samples.
  public func steepestAscent(in norm: VectorNorm) -> Tensor {
    precondition(rank > 0, "steepestAscent(in:): \(shape), one row a sample")
    if norm == .lInf { return sign() }
    let size = sampleSize
    let result = Tensor(uninitialized: shape)
    let (g, target) = (pointer, SendablePointer(result.freshPointer))
    withExtendedLifetime(self) {
      ThreadPool.run(count: shape[0], inChunksOf: samplesPerTask) { samples in
        for i in samples { ck_steepest(norm.kernel, g + i * size, target.pointer + i * size, size) }
      }
    }
    return result
  }

  /// How many elements a row along the first axis has.
  var sampleSize: Int { shape.removing(axis: 0).count }
  /// How many samples are one task of the pool.
  var samplesPerTask: Int { Swift.max(1, elementwiseChunk / 4 / Swift.max(1, sampleSize)) }
}
