internal import CKernels

extension Tensor {
  /// The shortest change of each sample, a row along the first axis, that brings it onto a hyperplane: where the
  /// linearisation of a function at another point is 0.
  ///
  ///     minimise ‖d‖  subject to  value + slope·(self + d − point) = 0,  self + d in the range
  ///     L∞: dᵢ = ± min(λ, reachᵢ)      L2: dᵢ = ± min(λ |slopeᵢ|, reachᵢ)
  ///
  /// reachᵢ is the way to the end of the range in the direction of the hyperplane. Of the L-infinity norm's many shortest
  /// changes this is the one in which every element goes as far as the others. Where the range keeps the hyperplane out of
  /// reach, every element goes to its end. Computed in `Double`.
  ///
  /// Source: Croce, Hein, "Minimally Distorted Adversarial Examples with a Fast Adaptive Boundary Attack", ICML 2020,
  /// section 2.2 and appendix A.
  ///
  /// - Parameters:
  ///   - point: where the function was linearised, shaped as `self`.
  ///   - values: the function's value there, `n` numbers.
  ///   - slopes: its gradient there, shaped as `self`.
  ///   - norm: L-infinity or L2.
  ///   - range: what the elements may be; `self` lies in it.
  /// - Precondition: the shapes are equal and have an axis, and the norm is not L1.
  public func shortestChange(
    toHyperplaneThrough point: Tensor, values: [Float], slopes: Tensor, in norm: VectorNorm,
    range: ClosedRange<Float>
  ) -> Tensor {
    precondition(
      rank > 0 && shape == point.shape && shape == slopes.shape && values.count == shape[0],
      "shortestChange: \(shape), point \(point.shape), \(values.count) values, slopes \(slopes.shape)")
    precondition(norm != .l1, "shortestChange: L-infinity or L2, not \(norm.rawValue)")
    var settings = ck_plane_settings(norm: norm.kernel, low: range.lowerBound, high: range.upperBound)
    let result = Tensor(uninitialized: shape)
    let (t, p, w, target) = (pointer, point.pointer, slopes.pointer, SendablePointer(result.freshPointer))
    let size = sampleSize
    withExtendedLifetime((self, point, slopes)) {
      withUnsafePointer(to: &settings) { settings in
        ThreadPool.run(count: values.count, inChunksOf: samplesPerTask) { samples in
          for i in samples {
            let first = i * size
            ck_plane_change(
              settings, t + first, p + first, w + first, Double(values[i]), target.pointer + first, size)
          }
        }
      }
    }
    return result
  }
}
