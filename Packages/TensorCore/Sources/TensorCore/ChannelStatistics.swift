internal import CKernels

/// Mean and variance of each channel over samples and pixels: measured on a batch, or running values.
public struct ChannelStatistics: Sendable, Equatable {
  /// Mean of each channel.
  let means: [Double]
  /// Mean square distance from the mean of each channel (divided by the count).
  let variances: [Double]
  /// How many values each channel had; nil for statistics that come from elsewhere.
  public let count: Int?

  /// Statistics from elsewhere, `[c]` each: the running values of a normalisation.
  ///
  /// - Precondition: both are vectors of one length.
  public init(mean: Tensor, variance: Tensor) {
    precondition(
      mean.rank == 1 && mean.shape == variance.shape,
      "ChannelStatistics: mean \(mean.shape) and variance \(variance.shape) are not vectors of one length")
    means = mean.scalars.map(Double.init)
    variances = variance.scalars.map(Double.init)
    count = nil
  }

  /// Measures `[n, c]` or `[n, c, h, w]` in one pass. Sums and sums of squares are kept in `Double`, where squares of
  /// floats are exact; the same bits for any number of threads.
  ///
  /// - Precondition: rank 2 or 4, and a channel has at least one value.
  public init(measuring x: Tensor) {
    let tasks = ChannelTasks(x.shape, "ChannelStatistics")
    precondition(tasks.valuesEach > 0, "ChannelStatistics: shape \(x.shape) has no values")
    let source = x.pointer
    let (sums, squares) = withExtendedLifetime(x) {
      tasks.sums { part, offset, _, sums, squares in
        withUnsafePointer(to: part) { ck_channel_sums($0, source + offset, sums, squares) }
      }
    }
    let count = Double(tasks.valuesEach)
    means = sums.map { $0 / count }
    variances = zip(squares, means).map { max(0, $0 / count - $1 * $1) }
    self.count = tasks.valuesEach
  }

  /// How many channels there are.
  public var channelCount: Int { means.count }
  /// The mean of each channel: `[c]`.
  public var mean: Tensor { Tensor(means.map { Float($0) }) }
  /// The mean square distance from the mean of each channel: `[c]`.
  public var variance: Tensor { Tensor(variances.map { Float($0) }) }
  /// The variance of the distribution that the values were drawn from, estimated without bias: `[c]`, the variance
  /// times count / (count − 1).
  ///
  /// - Precondition: measured on at least two values a channel.
  public var unbiasedVariance: Tensor {
    guard let count, count > 1 else {
      preconditionFailure("unbiasedVariance: \(count ?? 0) values a channel, expected at least 2")
    }
    return Tensor(variances.map { Float($0 * Double(count) / Double(count - 1)) })
  }
}

/// How work on `[n, c, …]` is cut: into blocks of whole samples, large samples also into groups of channels; by the
/// shape alone.
struct ChannelTasks {
  let samples: Int
  let channels: Int
  let inner: Int
  private let samplesEach: Int
  private let channelsEach: Int

  init(_ shape: Shape, _ name: String) {
    precondition(
      shape.rank == 2 || shape.rank == 4, "\(name): expected [n, c] or [n, c, h, w], got \(shape)")
    samples = shape[0]
    channels = shape[1]
    inner = shape.dimensions[2...].reduce(1, *)
    // columns of a matrix are neighbours in memory and stay together
    channelsEach = inner == 1 ? max(1, channels) : max(1, min(channels, elementwiseChunk / max(1, inner)))
    samplesEach = channelsEach < channels ? 1 : max(1, elementwiseChunk / max(1, channels * inner))
  }

  /// How many values a channel has.
  var valuesEach: Int { samples * inner }

  private var blocks: Int { (samples + samplesEach - 1) / samplesEach }
  private var groups: Int { (channels + channelsEach - 1) / channelsEach }

  /// Runs `body` for each part: its form for the kernels, its first scalar, its first channel and its block of samples.
  func run(_ body: (_ part: ck_channels, _ offset: Int, _ channel: Int, _ block: Int) -> Void) {
    let (groups, samplesEach, channelsEach) = (groups, samplesEach, channelsEach)
    let (samples, channels, inner) = (samples, channels, inner)
    ThreadPool.run(tasks: blocks * groups) { task in
      let (block, sample) = (task / groups, task / groups * samplesEach)
      let channel = task % groups * channelsEach
      let part = ck_channels(
        samples: min(samplesEach, samples - sample), channels: min(channelsEach, channels - channel),
        inner: inner, stride: channels * inner)
      body(part, (sample * channels + channel) * inner, channel, block)
    }
  }

  /// Two sums a channel: `kernel` writes those of a part, and the blocks' are added in order.
  func sums(
    _ kernel: (
      _ part: ck_channels, _ offset: Int, _ channel: Int, _ first: UnsafeMutablePointer<Double>,
      _ second: UnsafeMutablePointer<Double>
    ) -> Void
  ) -> (first: [Double], second: [Double]) {
    let (blocks, channels) = (blocks, channels)
    var totals = [Double](repeating: 0, count: 2 * channels)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, blocks * 2 * channels)) { parts in
      let start = SendablePointer(parts.baseAddress!)
      run { part, offset, channel, block in
        let place = start.pointer + block * 2 * channels + channel
        kernel(part, offset, channel, place, place + channels)
      }
      totals.withUnsafeMutableBufferPointer { totals in
        for block in 0..<blocks {
          let row = start.pointer + block * 2 * channels
          for i in 0..<(2 * channels) { totals[i] += row[i] }
        }
      }
    }
    return (Array(totals[..<channels]), Array(totals[channels...]))
  }
}
