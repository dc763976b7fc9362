import TensorCore
import Testing

@Suite struct GroupNormalizationTests {
  /// Values and gradients by the definition in `Double`; `weightIndex` names each value's weight.
  private static func check(
    _ x: Tensor, blockSize: Int, weight: Tensor, bias: Tensor, weightIndex: (Int) -> Int,
    _ normalize: (Tensor) -> GroupNormalization, _ name: String
  ) {
    let epsilon = 1e-3
    let upstream = PlainReference.uniform(x.shape, "upstream") + 0.25
    let (values, dy) = (x.scalars.map(Double.init), upstream.scalars.map(Double.init))
    let (w, b) = (weight.scalars.map(Double.init), bias.scalars.map(Double.init))
    var (y, dx) = (values, values)
    var (dw, db) = (w.map { _ in 0.0 }, w.map { _ in 0.0 })
    for start in stride(from: 0, to: x.count, by: max(1, blockSize)) {
      let block = start..<(start + blockSize)
      let count = Double(blockSize)
      let mean = block.reduce(0) { $0 + values[$1] } / count
      let variance = block.reduce(0) { $0 + (values[$1] - mean) * (values[$1] - mean) } / count
      let scale = 1 / (variance + epsilon).squareRoot()
      var (sum, product) = (0.0, 0.0)
      for i in block {
        let (normal, k) = ((values[i] - mean) * scale, weightIndex(i))
        y[i] = normal * w[k] + b[k]
        dw[k] += dy[i] * normal
        db[k] += dy[i]
        sum += dy[i] * w[k]
        product += dy[i] * w[k] * normal
      }
      for i in block {
        dx[i] = scale * (dy[i] * w[weightIndex(i)] - (sum + (values[i] - mean) * scale * product) / count)
      }
    }
    func near(_ a: Tensor?, _ b: [Double], _ what: String) {
      let expected = Tensor(shape: a!.shape, scalars: b.map { Float($0) })
      if let difference = a!.mismatch(with: expected, relativeToLargest: 1e-5) {
        Issue.record("\(name), \(what): \(difference)")
      }
    }
    let result = normalize(x)
    near(result.output, y, "output")
    let slopes = result.gradients(upstream: upstream)
    near(slopes.input, dx, "input")
    near(slopes.weight, dw, "weight")
    near(slopes.bias, db, "bias")
    let input = result.gradients(upstream: upstream, wantsParameters: false)
    #expect(input.input == slopes.input && input.weight == nil && input.bias == nil)
    let parameters = result.gradients(upstream: upstream, wantsInput: false)
    #expect(parameters.input == nil && parameters.weight == slopes.weight && parameters.bias == slopes.bias)
  }

  static let images: [(Shape, Int)] = [
    ([3, 4, 5, 7], 2), ([2, 6, 1, 1], 3), ([5, 6, 3, 1], 6), ([1, 8, 16, 16], 1), ([70, 12, 9, 11], 4),
    ([4, 10], 5), ([300, 64], 2), ([2, 3, 1, 2], 3),
  ]

  @Test(arguments: images.indices) func groups(index: Int) {
    let (shape, groups) = Self.images[index]
    let (c, inner) = (shape[1], shape.dimensions[2...].reduce(1, *))
    let x = PlainReference.uniform(shape, "x") * 2 + 3
    let (weight, bias) = (PlainReference.uniform([c], "weight"), PlainReference.uniform([c], "bias"))
    Self.check(
      x, blockSize: c / groups * inner, weight: weight, bias: bias, weightIndex: { $0 / inner % c },
      { GroupNormalization($0, groups: groups, weight: weight, bias: bias, epsilon: 1e-3) },
      "\(shape), \(groups) groups")
  }

  static let layers: [(Shape, Shape)] = [
    ([7, 5], [5]), ([3, 100], [100]), ([900, 48], [48]), ([4, 3, 5, 7], [5, 7]), ([4, 3, 5, 7], [3, 5, 7]),
    ([2, 3], [3]), ([6], [6]), ([2, 3, 16], [16]),
  ]

  @Test(arguments: layers.indices) func rows(index: Int) {
    let (shape, tail) = Self.layers[index]
    let x = PlainReference.uniform(shape, "x") * 2 - 1
    let (weight, bias) = (PlainReference.uniform(tail, "weight"), PlainReference.uniform(tail, "bias"))
    Self.check(
      x, blockSize: tail.count, weight: weight, bias: bias, weightIndex: { $0 % tail.count },
      { GroupNormalization($0, layerWeight: weight, bias: bias, epsilon: 1e-3) }, "\(shape) by \(tail)")
  }

  // 3,000 deviations from 0: Float sums, or an uncorrected rounded mean, would lose most digits.
  @Test func farFromZero() {
    let noise = PlainReference.uniform([4, 6, 8, 8], "noise")
    let (weight, bias) = (PlainReference.uniform([6], "weight"), PlainReference.uniform([6], "bias"))
    let near = GroupNormalization(noise, groups: 2, weight: weight, bias: bias, epsilon: 1e-5)
    let x = noise + 1700.3
    let shifted = x - 1700.3  // what adding has left of the noise, exact
    let exact = GroupNormalization(shifted, groups: 2, weight: weight, bias: bias, epsilon: 1e-5)
    let far = GroupNormalization(x, groups: 2, weight: weight, bias: bias, epsilon: 1e-5)
    #expect(far.output.mismatch(with: exact.output, relativeToLargest: 2e-6) == nil)
    #expect(far.output.mismatch(with: near.output, relativeToLargest: 1e-3) == nil)
  }

  @Test func emptyBatches() {
    let ones = Tensor.ones(shape: [4])
    let x = Tensor.zeros(shape: [0, 4, 3, 3])
    let result = GroupNormalization(x, groups: 2, weight: ones, bias: ones, epsilon: 1e-5)
    let slopes = result.gradients(upstream: x)
    #expect(result.output == x && slopes.input == x && slopes.weight == .zeros(shape: [4]))
  }

  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let x = PlainReference.uniform([40, 16, 24, 24], "threads")
      let (weight, tail) = (PlainReference.uniform([16], "w"), PlainReference.uniform([24], "w"))
      let hashes = [1, 2, 4, 8].map { threads -> UInt64 in
        ThreadPool.threadCount = threads
        return PlainReference.hash(
          [
            GroupNormalization(x, groups: 4, weight: weight, bias: weight, epsilon: 1e-5),
            GroupNormalization(x, layerWeight: tail, bias: tail, epsilon: 1e-5),
          ].flatMap { (result: GroupNormalization) -> [Tensor] in
            let slopes = result.gradients(upstream: x)
            return [result.output, slopes.input!, slopes.weight!, slopes.bias!]
          })
      }
      #expect(Set(hashes).count == 1)
    }
  }
}
