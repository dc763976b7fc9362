import AutoDiffLite
import NNLayers
import TensorCore
import Testing

@Suite struct ConvolutionLayerTests {
  private static let key = RandomKey(seed: 31)

  /// Two images of 2 channels through a convolution that a ReLU follows, inside another chain, and one without.
  private static let network = Sequential(
    Sequential(Convolution(inputs: 2, outputs: 7, kernel: 3, padding: 1, key: key.derived("first")), ReLU()),
    Convolution(inputs: 7, outputs: 3, kernel: 2, stride: 2, hasBias: false, key: key.derived("second")))
  private static let images = Tensor.uniform(shape: [2, 2, 6, 9], in: -1...1, key: key.derived("images"))

  // PyTorch's default: weights and biases in U(−1/√fan-in, 1/√fan-in), where the fan-in counts one group's inputs.
  // Thousands of draws come close to both ends.
  @Test(arguments: [(20, 40, 1), (20, 40, 4), (64, 64, 64)])
  func initialRange(inputs: Int, outputs: Int, groups: Int) throws {
    let layer = Convolution(
      inputs: inputs, outputs: outputs, kernel: Extent(height: 5, width: 3), groups: groups, key: Self.key)
    let bound = 1 / Float(inputs / groups * 5 * 3).squareRoot()
    #expect(layer.weight.value.shape == [outputs, inputs / groups, 5, 3])
    let bias = try #require(layer.bias).value
    #expect(bias.shape == [outputs])
    for (values, reach) in [(layer.weight.value, Float(0.98)), (bias, 0.8)] {
      #expect(values.max() <= bound && values.max() > reach * bound)
      #expect(values.min() >= -bound && values.min() < -reach * bound)
    }
    // the same draws for both would tie each bias to a weight
    #expect(Array(layer.weight.value.scalars.prefix(outputs)) != bias.scalars)
  }

  // He et al.: fan-out is outputs × kernel, and the bias starts at zero.
  @Test func otherInitialisers() {
    let layer = Convolution(
      inputs: 16, outputs: 64, kernel: 3, initializer: .kaimingNormal(fan: .fanOut), key: Self.key)
    let variance = layer.weight.value.sumOfSquares() / Double(layer.weight.value.count)
    #expect(abs(variance / (2.0 / (64 * 9)) - 1) < 0.1)
    #expect(layer.bias?.value == .zeros(shape: [64]))
    let constant = Convolution(
      inputs: 1, outputs: 2, kernel: 2, initializer: .constant(0.5), hasBias: false, key: Self.key)
    #expect(constant.weight.value == Tensor(repeating: 0.5, shape: [2, 1, 2, 2]) && constant.bias == nil)
  }

  // The documents' own counts: 1→10 and 10→20 of 5×5; 3→32→64→128 of 3×3; a shortcut of 1×1 without bias.
  @Test(arguments: [
    (1, 10, 5, true, 260), (10, 20, 5, true, 5_020), (3, 32, 3, true, 896), (32, 64, 3, true, 18_496),
    (64, 128, 3, true, 73_856), (64, 128, 1, false, 8_192),
  ]) func counts(inputs: Int, outputs: Int, kernel: Int, hasBias: Bool, count: Int) {
    let layer = Convolution(
      inputs: inputs, outputs: outputs, kernel: Extent(kernel), hasBias: hasBias, key: Self.key)
    #expect(layer.parameterCount == count)
  }

  @Test func namesAreThoseOfPyTorch() {
    #expect(
      Self.network.parameters.map { "\($0.name) \($0.parameter.value.shape)" } == [
        "0.0.weight [7, 2, 3, 3]", "0.0.bias [7]", "1.weight [3, 7, 2, 2]",
      ])
    #expect(Self.network.buffers.isEmpty)
  }

  @Test func settingsReachTheConvolution() throws {
    let layer = Convolution(
      inputs: 4, outputs: 6, kernel: Extent(height: 3, width: 2), stride: Extent(height: 2, width: 1),
      padding: Extent(height: 0, width: 3), dilation: Extent(height: 1, width: 2), groups: 2, key: Self.key)
    let x = Tensor.uniform(shape: [3, 4, 9, 5], in: -1...1, key: Self.key)
    let settings = ConvolutionSettings(
      stride: Extent(height: 2, width: 1), padding: Extent(height: 0, width: 3),
      dilation: Extent(height: 1, width: 2), groups: 2)
    #expect(layer.settings == settings)
    let y = layer.logits(x)
    #expect(y.shape == [3, 6, 4, 9])
    #expect(
      y == x.convolved(weight: layer.weight.value, bias: try #require(layer.bias).value, settings: settings))
  }

  // MARK: Fusion with a ReLU

  /// The network's layers one by one, without any fusion.
  private static func oneByOne() throws -> (convolved: Tensor, rectified: Tensor, output: Tensor) {
    let convolved = images.convolved(
      weight: try network.value("0.0.weight"), bias: try network.value("0.0.bias"),
      settings: ConvolutionSettings(padding: 1))
    let rectified = convolved.relu()
    let output = rectified.convolved(
      weight: try network.value("1.weight"), settings: ConvolutionSettings(stride: 2))
    return (convolved, rectified, output)
  }

  private static func sameBits(_ a: Tensor, _ b: Tensor) -> Bool {
    a.shape == b.shape && a.scalars.map(\.bitPattern) == b.scalars.map(\.bitPattern)
  }

  // What is kept decides what is fused; it must change no number, and each kept activation is its own layer's.
  @Test(arguments: [[], ["0.0"], ["0.1"], ["0"], ["0.0", "0.1", "1"]] as [Set<String>])
  func fusionChangesNoBit(kept: Set<String>) throws {
    let (convolved, rectified, output) = try Self.oneByOne()
    #expect(convolved.min() < 0)
    let expected = ["0.0": convolved, "0.1": rectified, "0": rectified, "1": output]
    let pass = Pass(.evaluation, keeping: kept)
    let leaf = Variable.leaf(Self.images)
    let y = Self.network(leaf, in: pass)
    try pass.checkRequested()
    #expect(Self.sameBits(y.value, output))
    #expect(Set(pass.activations.keys) == kept)
    for (name, activation) in pass.activations {
      #expect(Self.sameBits(activation.value, try #require(expected[name])), "\(name)")
      #expect(!activation.isConstant)
    }
    // the gradients are the same, too: of the input, and of all weights
    let upstream = Tensor.uniform(shape: output.shape, in: -1...1, key: Self.key.derived("upstream"))
    let masked =
      Tensor.convolutionInputGradient(
        upstream, weight: try Self.network.value("1.weight"), inputShape: rectified.shape,
        settings: ConvolutionSettings(stride: 2)) * (convolved .> Tensor(0))
    let slope = Tensor.convolutionInputGradient(
      masked, weight: try Self.network.value("0.0.weight"), inputShape: Self.images.shape,
      settings: ConvolutionSettings(padding: 1))
    #expect(y.gradients(withRespectTo: [leaf], upstream: upstream)[0] == slope)
    let (_, slopes) = gradients(of: Self.network, in: Pass(.training, keeping: kept)) { model, pass in
      (model(Variable(Self.images), in: pass) * Variable(upstream)).sum()
    }
    #expect(slopes.names == ["0.0.weight", "0.0.bias", "1.weight"])
    #expect(
      slopes["0.0.weight"]
        == .convolutionWeightGradient(
          masked, input: Self.images, weightShape: [7, 2, 3, 3], settings: ConvolutionSettings(padding: 1)))
    #expect(slopes["0.0.bias"] == .convolutionBiasGradient(masked))
  }

  // A ReLU that stands elsewhere must not be pulled into a convolution before it.
  @Test func onlyTheNextReLUIsFused() throws {
    let layer = Convolution(inputs: 2, outputs: 3, kernel: 1, key: Self.key)
    let raw = layer.logits(Self.images)
    #expect(raw.min() < 0)
    #expect(Sequential(layer, LeakyReLU(), ReLU()).logits(Self.images) == raw.relu())
    #expect(Sequential(layer, LeakyReLU(slope: 0.5)).logits(Self.images).min() < 0)
    #expect(Sequential(ReLU(), layer).logits(Self.images).min() < 0)
    #expect(Sequential(layer).logits(Self.images) == raw)
  }

  // MARK: Refusals

  @Test(arguments: [[2, 7, 6], [2, 6, 6, 9]]) func wrongInputsNameTheLayer(dimensions: [Int]) async throws {
    let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [dimensions] in
      _ = Sequential(ReLU(), Self.network.layers[1]).logits(.ones(shape: Shape(dimensions)))
    }
    #if DEBUG
      // release builds stop without a message
      let output = String(decoding: result.standardErrorContent, as: UTF8.self)
      let message = "Convolution 1: expected [n, 7, h, w], got \(Shape(dimensions))"
      #expect(output.contains(message), "\(output.prefix(300))")
    #endif
  }

  @Test func groupsMustDivideTheChannels() async {
    await #expect(processExitsWith: .failure) {
      _ = Convolution(inputs: 5, outputs: 4, kernel: 1, groups: 2, key: Self.key)
    }
    await #expect(processExitsWith: .failure) {
      _ = Convolution(inputs: 4, outputs: 5, kernel: 1, groups: 2, key: Self.key)
    }
  }
}
