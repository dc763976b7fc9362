internal import CKernels

/// The affine map of each channel that batch normalisation applies, and its gradients.
///
///     y = (x − mean) / √(variance + ε) · weight + bias, then max(0, ·) if `thenReLU`
///
/// `x` is `[n, c]` or `[n, c, h, w]`; weight, bias and statistics have one entry a channel.
public struct ChannelNormalization: Sendable {
  /// Mean and variance of each channel.
  public let statistics: ChannelStatistics
  /// Whether max(0, ·) follows, in the same pass.
  public let thenReLU: Bool
  private let weight: Tensor
  private let scales: [Double]  // 1 / √(variance + ε)
  // In floats: the mean, weight · scale, and the bias with what rounding the mean has left out.
  private let center: Tensor
  private let scale: Tensor
  private let shift: Tensor

  /// The map with these statistics, factors `[c]` and offsets `[c]`.
  ///
  /// - Precondition: statistics, weight and bias have the same number of channels, and `epsilon` is not negative.
  public init(
    _ statistics: ChannelStatistics, epsilon: Double, weight: Tensor, bias: Tensor, thenReLU: Bool = false
  ) {
    precondition(
      weight.shape == [statistics.channelCount] && bias.shape == weight.shape,
      "ChannelNormalization: weight \(weight.shape) and bias \(bias.shape) for \(statistics.channelCount) channels"
    )
    precondition(epsilon >= 0, "ChannelNormalization: epsilon \(epsilon) is negative")
    self.statistics = statistics
    self.weight = weight
    self.thenReLU = thenReLU
    scales = statistics.variances.map { 1 / ($0 + epsilon).squareRoot() }
    center = statistics.mean
    let factors = zip(weight.scalars, scales).map { Double($0) * $1 }
    scale = Tensor(factors.map { Float($0) })
    let rests = zip(statistics.means, center.scalars).map { $0 - Double($1) }
    shift = Tensor(
      bias.scalars.indices.map { Float(Double(bias.scalars[$0]) - rests[$0] * factors[$0]) })
  }

  /// y for each x, one pass: `[n, c]` or `[n, c, h, w]`, the shape stays.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let tasks = self.tasks(x)
    let result = Tensor(uninitialized: x.shape)
    let (source, target) = (x.pointer, SendablePointer(result.freshPointer))
    let map = KernelMap(self)
    withExtendedLifetime((x, self)) {
      tasks.run { part, offset, channel, _ in
        withUnsafePointer(to: part) { part in
          map.with(from: channel) { ck_channel_normalize(part, $0, source + offset, target.pointer + offset) }
        }
      }
    }
    return result
  }

  /// The gradients with respect to input, weight and bias where they are wanted.
  ///
  /// With statistics that were measured on this x, they depend on it, and
  ///
  ///     x̂ = (x − mean) · s,  s = 1/√(variance + ε),  g = dy, 0 where the ReLU gave 0
  ///     ∂L/∂bias = Σ g,  ∂L/∂weight = Σ g x̂,  ∂L/∂x = weight · s · (g − (Σ g + x̂ Σ g x̂) / count)
  ///
  /// with sums over the channel. With other statistics ∂L/∂x = weight · s · g.
  ///
  /// - Parameters:
  ///   - x: what the map was applied to.
  ///   - dy: the upstream gradient, shaped as x.
  public func gradients(
    at x: Tensor, upstream dy: Tensor, wantsInput: Bool = true, wantsParameters: Bool = true
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?) {
    precondition(dy.shape == x.shape, "ChannelNormalization: upstream \(dy.shape) for \(x.shape)")
    let tasks = self.tasks(x)
    let isMeasured = statistics.count != nil
    var sums: [Double] = []
    var products: [Double] = []  // with x̂
    if wantsParameters || isMeasured {
      (sums, products) = sumsOfGradients(tasks, x, dy)
      // The kernel has multiplied with x less the rounded mean.
      for i in products.indices {
        let rest = statistics.means[i] - Double(center.scalars[i])
        products[i] = (products[i] - rest * sums[i]) * scales[i]
      }
    }
    return (
      wantsInput ? inputGradient(tasks, x, dy, isMeasured ? (sums, products) : nil) : nil,
      wantsParameters ? Tensor(products.map { Float($0) }) : nil,
      wantsParameters ? Tensor(sums.map { Float($0) }) : nil
    )
  }

  private func sumsOfGradients(_ tasks: ChannelTasks, _ x: Tensor, _ dy: Tensor) -> ([Double], [Double]) {
    let (source, upstream, map) = (x.pointer, dy.pointer, KernelMap(self))
    return withExtendedLifetime((x, dy, self)) {
      tasks.sums { part, offset, channel, sums, products in
        withUnsafePointer(to: part) { part in
          map.with(from: channel) {
            ck_channel_products(part, $0, upstream + offset, source + offset, sums, products)
          }
        }
      }
    }
  }

  private func inputGradient(
    _ tasks: ChannelTasks, _ x: Tensor, _ dy: Tensor, _ measured: (sums: [Double], products: [Double])?
  ) -> Tensor {
    let result = Tensor(uninitialized: x.shape)
    // dx = scale g + turn (x − center) + rest
    var (turn, rest): (Tensor?, Tensor?)
    if let (sums, products) = measured {
      let count = Double(tasks.valuesEach)
      let turns = scales.indices.map { i in
        -Double(weight.scalars[i]) * scales[i] * scales[i] * products[i] / count
      }
      turn = Tensor(turns.map { Float($0) })
      rest = Tensor(
        scales.indices.map { i in
          let gap = statistics.means[i] - Double(center.scalars[i])
          return Float(-Double(weight.scalars[i]) * scales[i] * sums[i] / count - turns[i] * gap)
        })
    }
    let (source, upstream, map) = (x.pointer, dy.pointer, KernelMap(self))
    let (target, slope) = (SendablePointer(result.freshPointer), scale.pointer)
    withExtendedLifetime((x, dy, self, turn, rest)) {
      let (turns, rests) = (turn?.pointer, rest?.pointer)
      tasks.run { part, offset, channel, _ in
        withUnsafePointer(to: part) { part in
          map.with(from: channel) {
            ck_channel_gradient(
              part, $0, upstream + offset, source + offset, slope + channel, turns.map { $0 + channel },
              rests.map { $0 + channel }, target.pointer + offset)
          }
        }
      }
    }
    return result
  }

  private func tasks(_ x: Tensor) -> ChannelTasks {
    let tasks = ChannelTasks(x.shape, "ChannelNormalization")
    precondition(
      tasks.channels == statistics.channelCount,
      "ChannelNormalization: \(statistics.channelCount) channels, got \(x.shape)")
    return tasks
  }

  /// The map's factors for the kernels, from any channel on.
  private struct KernelMap: @unchecked Sendable {
    let center, scale, shift: UnsafePointer<Float>
    let thenReLU: Int32

    init(_ map: ChannelNormalization) {
      (center, scale, shift) = (map.center.pointer, map.scale.pointer, map.shift.pointer)
      thenReLU = map.thenReLU ? 1 : 0
    }

    func with(from channel: Int, _ body: (UnsafePointer<ck_affine>) -> Void) {
      var map = ck_affine(
        center: center + channel, scale: scale + channel, shift: shift + channel, then_relu: thenReLU)
      body(&map)
    }
  }
}
