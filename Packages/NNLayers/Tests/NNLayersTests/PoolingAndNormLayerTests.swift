import AutoDiffLite
import NNLayers
import TensorCore
import Testing

/// Layers that hand their settings to an operation: the operation's numbers are tested with it.
@Suite struct PoolingAndNormLayerTests {
  private static let key = RandomKey(seed: 8)
  private let x = Tensor.normal(shape: [3, 4, 9, 7], key: key)

  @Test func poolingSettings() {
    let rectangle = Extent(height: 3, width: 2)
    let step = Extent(height: 1, width: 3)
    let padding = Extent(height: 1, width: 0)
    let window = PoolingWindow(rectangle, stride: step, padding: padding)
    #expect(MaxPool(2).window == PoolingWindow(2))
    #expect(MaxPool(2).logits(x) == x.maxPooled(PoolingWindow(2)))
    #expect(MaxPool(rectangle, stride: step, padding: padding).logits(x) == x.maxPooled(window))
    #expect(AveragePool(rectangle, stride: step, padding: padding).logits(x) == x.averagePooled(window))
    let inside = AveragePool(rectangle, stride: step, padding: padding, countsPadding: false)
    #expect(inside.logits(x) == x.averagePooled(window, countsPadding: false))
    #expect(AdaptiveAveragePool(step).logits(x) == x.adaptiveAveragePooled(to: step))
    #expect(AdaptiveAveragePool(1).logits(x).shape == [3, 4, 1, 1])
  }

  // The chain joins pooling and ReLU; the numbers must stay those of the two.
  @Test func poolingThenReLU() throws {
    let x = x - 1.5
    let pooled = x.maxPooled(PoolingWindow(3))
    #expect(pooled.min() < 0 && pooled.max() > 0)
    #expect(Sequential(MaxPool(3), ReLU()).logits(x) == pooled.relu())
    let pass = Pass(.evaluation, keeping: ["0"])
    #expect(Sequential(MaxPool(3), ReLU())(Variable(x), in: pass).value == pooled.relu())
    #expect(pass.activations["0"]?.value == pooled)
  }

  @Test func groupNorm() {
    var layer = GroupNorm(groups: 2, channels: 4, epsilon: 0.5)
    #expect(layer.parameters.map { "\($0.name) \($0.parameter.value.shape)" } == ["weight [4]", "bias [4]"])
    let (ones, zeros) = (Tensor.ones(shape: [4]), Tensor.zeros(shape: [4]))
    #expect(
      layer.logits(x) == GroupNormalization(x, groups: 2, weight: ones, bias: zeros, epsilon: 0.5).output)
    layer.weight.value = Tensor([1, 2, 3, 4])
    layer.bias.value = Tensor([-1, 0, 1, 2])
    let y = GroupNormalization(
      x, groups: 2, weight: layer.weight.value, bias: layer.bias.value, epsilon: 0.5
    ).output
    // a sample's numbers do not depend on its batch or on the mode
    #expect(layer(Variable(x[rows: 1..<2]), in: Pass(.training)).value == y[rows: 1..<2])
  }

  @Test func layerNorm() {
    var layer = LayerNorm([9, 7], epsilon: 0.5)
    #expect(
      layer.parameters.map { "\($0.name) \($0.parameter.value.shape)" } == ["weight [9, 7]", "bias [9, 7]"])
    layer.weight.value = .uniform(shape: [9, 7], key: Self.key)
    layer.bias.value = .uniform(shape: [9, 7], key: Self.key.derived("bias"))
    let y = GroupNormalization(
      x, layerWeight: layer.weight.value, bias: layer.bias.value, epsilon: 0.5
    ).output
    #expect(layer.logits(x) == y)
    #expect(LayerNorm([7]).epsilon == 1e-5 && GroupNorm(groups: 1, channels: 2).epsilon == 1e-5)
  }

  @Test func smoothActivations() {
    #expect(GELU().logits(x) == x.gelu() && SiLU().logits(x) == x.silu())
    #expect(GELU(isApproximate: true).logits(x) == x.gelu(approximate: true))
    #expect(GELU().logits(x) != GELU(isApproximate: true).logits(x))
  }

  // Layers of every kind in one prepared model: those without a plan are called as they are.
  @Test func preparedModels() throws {
    let model = Sequential(
      Convolution(inputs: 4, outputs: 6, kernel: 3, padding: 1, key: Self.key), BatchNorm(channels: 6),
      GELU(),
      AveragePool(2), GroupNorm(groups: 3, channels: 6), SiLU(), MaxPool(2), LayerNorm([6, 2, 1]),
      ChannelDropout(rate: 0.5), AdaptiveAveragePool(1), Flatten(), Dropout(rate: 0.5),
      Linear(inputs: 6, outputs: 3, key: Self.key))
    let filled = ModelFixture.filled(model)
    let plan = try filled.prepared(for: [4, 9, 7])
    expectClose(plan.logits(x), filled.logits(x))
    let upstream = Tensor.uniform(shape: [3, 3], in: -1...1, key: Self.key)
    let (_, slope) = plan.logitsAndInputGradient(at: x) { _, rows in upstream[rows: rows] }
    let expected = gradient(at: x) { (filled($0, in: Pass(.evaluation)) * Variable(upstream)).sum() }
    expectClose(slope, expected)
  }

  @Test func refusals() async {
    await #expect(processExitsWith: .failure) { _ = GroupNorm(groups: 3, channels: 4) }
    await #expect(processExitsWith: .failure) {
      _ = GroupNorm(groups: 2, channels: 4).logits(.ones(shape: [2, 6]))
    }
    await #expect(processExitsWith: .failure) { _ = LayerNorm([3]).logits(.ones(shape: [3, 4])) }
    await #expect(processExitsWith: .failure) { _ = MaxPool(10).logits(.ones(shape: [1, 1, 9, 9])) }
  }
}
