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
      }
    ).endingInReLU(thenReLU)
  }

  /// Normalises each group of neighbouring channels of each sample of `[n, c]` or `[n, c, h, w]`:
  ///
  ///     y = (x − mean) / √(variance + epsilon) · weight + bias
  ///
  /// with the group's own mean and variance. The gradient's formula stands at `GroupNormalization.gradients`.
  ///
  /// - Parameters:
  ///   - groups: how many groups; it divides the number of channels.
  ///   - weight: a factor for each channel, `[c]`.
  ///   - bias: an offset for each channel, `[c]`.
  ///   - epsilon: keeps the root from 0.
  public func groupNormalized(
    groups: Int, weight: Variable, bias: Variable, epsilon: Double = 1e-5
  ) -> Variable {
    recorded(
      "groupNormalized",
      GroupNormalization(value, groups: groups, weight: weight.value, bias: bias.value, epsilon: epsilon),
      weight, bias)
  }

  /// Normalises each block of the last axes, those of weight and bias, by its own mean and variance: with `[features]`
  /// each row of `[n, features]`.
  ///
  /// - Parameters:
  ///   - weight: a factor for each element of a block.
  ///   - bias: an offset for each element of a block.
  ///   - epsilon: added to the variance under the root.
  public func layerNormalized(weight: Variable, bias: Variable, epsilon: Double = 1e-5) -> Variable {
    recorded(
      "layerNormalized",
      GroupNormalization(value, layerWeight: weight.value, bias: bias.value, epsilon: epsilon), weight, bias)
  }

  private func recorded(
    _ name: String, _ result: GroupNormalization, _ weight: Variable, _ bias: Variable
  ) -> Variable {
    .recorded(
      name, result.output, from: [self, weight, bias],
      jointly: { dy, wanted in
        let slopes = result.gradients(
          upstream: dy, wantsInput: wanted[0], wantsParameters: wanted[1] || wanted[2])
        return [slopes.input, slopes.weight, slopes.bias]
      })
  }
}
