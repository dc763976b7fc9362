import TensorCore
import Testing

@Suite struct ChannelNormalizationTests {
  /// The definition in `Double`, one channel after the other.
  private struct Plain {
    var mean: [Double]
    var variance: [Double]
    var output: Tensor
    var slopes: (input: Tensor, weight: Tensor, bias: Tensor)

    init(
      _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Double, thenReLU: Bool, upstream: Tensor,
      running: (mean: [Double], variance: [Double])? = nil
    ) {
      let (samples, channels) = (x.shape[0], x.shape[1])
      let inner = x.shape.dimensions[2...].reduce(1, *)
      let (values, dy) = (x.scalars.map(Double.init), upstream.scalars.map(Double.init))
      var (y, dx) = (values, values)
      (mean, variance) = ([], [])
      var (dw, db): ([Double], [Double]) = ([], [])
      for c in 0..<channels {
        let places = (0..<samples).flatMap { n in (0..<inner).map { (n * channels + c) * inner + $0 } }
        let count = Double(places.count)
        let middle = running?.mean[c] ?? places.reduce(0) { $0 + values[$1] } / count
        let spread =
          running?.variance[c] ?? places.reduce(0) { $0 + (values[$1] - middle) * (values[$1] - middle) }
          / count
        mean.append(middle)
        variance.append(spread)
        let scale = 1 / (spread + epsilon).squareRoot()
        let (w, b) = (Double(weight.scalars[c]), Double(bias.scalars[c]))
        let normal = places.map { (values[$0] - middle) * scale }
        let slopes = zip(places, normal).map { thenReLU && $1 * w + b <= 0 ? 0 : dy[$0] }
        let sum = slopes.reduce(0, +)
        let product = zip(slopes, normal).reduce(0) { $0 + $1.0 * $1.1 }
        for (i, place) in places.enumerated() {
          y[place] = normal[i] * w + b
          if thenReLU { y[place] = max(0, y[place]) }
          dx[place] =
            w * scale * (slopes[i] - (running == nil ? (sum + normal[i] * product) / count : 0))
        }
        dw.append(product)
        db.append(sum)
      }
      output = Tensor(shape: x.shape, scalars: y.map { Float($0) })
      slopes = (
        Tensor(shape: x.shape, scalars: dx.map { Float($0) }), Tensor(dw.map { Float($0) }),
        Tensor(db.map { Float($0) })
      )
    }
  }

  // Matrices and images; planes shorter, longer and as long as a vector; channels that are cut into groups.
  static let shapes: [Shape] = [
    [7, 5], [2, 16], [300, 130], [1, 3, 4, 5], [6, 3, 1, 1], [5, 4, 1, 3], [3, 20, 2, 2], [4, 3, 5, 7],
    [3, 2, 8, 8], [17, 5, 24, 24], [2, 3, 33, 31], [2, 40, 40, 40], [1, 2, 200, 200],
  ]

  private func near(
    _ a: Tensor, _ b: Tensor, _ name: String, within tolerance: Float = 1e-5,
    at location: SourceLocation = #_sourceLocation
  ) {
    if let difference = a.mismatch(with: b, relativeToLargest: tolerance) {
      Issue.record("\(name): \(difference)", sourceLocation: location)
    }
  }

  @Test(arguments: shapes) func againstTheDefinition(shape: Shape) {
    let x = PlainReference.uniform(shape, "x") * 3 + 0.5
    let dy = PlainReference.uniform(shape, "upstream") + 0.25
    let weight = PlainReference.uniform([shape[1]], "weight") + 0.1
    let bias = PlainReference.uniform([shape[1]], "bias")
    let statistics = ChannelStatistics(measuring: x)
    for thenReLU in [false, true] {
      let name = "\(shape), thenReLU \(thenReLU)"
      let plain = Plain(x, weight: weight, bias: bias, epsilon: 1e-3, thenReLU: thenReLU, upstream: dy)
      near(statistics.mean, Tensor(plain.mean.map { Float($0) }), name)
      near(statistics.variance, Tensor(plain.variance.map { Float($0) }), name)
      let map = ChannelNormalization(
        statistics, epsilon: 1e-3, weight: weight, bias: bias, thenReLU: thenReLU)
      near(map(x), plain.output, name)
      let slopes = map.gradients(at: x, upstream: dy)
      near(slopes.input!, plain.slopes.input, name)
      near(slopes.weight!, plain.slopes.weight, name)
      near(slopes.bias!, plain.slopes.bias, name)
    }
  }

  // Statistics from elsewhere are constants: their part of the gradient must be left out.
  @Test(arguments: shapes) func runningStatistics(shape: Shape) {
    let x = PlainReference.uniform(shape, "x")
    let dy = PlainReference.uniform(shape, "upstream")
    let (weight, bias) = (
      PlainReference.uniform([shape[1]], "weight"), PlainReference.uniform([shape[1]], "bias")
    )
    let mean = PlainReference.uniform([shape[1]], "mean")
    let variance = PlainReference.uniform([shape[1]], "variance").squared() + 0.25
    for thenReLU in [false, true] {
      let name = "\(shape), thenReLU \(thenReLU)"
      let plain = Plain(
        x, weight: weight, bias: bias, epsilon: 1e-5, thenReLU: thenReLU, upstream: dy,
        running: (mean.scalars.map(Double.init), variance.scalars.map(Double.init)))
      let map = ChannelNormalization(
        ChannelStatistics(mean: mean, variance: variance), epsilon: 1e-5, weight: weight, bias: bias,
        thenReLU: thenReLU)
      near(map(x), plain.output, name)
      let slopes = map.gradients(at: x, upstream: dy)
      near(slopes.input!, plain.slopes.input, name)
      near(slopes.weight!, plain.slopes.weight, name)
      near(slopes.bias!, plain.slopes.bias, name)
    }
  }

  // Sums in Float, or a mean rounded to Float, would lose most digits: the mean is 4,000 deviations from 0.
  @Test func farFromZero() {
    let noise = PlainReference.uniform([8, 3, 20, 20], "noise")
    let x = noise + Tensor(shape: [1, 3, 1, 1], scalars: [2000.3, -2000.7, 0.001])
    let dy = PlainReference.uniform(x.shape, "upstream")
    let (weight, bias) = (Tensor([1, -0.5, 2]), Tensor([0, 1, -1]))
    let plain = Plain(x, weight: weight, bias: bias, epsilon: 1e-5, thenReLU: false, upstream: dy)
    let map = ChannelNormalization(
      ChannelStatistics(measuring: x), epsilon: 1e-5, weight: weight, bias: bias)
    near(map(x), plain.output, "output", within: 1e-6)
    near(map.gradients(at: x, upstream: dy).input!, plain.slopes.input, "gradient", within: 1e-6)
    near(map.gradients(at: x, upstream: dy).weight!, plain.slopes.weight, "weight", within: 1e-5)
  }

  // By hand: values 1, 2, 3, 6 and, of the other channel, a constant.
  @Test func byHand() {
    let x = Tensor(shape: [2, 2, 1, 2], scalars: [1, 2, 5, 5, 3, 6, 5, 5])
    let statistics = ChannelStatistics(measuring: x)
    #expect(statistics.mean == Tensor([3, 5]) && statistics.variance == Tensor([3.5, 0]))
    #expect(statistics.unbiasedVariance == Tensor([3.5 * 4 / 3, 0]) && statistics.count == 4)
    let map = ChannelNormalization(
      statistics, epsilon: 0.5, weight: Tensor([2, 1]), bias: Tensor([1, -1]), thenReLU: true)
    #expect(map(x) == Tensor(shape: [2, 2, 1, 2], scalars: [0, 0, 0, 0, 1, 4, 0, 0]))
    let slopes = map.gradients(
      at: x, upstream: Tensor.ones(shape: x.shape), wantsInput: false, wantsParameters: true)
    #expect(slopes.input == nil && slopes.bias == Tensor([2, 0]) && slopes.weight == Tensor([1.5, 0]))
    let input = map.gradients(at: x, upstream: x, wantsParameters: false)
    #expect(input.weight == nil && input.bias == nil && input.input != nil)
  }

  // The ReLU's mask is worked out again in the backward pass: it must be that of the stored output, bit for bit.
  @Test func gateIsTheOutputs() {
    let x = PlainReference.uniform([40, 6, 9, 11], "x") * 1e-3 + 7
    let (weight, bias) = (PlainReference.uniform([6], "weight"), Tensor.zeros(shape: [6]))
    let running = ChannelStatistics(
      mean: Tensor(repeating: 7, shape: [6]), variance: .ones(shape: [6]))
    let map = ChannelNormalization(running, epsilon: 0, weight: weight, bias: bias, thenReLU: true)
    let slope = map.gradients(at: x, upstream: .ones(shape: x.shape)).input!
    #expect((slope .!= Tensor(0)) == (map(x) .> Tensor(0)))
  }

  @Test func emptyBatches() {
    let running = ChannelStatistics(mean: Tensor([1, 2]), variance: Tensor([1, 4]))
    let map = ChannelNormalization(running, epsilon: 0, weight: Tensor([1, 1]), bias: Tensor([0, 0]))
    let x = Tensor.zeros(shape: [0, 2, 3, 3])
    #expect(map(x) == x)
    let slopes = map.gradients(at: x, upstream: x)
    #expect(slopes.input == x && slopes.weight == Tensor([0, 0]) && slopes.bias == Tensor([0, 0]))
  }

  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let hashes = [1, 2, 4, 8].map { threads -> UInt64 in
        ThreadPool.threadCount = threads
        return PlainReference.hash(
          [[32, 16, 24, 24], [3, 70, 40, 40], [4000, 50]].flatMap { (shape: Shape) -> [Tensor] in
            let x = PlainReference.uniform(shape, "threads")
            let map = ChannelNormalization(
              ChannelStatistics(measuring: x), epsilon: 1e-5, weight: .ones(shape: [shape[1]]),
              bias: .zeros(shape: [shape[1]]), thenReLU: true)
            let slopes = map.gradients(at: x, upstream: x)
            return [map(x), slopes.input!, slopes.weight!, slopes.bias!]
          })
      }
      #expect(Set(hashes).count == 1)
    }
  }
}
