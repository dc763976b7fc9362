import TensorCore

/// The noise of randomized smoothing: independent normal changes of all pixels, and what becomes of values that leave the
/// range.
///
///     x + ε, ε ~ N(0, σ²I),   or clamp(x + ε, to: range)
///
/// Clamping is sound because it belongs to the base classifier, f(clamp(·)): the noise itself stays normal. It must then be
/// the same in training and in certification. Noise is in pixel units, before any normalising layer.
public struct SmoothingNoise: Sendable, Hashable, CustomStringConvertible {
  /// σ, in pixel units.
  public let standardDeviation: Float
  /// What noisy pixels are clamped to; nil leaves them.
  public let range: ClosedRange<Float>?

  /// Noise.
  ///
  /// - Throws: `InputError.outOfRange` for a standard deviation that is not positive and finite.
  public init(standardDeviation: Float, clampedTo range: ClosedRange<Float>? = 0...1) throws {
    guard standardDeviation > 0 && standardDeviation.isFinite else {
      throw InputError(
        .outOfRange, "the noise's standard deviation", expected: "a positive number",
        found: "\(standardDeviation)")
    }
    self.standardDeviation = standardDeviation
    self.range = range
  }

  /// Copies of one sample with their own noise each: `[…] → [copies.count, …]`. A copy depends on its number and the key
  /// only.
  ///
  /// - Precondition: the first copy's number is a multiple of 4.
  public func copies(of sample: Tensor, _ copies: Range<Int>, key: RandomKey) -> Tensor {
    sample.noisyCopies(copies, standardDeviation: standardDeviation, in: limits, key: key)
  }

  /// The first copies of each sample of a batch, those of a sample side by side: `[n, …]`, `[n]` keys →
  /// `[n · count, …]`.
  func copies(ofEach samples: Tensor, count: Int, keys: [RandomKey]) -> Tensor {
    .concatenated(keys.indices.map { copies(of: samples[row: $0], 0..<count, key: keys[$0]) })
  }

  /// What noisy pixels may be.
  var limits: ClosedRange<Float> { range ?? -.infinity ... .infinity }

  /// σ and the clamping.
  public var description: String {
    "normal noise, standard deviation \(standardDeviation), "
      + (range.map { "noisy pixels clamped to \($0)" } ?? "noisy pixels not clamped")
  }
}
