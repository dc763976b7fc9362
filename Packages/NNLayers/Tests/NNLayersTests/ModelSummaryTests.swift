import AutoDiffLite
import NNLayers
import TensorCore
import Testing

@Suite struct ModelSummaryTests {
  private static let key = RandomKey(seed: 1)

  // The document's figures, and its authors' framework's: 10.85 and 421.20 million products, 2.3699 and 10.6132 MiB.
  @Test func documentModels() {
    let simple = SimpleCNN(key: Self.key).summary(input: [3, 32, 32])
    #expect(simple.parameterCount == 620_810 && simple.trainableParameterCount == 620_810)
    #expect(simple.multiplyAdds == 884_736 + 2 * 4_718_592 + 524_288 + 2_560)
    #expect(abs(simple.mebibytes - 2.3699) < 5e-5)
    let residual = ResNetSmall(key: Self.key).summary(input: [3, 32, 32])
    #expect(residual.parameterCount == 2_777_674)
    #expect(abs(Double(residual.multiplyAdds) / 1e6 - 421.20) < 0.005)
    #expect(abs(residual.mebibytes - 10.6132) < 5e-5)
    // by hand: 24·24·10·25 + 8·8·20·250 + 320·50 + 500, and 24·24·5·25 + 8·8·5·125 + 800
    #expect(Net(key: Self.key).summary(input: [1, 28, 28]).multiplyAdds == 144_000 + 320_000 + 16_000 + 500)
    #expect(ConvNN(key: Self.key).summary(input: [1, 28, 28]).multiplyAdds == 72_000 + 40_000 + 800)
  }

  @Test func rowsOfAModel() throws {
    let summary = SimpleCNN(key: Self.key).summary(input: [3, 32, 32])
    #expect(summary.rows.map(\.name).prefix(4) == ["", "features", "features.0", "features.1"])
    #expect(summary.rows.count == 3 + 12 + 5)
    #expect(
      summary.rows.map(\.kind).prefix(6)
        == ["SimpleCNN", "Sequential", "Convolution", "BatchNorm", "ReLU", "MaxPool"])
    let map = try #require(summary.rows.first { $0.name == "features.10" })
    #expect(map.kind == "ReLU" && map.outputShape == [128, 8, 8] && map.depth == 2)
    let convolution = try #require(summary.rows.first { $0.name == "features.4" })
    #expect(convolution.parameterCount == 18_496 && convolution.multiplyAdds == 4_718_592)
    for other in [
      ResNetSmall(key: Self.key),
      Normalized(ResNetSmall(key: Self.key), mean: [0, 0, 0], standardDeviation: [1, 1, 1]),
    ] as [any Layer] {
      let summary = other.summary(input: [3, 32, 32])
      #expect(summary.rows.reduce(0) { $0 + $1.parameterCount } == 2_777_674)
      #expect(summary.rows.contains { $0.name == "layer2.0.shortcut.0" && $0.multiplyAdds == 64 * 128 * 256 })
    }
  }

  // Parameters of the model itself and of closures, frozen ones, a layer that runs twice, and normalisations, whose
  // factors are no products of an output.
  @Test func unusualModels() {
    struct Twice: Layer {
      var linear = Linear(inputs: 3, outputs: 3, key: RandomKey(seed: 1))
      var norm = LayerNorm([3])
      var gain = Parameter(Tensor(2))
      func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
        let y = pass.enter("linear", linear, pass.enter("linear", linear, x))
        return pass.enter("norm") { norm(y, in: pass) } * gain.variable
      }
      mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
        linear.visitParameters { visit("linear." + $0, &$1) }
        norm.visitParameters { visit("norm." + $0, &$1) }
        visit("gain", &gain)
      }
    }
    var model = Twice()
    model.setTrainable(false, where: { $0.hasPrefix("linear") })
    let summary = model.summary(input: [3])
    #expect(summary.rows.map(\.name) == ["", "linear", "linear", "norm"])
    #expect(summary.rows.map(\.kind) == ["Twice", "Linear", "Linear", ""])
    #expect(summary.rows.map(\.parameterCount) == [1, 12, 0, 6])
    #expect(summary.rows.map(\.multiplyAdds) == [0, 9, 9, 0])
    #expect(summary.parameterCount == 19 && summary.trainableParameterCount == 7)
    #expect(summary.byteCount == 76)
    let images = Sequential(LayerNorm([3, 4, 5]), LayerNorm([4, 5]), GroupNorm(groups: 1, channels: 3))
    #expect(images.summary(input: [3, 4, 5]).multiplyAdds == 0)
    let grouped = Convolution(inputs: 4, outputs: 6, kernel: 3, groups: 2, key: Self.key)
    #expect(grouped.summary(input: [4, 5, 5]).multiplyAdds == 6 * 2 * 9 * 9)
  }

  @Test func printOut() {
    let model = Sequential(
      Sequential([Convolution(inputs: 1, outputs: 2, kernel: 3, key: Self.key), BatchNorm(channels: 2)]),
      ReLU(),
      Flatten(), Linear(inputs: 1352, outputs: 2, key: Self.key))
    #expect(
      "\(model.summary(input: [1, 28, 28]))" == """
        layer    kind         output       parameters  multiply-adds
        model    Sequential   [2]
        ├─ 0     Sequential   [2, 26, 26]
        │  ├─ 0  Convolution  [2, 26, 26]          20         12,168
        │  └─ 1  BatchNorm    [2, 26, 26]           4
        ├─ 1     ReLU         [2, 26, 26]
        ├─ 2     Flatten      [1352]
        └─ 3     Linear       [2]               2,706          2,704
        2,730 parameters, 2,730 of them trainable; 0.0104 MiB with buffers; 14,872 multiply-adds a sample
        """)
  }
}
