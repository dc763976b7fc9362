import TensorCore

extension Variable {
  /// Normalises each channel of `[n, c]` or `[n, c, h, w]`:
  ///
  ///     y = (x − mean) / √(variance + epsilon) · weight + bias
  ///
  /// The gradient's formula stands at `ChannelNormalization.gradients`; with statistics measured on x it passes through
  /// them.
  ///
  /// - Parameters:
  ///   - statistics: mean and variance of each channel, `ChannelStatistics(measuring: x.value)` for batch
  ///     normalisation in training.
  ///   - weight: a factor for each channel, `[c]`.
  ///   - bias: an offset for each channel, `[c]`.
  ///   - epsilon: keeps the root from 0.
  ///   - thenReLU: whether max(0, ·) follows; the gradient at 0 is 0.
  public func channelNormalized(
    by statistics: ChannelStatistics, weight: Variable, bias: Variable, epsilon: Double = 1e-5,
    thenReLU: Bool = false
  ) -> Variable {
    let x = value
    let map = ChannelNormalization(
      statistics, epsilon: epsilon, weight: weight.value, bias: bias.value, thenReLU: thenReLU)
    return .recorded(
      "channelNormalized", map(x), from: [self, weight, bias],
      jointly: { dy, wanted in
        let slopes = map.gradients(
          at: x, upstream: dy, wantsInput: wanted[0], wantsParameters: wanted[1] || wanted[2])
        return [slopes.input, slopes.weight, slopes.bias]
      })
  }
}
