internal import CKernels

extension Tensor {
  /// One step of projected gradient ascent in an L-infinity ball, in place and in one pass over memory.
  ///
  ///     self ← clip(self + size · sign(gradient), to: [x ⊖ radius, x ⊕ radius] ∩ range)
  ///
  /// ⊖ rounds up and ⊕ down, so that the result lies in the ball when measured in `Double`. NaN stays, and the bits are
  /// those of the steps one by one: `sign`, `*`, `+`, and `clamped` between `subtracting(_:rounding:)` and
  /// `adding(_:rounding:)`, then to the range.
  ///
  /// - Parameters:
  ///   - gradient: what to climb; 0 leaves an element where it is.
  ///   - size: the length of the step in each element.
  ///   - center: x, the ball's center.
  ///   - radius: the ball's radius.
  ///   - range: what the elements may be.
  /// - Precondition: the shapes are equal.
  public mutating func signStep(
    along gradient: Tensor, size: Float, around center: Tensor, radius: Float, range: ClosedRange<Float>
  ) {
    precondition(
      shape == gradient.shape && shape == center.shape,
      "signStep: point \(shape), gradient \(gradient.shape), center \(center.shape)")
    var settings = ck_sign_step_settings(
      size: size, radius: radius, low: range.lowerBound, high: range.upperBound)
    let (g, x) = (gradient.pointer, center.pointer)
    withExtendedLifetime((gradient, center)) {
      withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        let point = SendablePointer(base)
        withUnsafePointer(to: &settings) { settings in
          ThreadPool.run(count: buffer.count, inChunksOf: elementwiseChunk) { range in
            let first = range.lowerBound
            ck_sign_step(settings, point.pointer + first, g + first, x + first, range.count)
          }
        }
      }
    }
  }
}
