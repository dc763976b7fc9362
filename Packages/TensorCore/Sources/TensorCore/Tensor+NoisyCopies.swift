internal import CKernels

extension Tensor {
  /// Copies of one sample with normal noise, clamped: `[…] → [copies.count, …]`, made in one pass over memory.
  ///
  ///     yᵢ = clamp(x + zᵢ, to: range),   i in `copies`
  ///
  /// zᵢ is row i of the endless tensor that `normal(shape:standardDeviation:key:)` begins, so a copy is the same
  /// whichever others are made with it. Bits are those of the operations one by one.
  ///
  /// - Parameters:
  ///   - copies: the numbers of the copies.
  ///   - standardDeviation: of each element's noise.
  ///   - range: what the elements may be; `-.infinity ... .infinity` leaves them.
  ///   - key: the noise.
  /// - Precondition: the first copy is not negative, and its first draw begins a block of four.
  public func noisyCopies(
    _ copies: Range<Int>, standardDeviation: Float, in range: ClosedRange<Float>, key: RandomKey
  ) -> Tensor {
    precondition(
      copies.lowerBound >= 0 && copies.lowerBound * count % 4 == 0,
      "noisyCopies: copy \(copies.lowerBound) of \(count) elements does not begin a block of four draws")
    let result = Tensor(uninitialized: shape.inserting(axis: 0).replacing(axis: 0, with: copies.count))
    var settings = ck_noise(
      key: key.bits, deviation: standardDeviation, low: range.lowerBound, high: range.upperBound)
    let (image, noisy) = (pointer, SendablePointer(result.freshPointer))
    // whole blocks whatever the size of a copy
    let chunk = Swift.max(1, (1 << 13) / Swift.max(1, count)) * 4
    withExtendedLifetime(self) {
      withUnsafePointer(to: &settings) { settings in
        ThreadPool.run(count: count == 0 ? 0 : copies.count, inChunksOf: chunk) { rows in
          ck_noisy_copies(
            settings, image, count, UInt64((copies.lowerBound + rows.lowerBound) * count / 4),
            noisy.pointer + rows.lowerBound * count, rows.count)
        }
      }
    }
    return result
  }
}
