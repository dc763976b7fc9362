internal import CKernels

extension Tensor {
  /// Brings each sample, a row along the first axis, into a ball around x and into the range, in place.
  ///
  ///     self ← clip(x + δ', to: range),  δ = self − x
  ///     L∞: δ'ᵢ = δᵢ clamped to [−radius, radius], its ends rounded inwards
  ///     L2: δ' = δ min(1, radius / ‖δ‖₂)
  ///     L1: δ'ᵢ = sign(δᵢ) max(|δᵢ| − θ, 0),  θ = 0 inside the ball, else so that Σ|δ'ᵢ| = radius
  ///
  /// δ' is the nearest point of the ball; the L1 form is that of Duchi, Shalev-Shwartz, Singer, Chandra, "Efficient
  /// Projections onto the l1-Ball for Learning in High Dimensions", ICML 2008. The ball comes before the range, as in
  /// Foolbox and torchattacks. Where x lies in the range the result is in the ball by `distances(to:in:)`: where rounding
  /// leaves an L2 or L1 sample outside, δ' is shortened by 2⁻²⁰, then 2⁻¹⁹ and so on until it fits.
  ///
  /// - Precondition: the shapes are equal and have an axis.
  public mutating func project(
    ontoBall norm: VectorNorm, around center: Tensor, radius: Float, range: ClosedRange<Float>
  ) {
    precondition(
      shape == center.shape && rank > 0, "project(ontoBall:): point \(shape), center \(center.shape)")
    if norm == .lInf {
      let r = Tensor(radius)
      self =
        clamped(lower: center.subtracting(r, rounding: .up), upper: center.adding(r, rounding: .down))
        .clamped(to: range)
    } else {
      ballStep(along: nil, size: 0, norm, around: center, radius: radius, range: range)
    }
  }

  /// One step of projected gradient ascent in a ball, in place, each sample in one visit.
  ///
  ///     self ← project(self + size · steepestAscent(gradient))
  ///
  /// The bits are those of the operations one after the other. In the L1 ball the step leaves out elements that stand at
  /// the end of the range to which the gradient points; else the steepest one, once at the end, would keep all further
  /// steps (Tramèr, Boneh, "Adversarial Training and Robustness for Multiple Perturbations", NeurIPS 2019).
  ///
  /// - Parameters:
  ///   - gradient: what to climb, shaped as `self`.
  ///   - size: the length of the step in the norm.
  ///   - norm: the ball's norm.
  ///   - center: x, the ball's center.
  ///   - radius: the ball's radius.
  ///   - range: what the elements may be.
  /// - Precondition: the shapes are equal and have an axis.
  public mutating func step(
    along gradient: Tensor, size: Float, inBall norm: VectorNorm, around center: Tensor, radius: Float,
    range: ClosedRange<Float>
  ) {
    if norm == .lInf {
      signStep(along: gradient, size: size, around: center, radius: radius, range: range)
    } else {
      precondition(
        shape == gradient.shape && shape == center.shape && rank > 0,
        "step(along:inBall:): point \(shape), gradient \(gradient.shape), center \(center.shape)")
      ballStep(along: gradient, size: size, norm, around: center, radius: radius, range: range)
    }
  }

  private mutating func ballStep(
    along gradient: Tensor?, size: Float, _ norm: VectorNorm, around center: Tensor, radius: Float,
    range: ClosedRange<Float>
  ) {
    var settings = ck_ball_step_settings(
      norm: norm.kernel, size: size, radius: radius, low: range.lowerBound, high: range.upperBound)
    let (samples, length, chunk) = (shape[0], sampleSize, samplesPerTask)
    let (g, x) = (gradient?.pointer, center.pointer)
    withExtendedLifetime((gradient, center)) {
      withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        let point = SendablePointer(base)
        withUnsafePointer(to: &settings) { settings in
          ThreadPool.run(count: samples, inChunksOf: chunk) { range in
            let scratch = ck_buffer_take(length + 1)
            defer { ck_buffer_return(scratch, length + 1) }
            for i in range {
              let first = i * length
              ck_ball_step(settings, point.pointer + first, g.map { $0 + first }, x + first, scratch, length)
            }
          }
        }
      }
    }
  }
}
