import TensorCore
import Testing

/// A call that must stop the program, and what its message must begin with.
struct Refusal: Sendable {
  let naming: String
  let call: @Sendable () -> Void

  init(_ naming: String, _ call: @escaping @Sendable () -> Void) {
    self.naming = naming
    self.call = call
  }
}

// Each of these would else read or write outside its memory, or give a result of the wrong shape in silence.
@Suite struct RefusalTests {
  private static let matrix = Tensor([[1, 2, 3], [4, 5, 6]])
  private static let labels = IntTensor([0, 3])
  private static let images = Tensor.ones(shape: [1, 2, 3, 3])
  private static func normalization(channels: Int) -> ChannelNormalization {
    let statistics = ChannelStatistics(mean: .ones(shape: [channels]), variance: .ones(shape: [channels]))
    return ChannelNormalization(statistics, epsilon: 0, weight: Tensor([1, 1]), bias: Tensor([1, 1]))
  }
  private static let kernels = Tensor.ones(shape: [1, 2, 2, 2])

  private static let ofTensors = [
    Refusal("Shape:") { _ = Shape([2, -1]) },
    Refusal("test: axis 2") { _ = Shape([2, 3]).validAxis(2, for: "test") },
    Refusal("test: axis -3") { _ = Shape([2, 3]).validAxis(-3, for: "test") },
    Refusal("Tensor:") { _ = Tensor(shape: [2, 2], scalars: [1, 2, 3]) },
    Refusal("Tensor:") { _ = Tensor([[1, 2], [3]]) },
    Refusal("IntTensor:") { _ = IntTensor(shape: [2], scalars: [1]) },
    Refusal("ByteTensor:") { _ = ByteTensor(shape: [2], scalars: [1]) },
    Refusal("item:") { _ = matrix.item },
    Refusal("subscript:") { _ = matrix[2, 0] },
    Refusal("subscript:") { _ = matrix[0, -1] },
    Refusal("subscript:") { _ = matrix[0] },
    Refusal("reshaped:") { _ = matrix.reshaped(to: [4]) },
    Refusal("reshaped:") { _ = matrix.reshaped(to: [4, -1]) },
    Refusal("reshaped:") { _ = matrix.reshaped(to: [-1, -1]) },
    Refusal("reshaped:") { _ = Tensor.zeros(shape: [0, 2]).reshaped(to: [0, -1]) },
    Refusal("slice:") { _ = matrix[rows: 1..<3] },
    Refusal("slice:") { _ = matrix[row: 2] },
    Refusal("slice:") { _ = Tensor(1)[rows: 0..<1] },
    Refusal("slice:") { _ = labels[rows: 1..<3] },
    Refusal("expanded:") { _ = matrix.expanded(axis: 3) },
    Refusal("squeezed:") { _ = matrix.squeezed(axis: 0) },
    Refusal("+: shapes [2, 3] and [2]") { _ = matrix + Tensor([1, 2]) },
    Refusal("/: shapes [2, 3] and [0]") { _ = matrix / Tensor([Float]()) },
    Refusal("+=:") {
      var x = Tensor([1, 2, 3])
      x += matrix
    },
    Refusal("*=:") {
      var x = Tensor([1])
      x *= Tensor([1, 2])
    },
    Refusal("-=:") {
      var x = Tensor(1)
      x -= Tensor([1])
    },
    Refusal("add(_:scaledBy:):") {
      var x = Tensor([1, 2])
      x.add(Tensor([1]), scaledBy: 2)
    },
    Refusal("maxPooled: expected [n, channels, height, width], got [2, 3]") {
      _ = matrix.maxPooled(PoolingWindow(2))
    },
    Refusal("maxPooled: a window of 4") { _ = images.maxPooled(PoolingWindow(4)) },
    Refusal("maxPooled: upstream [1, 1, 2, 2]") {
      _ = images.maxPooledWithPlaces(PoolingWindow(2)).places.gradient(upstream: .ones(shape: [1, 1, 2, 2]))
    },
    Refusal("averagePooled: a window of 5") { _ = images.averagePooled(PoolingWindow(5, padding: 0)) },
    Refusal("averagePoolingGradient: upstream [1, 2, 3, 3]") {
      _ = images.averagePoolingGradient(PoolingWindow(2), input: [1, 2, 3, 3])
    },
    Refusal("adaptiveAveragePooled: 3 pixels cannot give 0") { _ = images.adaptiveAveragePooled(to: 0) },
    Refusal("PoolingWindow: size 0×0") { _ = PoolingWindow(0) },
    Refusal("PoolingWindow: padding 2×2") { _ = PoolingWindow(3, padding: 2) },
    Refusal("ChannelStatistics: expected [n, c] or [n, c, h, w], got [3]") {
      _ = ChannelStatistics(measuring: Tensor([1, 2, 3]))
    },
    Refusal("ChannelStatistics: shape [0, 3] has no values") {
      _ = ChannelStatistics(measuring: .zeros(shape: [0, 3]))
    },
    Refusal("ChannelStatistics: mean [2]") {
      _ = ChannelStatistics(mean: Tensor([1, 2]), variance: Tensor([1]))
    },
    Refusal("unbiasedVariance: 1 values a channel") {
      _ = ChannelStatistics(measuring: .zeros(shape: [1, 3])).unbiasedVariance
    },
    Refusal("ChannelNormalization: weight [2]") { _ = normalization(channels: 3) },
    Refusal("ChannelNormalization: 2 channels, got [2, 3]") { _ = normalization(channels: 2)(matrix) },
    Refusal("ChannelNormalization: upstream [1, 2, 3, 3] for [2, 3]") {
      _ = normalization(channels: 2).gradients(at: matrix, upstream: images)
    },
    Refusal("dropped: rate 1.5") {
      _ = matrix.dropped(rate: 1.5, keys: [RandomKey(seed: 1), RandomKey(seed: 2)])
    },
    Refusal("dropped: 1 keys for [2, 3]") { _ = matrix.dropped(rate: 0.5, keys: [RandomKey(seed: 1)]) },
    Refusal("dropped: upstream [1, 2, 3, 3]") {
      let mask = matrix.dropped(rate: 0.5, keys: [RandomKey(seed: 1), RandomKey(seed: 2)]).mask
      _ = mask.gradient(upstream: images)
    },
    Refusal("scaledRows: factors [3] for [2, 3]") { _ = matrix.scaledRows(by: Tensor([1, 2, 3])) },
    Refusal("activation gradient: upstream [1, 2, 3, 3] for [2, 3]") {
      _ = matrix.siluGradient(upstream: images)
    },
    Refusal("GroupNorm: 3 channels do not give 2 groups") {
      let ones = Tensor([1, 1, 1])
      _ = GroupNormalization(matrix, groups: 2, weight: ones, bias: ones, epsilon: 0)
    },
    Refusal("LayerNorm: weight [2] and bias [2] for [2, 3]") {
      _ = GroupNormalization(matrix, layerWeight: Tensor([1, 1]), bias: Tensor([1, 1]), epsilon: 0)
    },
    Refusal("GroupNormalization: upstream [1, 2, 3, 3] for [2, 3]") {
      let ones = Tensor([1, 1, 1])
      let result = GroupNormalization(matrix, layerWeight: ones, bias: ones, epsilon: 0)
      _ = result.gradients(upstream: images)
    },
    Refusal("convolved: input [2, 3] and weight [1, 2, 2, 2] are not both rank 4") {
      _ = matrix.convolved(weight: kernels)
    },
    Refusal("convolved: input [1, 2, 3, 3] and weight [2, 3] are not both rank 4") {
      _ = images.convolved(weight: matrix)
    },
    Refusal("convolved: input [1, 2, 3, 3] with weight [1, 1, 2, 2] and 1 groups") {
      _ = images.convolved(weight: .ones(shape: [1, 1, 2, 2]))
    },
    Refusal("convolved: input [1, 2, 3, 3] with weight [3, 1, 2, 2] and 2 groups") {
      _ = images.convolved(weight: .ones(shape: [3, 1, 2, 2]), settings: ConvolutionSettings(groups: 2))
    },
    Refusal("convolved: weight [1, 2, 0, 2] has no elements") {
      _ = images.convolved(weight: .ones(shape: [1, 2, 0, 2]))
    },
    Refusal("convolved: a kernel that spans 4×4 over an image of 3×3 padded by 0×0") {
      _ = images.convolved(weight: .ones(shape: [1, 2, 4, 4]))
    },
    Refusal("convolved: a kernel that spans 1×7 over an image of 3×3 padded by 1×1") {
      _ = images.convolved(
        weight: .ones(shape: [1, 2, 1, 4]), settings: ConvolutionSettings(padding: 1, dilation: 2))
    },
    Refusal("convolved: weight [1, 2, 2, 2] with bias [2]") {
      _ = images.convolved(weight: kernels, bias: Tensor([1, 2]))
    },
    Refusal("convolved: weight [1, 2, 2, 2] with bias []") {
      _ = images.convolved(weight: kernels, bias: Tensor(1))
    },
    Refusal("convolution gradient: upstream [1, 1, 3, 3] for an output [1, 1, 2, 2]") {
      _ = Tensor.convolutionInputGradient(
        .ones(shape: [1, 1, 3, 3]), weight: kernels, inputShape: images.shape)
    },
    Refusal("convolution gradient: upstream [1, 2, 2, 2] for an output [1, 1, 2, 2]") {
      _ = Tensor.convolutionWeightGradient(
        .ones(shape: [1, 2, 2, 2]), input: images, weightShape: kernels.shape)
    },
    Refusal("convolution gradient: gate [1, 1, 2, 1]") {
      _ = Tensor.convolutionInputGradient(
        .ones(shape: [1, 1, 2, 2]), weight: kernels, inputShape: images.shape,
        gate: .ones(shape: [1, 1, 2, 1]))
    },
    Refusal("convolution gradient: gate [4]") {
      _ = Tensor.convolutionWeightGradient(
        .ones(shape: [1, 1, 2, 2]), input: images, weightShape: kernels.shape, gate: .ones(shape: [4]))
    },
    Refusal("convolution gradient: gate [1, 2, 3, 2]") {
      _ = Tensor.convolutionBiasGradient(images, gate: .ones(shape: [1, 2, 3, 2]))
    },
    Refusal("convolutionBiasGradient: expected [n, outputs, h, w], got [2, 3]") {
      _ = Tensor.convolutionBiasGradient(matrix)
    },
    Refusal("convolution: winograd takes 3×3 kernels") {
      _ = images.convolved(weight: kernels, path: .winograd)
    },
    Refusal("convolution: winograd takes 3×3 kernels") {
      _ = images.convolved(
        weight: .ones(shape: [1, 2, 3, 3]), settings: ConvolutionSettings(stride: 2), path: .winograd)
    },
    Refusal("convolution: winograd takes 3×3 kernels") {
      _ = Tensor.convolutionInputGradient(
        .ones(shape: [1, 2, 1, 1]), weight: .ones(shape: [2, 1, 3, 3]), inputShape: images.shape,
        settings: ConvolutionSettings(groups: 2), path: .winograd)
    },
    Refusal("convolution: winograd takes 3×3 kernels") {
      _ = Tensor.convolutionWeightGradient(
        .ones(shape: [1, 1, 7, 7]), input: images, weightShape: [1, 2, 3, 3],
        settings: ConvolutionSettings(padding: 3), path: .winograd)
    },
    Refusal("ConvolutionSettings: stride 0×0") { _ = ConvolutionSettings(stride: 0) },
    Refusal("ConvolutionSettings: stride 1×1, padding 0×-1") {
      _ = ConvolutionSettings(padding: Extent(height: 0, width: -1))
    },
    Refusal("ConvolutionSettings: stride 1×1, padding 0×0, dilation 0×0") {
      _ = ConvolutionSettings(dilation: 0)
    },
    Refusal("ConvolutionSettings: stride 1×1, padding 0×0, dilation 1×1, groups 0") {
      _ = ConvolutionSettings(groups: 0)
    },
    Refusal("adding:") { _ = matrix.adding(matrix, rounding: .toNearestOrEven) },
    Refusal("select:") { _ = matrix.select(matrix, otherwise: Tensor(0)) },
    Refusal("wherePositive:") { _ = matrix.wherePositive(Tensor([1, 2, 3])) },
    Refusal("max:") { _ = Tensor.zeros(shape: [0, 3]).max() },
    Refusal("min:") { _ = Tensor([Float]()).min() },
    Refusal("max(alongAxis:):") { _ = Tensor.zeros(shape: [2, 0]).max(alongAxis: 1) },
    Refusal("argmax(alongAxis:):") { _ = Tensor.zeros(shape: [2, 0]).argmax(alongAxis: 1) },
    Refusal("sum(alongAxis:):") { _ = matrix.sum(alongAxis: 2) },
    Refusal("summed:") { _ = matrix.summed(to: [2]) },
    Refusal("gathered:") { _ = matrix.gathered(rows: [0, 2]) },
    Refusal("gathered:") { _ = matrix.gathered(rows: [-1]) },
    Refusal("gathered:") { _ = labels.gathered(rows: [2]) },
    Refusal("pixels:") { _ = ByteTensor(shape: [1, 2], scalars: [1, 2]).pixels(rows: [0, 1]) },
    Refusal("pixels:") { _ = ByteTensor(shape: [1, 2], scalars: [1, 2]).pixels(rows: [-1]) },
    Refusal("picked:") { _ = matrix.picked(columns: labels) },
    Refusal("picked:") { _ = matrix.picked(columns: IntTensor([0])) },
    Refusal("oneHot:") { _ = Tensor.oneHot(labels, classes: 3) },
    Refusal("oneHot:") { _ = Tensor.oneHot(IntTensor([-1]), classes: 3) },
    Refusal("transposed:") { _ = Tensor([1, 2]).transposed() },
    Refusal("permuted:") { _ = matrix.permuted([0, 0]) },
    Refusal("permuted:") { _ = matrix.permuted([1]) },
    Refusal("concatenated:") { _ = Tensor.concatenated([]) },
    Refusal("concatenated:") { _ = Tensor.concatenated([matrix, Tensor([[1, 2]])]) },
    Refusal("concatenated:") { _ = Tensor.concatenated([matrix, Tensor([1, 2, 3])]) },
    Refusal("concatenated:") { _ = Tensor.stacked([Tensor([1]), Tensor([1, 2])]) },
    Refusal("matmul:") { _ = matrix.matmul(matrix) },
    Refusal("matmul:") { _ = matrix.matmul(matrix, transposingSelf: true, transposingOther: true) },
    Refusal("matmul:") { _ = matrix.matmul(Tensor([1, 2, 3])) },
    Refusal("linear:") { _ = matrix.linear(weight: matrix, bias: Tensor([1, 2, 3])) },
    Refusal("softmax:") { _ = Tensor([1, 2]).softmax() },
    Refusal("logSumExp:") { _ = Tensor.zeros(shape: [2, 0]).logSumExp() },
    Refusal("crossEntropy: label 3") { _ = matrix.crossEntropy(labels: labels) },
    Refusal("crossEntropy: label -1") { _ = matrix.crossEntropy(labels: IntTensor([0, -1])) },
    Refusal("crossEntropy:") { _ = matrix.crossEntropy(labels: IntTensor([0])) },
    Refusal("crossEntropyGradient:") {
      _ = matrix.crossEntropyGradient(labels: IntTensor([0, 1]), upstream: Tensor([1]))
    },
    Refusal("bernoulli:") { _ = Tensor.bernoulli(shape: [2], probability: 1.5, key: RandomKey(seed: 1)) },
    Refusal("bernoulli:") { _ = Tensor.bernoulli(shape: [2], probability: .nan, key: RandomKey(seed: 1)) },
    Refusal("permutation:") { _ = RandomKey(seed: 1).permutation(count: -1) },
    Refusal("index(below:):") {
      var source = RandomSource(key: RandomKey(seed: 1))
      _ = source.index(below: 0)
    },
  ]

  static let refusals = ofTensors + CompiledGraphTests.refusals + SparseConvolutionTests.refusals

  @Test(arguments: refusals.indices) func isRefused(index: Int) async throws {
    let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [index] in
      Self.refusals[index].call()
    }
    #if DEBUG
      // release builds stop without a message
      let (output, naming) = (
        String(decoding: result.standardErrorContent, as: UTF8.self), Self.refusals[index].naming
      )
      // "Precondition failed: …" or "Fatal error: …"
      #expect(
        output.contains("failed: \(naming)") || output.contains("error: \(naming)"), "\(output.prefix(300))")
    #endif
  }
}
