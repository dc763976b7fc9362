import TensorCore
import Testing

/// Convolutions that take non-zero taps only, against plain loops in `Double` over the masked weight.
@Suite struct SparseConvolutionTests {
  /// The weight with all but a share of its elements set to zero.
  private static func masked(_ weight: Tensor, keeping share: Float) -> Tensor {
    let draws = Tensor.uniform(shape: weight.shape, key: RandomKey(seed: 3).derived("\(weight.shape)"))
    return Tensor(
      shape: weight.shape, scalars: zip(weight.scalars, draws.scalars).map { $1 < share ? $0 : 0 })
  }

  private static func masked(_ c: ConvolutionCase, keeping share: Float) -> ConvolutionCase {
    ConvolutionCase(
      x: c.x, weight: masked(c.weight, keeping: share), bias: c.bias, dy: c.dy, settings: c.settings)
  }

  private static func output(_ c: ConvolutionCase, thenReLU: Bool = false) -> Tensor {
    c.x.convolved(
      weight: SparseConvolutionWeights(c.weight, settings: c.settings), bias: c.bias, thenReLU: thenReLU)
  }

  private static func check(_ c: ConvolutionCase) {
    let plain = PlainConvolution(c).output
    #expect(output(c).mismatch(with: plain, relativeToLargest: 1e-5) == nil, "\(c.name)")
    #expect(
      output(c, thenReLU: true).mismatch(with: plain.relu(), relativeToLargest: 1e-5) == nil, "\(c.name)")
  }

  // Strides, phases, groups, dilations and paddings; few and many zeros, and none at all.
  @Test(arguments: ConvolutionTests.cases.indices) func anySettings(index: Int) {
    for share: Float in [0.05, 0.3, 1] {
      let c = Self.masked(ConvolutionTests.cases[index], keeping: share)
      Self.check(c)
      let weights = SparseConvolutionWeights(c.weight, settings: c.settings)
      let nonzero = c.weight.scalars.filter { $0 != 0 }.count
      #expect(weights.nonzeroCount == nonzero && weights.shape == c.weight.shape)
      #expect(weights.sparsity == 1 - Double(nonzero) / Double(c.weight.count))
    }
  }

  // Rows on both sides of every number of lanes, so that one to many strips share a vector; batches that fill the last
  // block of strips and that do not; maps that cut the last strip in height and in width.
  @Test(arguments: 1..<20) func mapsOfAllSizes(height: Int) {
    for width in [1, 2, 3, 4, 5, 7, 8, 9, 14, 16, 17, 28, 31, 32, 33, 40] {
      let images = 1 + (height * 5 + width) % 7
      Self.check(
        Self.masked(
          ConvolutionCase(
            [images, 3, height, width], [4, 3, 3, 3], ConvolutionSettings(padding: 1)), keeping: 0.3))
    }
  }

  // More channels than are packed at a time: sums go on where the last visit left them, also past visits without taps.
  @Test(arguments: [(40, 33, 1), (70, 6, 5), (129, 17, 2)]) func manyChannels(
    inputs: Int, outputs: Int, images: Int
  ) {
    for share: Float in [0.003, 0.1] {
      for settings in [ConvolutionSettings(padding: 1), ConvolutionSettings(stride: 2, padding: 1)] {
        Self.check(
          Self.masked(
            ConvolutionCase([images, inputs, 8, 8], [outputs, inputs, 3, 3], settings), keeping: share))
      }
    }
  }

  // One tap that looks one row down and one column left, times 2, and a bias: exact by hand. The last row looks at
  // zeros outside the image, also in images whose neighbours in memory are other images.
  @Test func byHand() {
    let x = Tensor(shape: [2, 1, 3, 3], scalars: (1...18).map { Float($0) })
    let weight = Tensor(shape: [1, 1, 3, 3], scalars: [0, 0, 0, 0, 0, 0, 2, 0, 0])
    let y = x.convolved(
      weight: SparseConvolutionWeights(weight, settings: ConvolutionSettings(padding: 1)), bias: Tensor([-9]))
    #expect(
      y.scalars == [-9, -1, 1, -9, 5, 7, -9, -9, -9, -9, 17, 19, -9, 23, 25, -9, -9, -9])
  }

  // Nothing left: the bias alone.
  @Test func allZero() {
    let c = Self.masked(ConvolutionTests.cases[1], keeping: 0)
    #expect(Self.output(c) == c.bias!.reshaped(to: [1, 5, 1, 1]) + .zeros(shape: c.dy.shape))
  }

  // What a zero would be multiplied with is not even looked at; what a weight meets comes out.
  @Test func notANumber() {
    let weight = Tensor(shape: [2, 2, 1, 1], scalars: [1, 0, 0, 1])
    let x = Tensor(shape: [1, 2, 1, 2], scalars: [1, 2, .nan, 3])
    let y = x.convolved(
      weight: SparseConvolutionWeights(weight, settings: ConvolutionSettings()), thenReLU: true)
    #expect(y.scalars[0] == 1 && y.scalars[1] == 2 && y.scalars[2].isNaN && y.scalars[3] == 3)
  }

  // A sum's order is that of its taps: neither the batch nor the strip that a pixel falls into changes a bit.
  @Test func sameBitsInAnyBatch() {
    for (height, width) in [(8, 8), (16, 16), (32, 32), (5, 3), (9, 28)] {
      let c = Self.masked(
        ConvolutionCase([9, 20, height, width], [7, 20, 3, 3], ConvolutionSettings(padding: 1)), keeping: 0.2)
      let weights = SparseConvolutionWeights(c.weight, settings: c.settings)
      let all = c.x.convolved(weight: weights, bias: c.bias)
      for rows in [0..<1, 1..<3, 2..<7, 4..<9] {
        #expect(
          PlainReference.sameBits(c.x[rows: rows].convolved(weight: weights, bias: c.bias), all[rows: rows]))
      }
      let one = c.x[rows: 3..<4].convolved(weight: weights, bias: c.bias)
      #expect(PlainReference.sameBits(one, all[rows: 3..<4]))
    }
  }

  // In a process of its own, because the thread count is the whole process's.
  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      for images in [1, 2, 5] {
        let c = ConvolutionCase([images, 20, 16, 16], [37, 20, 3, 3], ConvolutionSettings(padding: 1))
        let weights = SparseConvolutionWeights(c.weight, settings: c.settings)
        let results = [1, 2, 3, 8].map { threads in
          ThreadPool.threadCount = threads
          return c.x.convolved(weight: weights, bias: c.bias)
        }
        #expect(results.allSatisfy { PlainReference.sameBits($0, results[0]) })
      }
    }
  }

  /// Calls that would else read or write outside their memory: `RefusalTests` makes them.
  static let refusals = [
    Refusal("SparseConvolutionWeights: weight [2, 3]") {
      _ = SparseConvolutionWeights(.ones(shape: [2, 3]), settings: ConvolutionSettings())
    },
    Refusal("SparseConvolutionWeights: weight [3, 1, 1, 1] in 2 groups") {
      _ = SparseConvolutionWeights(.ones(shape: [3, 1, 1, 1]), settings: ConvolutionSettings(groups: 2))
    },
    Refusal("convolved: weight [2, 1, 1, 1] with bias [1]") {
      let weight = SparseConvolutionWeights(.ones(shape: [2, 1, 1, 1]), settings: ConvolutionSettings())
      _ = Tensor.ones(shape: [1, 1, 2, 2]).convolved(weight: weight, bias: Tensor([1]))
    },
    Refusal("SparseMatrix: expected a matrix, got [2]") { _ = SparseMatrix(Tensor([1, 2])) },
    Refusal("linear: input [1, 3] for a weight [1, 2]") {
      _ = Tensor([[1, 2, 3]]).linear(weight: SparseMatrix(Tensor([[1, 2]])), bias: nil)
    },
    Refusal("linear: weight [1, 2] with bias [2]") {
      _ = Tensor([[1, 2]]).linear(weight: SparseMatrix(Tensor([[1, 2]])), bias: Tensor([1, 2]))
    },
  ]
}
