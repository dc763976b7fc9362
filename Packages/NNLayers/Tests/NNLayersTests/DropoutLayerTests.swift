import AutoDiffLite
import NNLayers
import TensorCore
import Testing

@Suite struct DropoutLayerTests {
  private static let key = RandomKey(seed: 77)
  private let x = Tensor.uniform(shape: [6, 4, 5, 7], in: 0.5...1, key: key.derived("x"))

  private func pass(_ label: String = "step", samples: [Int]? = nil) -> Pass {
    Pass(.training, key: Self.key.derived(label), samples: samples)
  }

  static let layers: [any Layer] = [Dropout(rate: 0.4), ChannelDropout(rate: 0.4)]

  @Test(arguments: layers.indices) func evaluationChangesNothing(index: Int) {
    #expect(Self.layers[index].logits(x) == x)
    #expect(Self.layers[index].parameterCount == 0 && Self.layers[index].buffers.isEmpty)
  }

  // A sample's mask goes with it: whatever stands beside it, and in whichever order.
  @Test(arguments: layers.indices) func masksFollowTheSample(index: Int) {
    let layer = Self.layers[index]
    let samples = [11, 4, 900, 0, 5, 17]
    let y = layer(Variable(x), in: pass(samples: samples)).value
    let order = [3, 5, 0, 1]
    let part = layer(
      Variable(x.gathered(rows: order)), in: pass(samples: order.map { samples[$0] })
    ).value
    #expect(part == y.gathered(rows: order))
    // without indices the rows count
    #expect(
      layer(Variable(x), in: pass()).value == layer(Variable(x), in: pass(samples: [0, 1, 2, 3, 4, 5])).value)
  }

  // The same mask in two layers or two steps would tie them together.
  @Test(arguments: layers.indices) func masksDifferByLayerAndStep(index: Int) {
    let layer = Self.layers[index]
    let outputs = [
      layer(Variable(x), in: pass()).value, layer(Variable(x), in: pass("another step")).value,
      Sequential(layer)(Variable(x), in: pass()).value,
      Sequential(ReLU(), layer)(Variable(x), in: pass()).value,
    ]
    for (i, a) in outputs.enumerated() { for b in outputs[(i + 1)...] { #expect(a != b) } }
    #expect(layer(Variable(x), in: pass()).value == outputs[0])
  }

  @Test func shareAndScale() {
    let ones = Tensor.ones(shape: [40, 1000])
    let y = Dropout(rate: 0.3)(Variable(ones), in: pass()).value
    let scale: Float = 1 / (1 - 0.3)
    #expect(y.scalars.allSatisfy { $0 == 0 || $0 == scale })
    // five deviations of 40,000 draws: 0.0023 each
    #expect(abs((y .== Tensor(0)).mean() - 0.3) < 0.0115)
  }

  // Whole channels, each by itself.
  @Test func channelsAreDroppedWhole() {
    let ones = Tensor.ones(shape: [50, 20, 3, 4])
    let y = ChannelDropout(rate: 0.25)(Variable(ones), in: pass()).value.reshaped(to: [1000, 12])
    let (low, high) = (y.min(alongAxis: 1), y.max(alongAxis: 1))
    #expect(low == high)
    let scale: Float = 1 / (1 - 0.25)
    #expect(low.scalars.allSatisfy { $0 == 0 || $0 == scale })
    #expect(abs((low .== Tensor(0)).mean() - 0.25) < 5 * 0.0137)
    // not the same channels in every sample
    let dropped = low.reshaped(to: [50, 20]) .== Tensor(0)
    let patterns = Set((0..<50).map { dropped[row: $0].scalars })
    #expect(patterns.count > 40)
  }

  @Test(arguments: layers.indices) func gradientHasTheSameMask(index: Int) {
    let layer = Self.layers[index]
    let y = layer(Variable(x), in: pass()).value
    let slope = gradient(at: x) { layer($0, in: pass()).sum() }
    expectClose(slope * x, y, within: 1e-6)
    #expect((slope .== Tensor(0)) == (y .== Tensor(0)))
  }

  @Test(arguments: layers.indices) func emptyBatches(index: Int) {
    #expect(Self.layers[index](Variable(x[rows: 0..<0]), in: pass()).value.shape == [0, 4, 5, 7])
  }

  @Test func ratesAreChecked() async {
    await #expect(processExitsWith: .failure) { _ = Dropout(rate: 1.01) }
    await #expect(processExitsWith: .failure) { _ = ChannelDropout(rate: -0.1) }
  }
}
