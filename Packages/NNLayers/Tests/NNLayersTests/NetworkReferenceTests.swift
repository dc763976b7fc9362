import AutoDiffLite
import NNLayers
import TensorCore
import Testing

/// A perceptron 24-18-10 with weights that PyTorch drew, under PyTorch's names, against PyTorch 2.13.0.
@Suite struct NetworkReferenceTests {
  private static func loaded(_ model: some Layer) throws -> any Layer {
    var model = model
    try model.loadWeights(from: Reference.url("network.safetensors"))
    return model
  }

  /// The same network, once as a model and once put together.
  private static func networks() throws -> [any Layer] {
    let key = RandomKey(seed: 9)
    return [
      try loaded(MLP(widths: [24, 18, 10], key: key)),
      try loaded(
        Sequential(
          Linear(inputs: 24, outputs: 18, key: key), ReLU(), Linear(inputs: 18, outputs: 10, key: key))),
    ]
  }

  // [outputs, inputs] read as its transpose, a bias lost or a layer skipped.
  @Test func logits() throws {
    for network in try Self.networks() {
      expectClose(
        network.logits(try Reference.tensor("network/inputs")), try Reference.tensor("network/logits"))
    }
  }

  @Test func lossAndAllGradients() throws {
    let (x, labels) = (try Reference.tensor("network/inputs"), try Reference.labels("network/labels"))
    for network in try Self.networks() { try check(network, x, labels) }
  }

  private func check(_ network: some Layer, _ x: Tensor, _ labels: IntTensor) throws {
    let (loss, slopes) = gradients(of: network, in: Pass(.training)) { model, pass in
      CrossEntropy()(model(Variable(x), in: pass), labels: labels)
    }
    expectClose(Tensor(loss), try Reference.tensor("network/loss"), "loss")
    #expect(slopes.names == ["0.weight", "0.bias", "2.weight", "2.bias"])
    for name in slopes.names {
      expectClose(try #require(slopes[name]), try Reference.tensor("network/gradient/\(name)"), name)
    }
    let pass = Pass(.evaluation)
    let slope = gradient(at: x) { CrossEntropy()(network($0, in: pass), labels: labels) }
    expectClose(slope, try Reference.tensor("network/gradient/inputs"), "inputs")
  }

  @Test func hiddenLayerKeptByName() throws {
    for network in try Self.networks() {
      let pass = Pass(.evaluation, keeping: ["1"])
      _ = network(Variable(try Reference.tensor("network/inputs")), in: pass)
      expectClose(try #require(pass.activations["1"]).value, try Reference.tensor("network/hidden"))
    }
  }

  @Test func probabilitiesAndPredictions() throws {
    let (x, logits) = (try Reference.tensor("network/inputs"), try Reference.tensor("network/logits"))
    for network in try Self.networks() {
      expectClose(network.probabilities(x), logits.softmax())
      #expect(network.predictions(x) == logits.argmax(alongAxis: 1))
    }
  }

  // Images come as [n, 1, 4, 6]; the perceptron sees the same 24 numbers.
  @Test func imagesAreFlattened() throws {
    let x = try Reference.tensor("network/inputs")
    for network in try Self.networks() {
      let flat = network is MLP ? network : Sequential(Flatten(), network)
      #expect(flat.logits(x.reshaped(to: [9, 1, 4, 6])) == network.logits(x))
    }
  }

  @Test func wrongWidthIsRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = Linear(inputs: 3, outputs: 2, key: RandomKey(seed: 1)).logits(.ones(shape: [1, 4]))
    }
    await #expect(processExitsWith: .failure) { _ = MLP(widths: [3], key: RandomKey(seed: 1)) }
  }
}

@Suite struct ActivationTests {
  // Values and slopes by hand at −2, 0 and 2; the slope at 0 is a choice.
  @Test(arguments: [0, 1, 2, 3]) func valuesAndSlopes(_ which: Int) {
    let x = Tensor([-2, 0, 2])
    let (t, s): (Float, Float) = (0.9640276, 0.8807971)  // tanh 2, 1 / (1 + e⁻²)
    let cases: [(layer: any Layer, value: [Float], slope: [Float])] = [
      (ReLU(), [0, 0, 2], [0, 0, 1]), (LeakyReLU(slope: 0.25), [-0.5, 0, 2], [0.25, 0.25, 1]),
      (Tanh(), [-t, 0, t], [1 - t * t, 1, 1 - t * t]),
      (Sigmoid(), [1 - s, 0.5, s], [s * (1 - s), 0.25, s * (1 - s)]),
    ]
    let (layer, value, slope) = cases[which]
    let pass = Pass(.evaluation)
    expectClose(layer(Variable(x), in: pass).value, Tensor(value), within: 1e-6)
    expectClose(gradient(at: x) { layer($0, in: pass).sum() }, Tensor(slope), within: 1e-6)
    #expect(layer.parameterCount == 0 && layer.buffers.isEmpty)
  }

  @Test func defaultSlopeOfLeakyReLU() { #expect(LeakyReLU().slope == 0.01) }
}
