import Interpretability
import NNLayers
import TensorCore
import Testing

/// Against Captum on the same weights and images.
@Suite struct AttributionTests {
  typealias Network = Reference.Network

  private func check(
    _ attribution: some Attribution, _ network: Network, _ name: String, key: RandomKey = RandomKey(seed: 0),
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let result = try attribution.attributions(
      of: network.model(), at: Reference.images(), classes: Reference.classes(), key: key)
    expectClose(result, try network.expected(name), name, at: location)
  }

  @Test func fixtureNamesItsVersions() throws {
    let versions = try Reference.file.get().metadata
    #expect(versions["captum"] == "0.9.0" && versions["pytorch-grad-cam"] == "1.5.7")
    #expect(versions["torch"] == "2.13.0+cpu")
  }

  // Everything below rests on equal networks.
  @Test(arguments: Network.allCases) func networksAgree(_ network: Network) throws {
    expectClose(try network.model().logits(Reference.images()), try network.expected("logits"), within: 1e-5)
  }

  @Test(arguments: Network.allCases) func saliency(_ network: Network) throws {
    try check(Saliency(), network, "saliency")
    let magnitude = try network.expected("saliency_magnitude")
    let (x, classes) = (try Reference.images(), try Reference.classes())
    func maps(_ reduction: ChannelReduction) throws -> Tensor {
      try Saliency(reduction: reduction).maps(of: network.model(), at: x, classes: classes)
    }
    expectClose(try maps(.largestMagnitude), magnitude.max(alongAxis: 1))
    expectClose(try maps(.sumOfMagnitudes), magnitude.sum(alongAxis: 1))
    expectClose(try maps(.sum), try network.expected("saliency").sum(alongAxis: 1))
  }

  @Test(arguments: Network.allCases) func inputTimesGradient(_ network: Network) throws {
    try check(InputTimesGradient(), network, "input_times_gradient")
  }

  // The noise is that of the project's streams, worked out by the script: deviation, keys and their order count.
  @Test(arguments: Network.allCases) func smoothGradient(_ network: Network) throws {
    let method = SmoothGradient(standardDeviation: 0.125, draws: 6)
    try check(method, network, "smooth_gradient", key: RandomKey(seed: 2025))
  }

  // More draws than run at once: the sum goes on where the first part ended. Without noise every draw is the gradient.
  @Test func manyDraws() throws {
    let (x, classes) = (try Reference.images(), try Reference.classes())
    let model = try Network.plain.model()
    let smooth = try SmoothGradient(standardDeviation: 0, draws: 70).attributions(
      of: model, at: x, classes: classes)
    expectClose(smooth, try Network.plain.expected("saliency"))
  }

  @Test(arguments: Network.allCases, QuadratureRule.allCases)
  func integratedGradients(_ network: Network, _ rule: QuadratureRule) throws {
    let method = IntegratedGradients(baseline: .constant(0.25), steps: 20, rule: rule)
    let result = try method.result(of: network.model(), at: Reference.images(), classes: Reference.classes())
    expectClose(result.attributions, try network.expected("integrated_gradients/\(rule.rawValue)"))
    let gaps = try network.expected("completeness_gap/\(rule.rawValue)").scalars
    let scale = result.scoreDifferences.map(abs).max() ?? 0
    for (gap, expected) in zip(result.completenessGaps, gaps) {
      #expect(abs(gap - Double(expected)) < 1e-4 * scale)
    }
  }

  // For s = Σ w x the shares are w (x − x′), and the integral has no error: the gap is rounding alone.
  @Test func completeForALinearModel() throws {
    let model = Sequential(Flatten(), Linear(inputs: 12, outputs: 3, key: RandomKey(seed: 3)))
    let x = Tensor.uniform(shape: [2, 3, 2, 2], key: RandomKey(seed: 4))
    let method = IntegratedGradients(baseline: .channels([0.5, 0.25, 0]), steps: 3)
    let result = try method.result(of: model, at: x, classes: IntTensor([1, 2]))
    let weight = model.parameters[0].parameter.value
    let baseline = Tensor(shape: [3, 1, 1], scalars: [0.5, 0.25, 0])
    let expected = (0..<2).map { weight[row: $0 + 1].reshaped(to: [3, 2, 2]) * (x[row: $0] - baseline) }
    expectClose(result.attributions, .stacked(expected), within: 1e-5)
    #expect(result.completenessGaps.allSatisfy { abs($0) < 1e-5 })
    #expect(result.scoreDifferences.allSatisfy { abs($0) > 1e-3 })
  }

  // The fused ReLUs of convolutions, batch norms and residual sums all have to stop negative gradients.
  @Test(arguments: Network.allCases) func guidedBackpropagation(_ network: Network) throws {
    try check(GuidedBackpropagation(), network, "guided_backpropagation")
  }

  @Test(arguments: Network.allCases) func occlusion(_ network: Network) throws {
    let method = Occlusion(window: Extent(height: 5, width: 4), stride: 3, baseline: .constant(0.25))
    let maps = try method.maps(of: network.model(), at: Reference.images(), classes: Reference.classes())
    expectClose(maps, try network.expected("occlusion"))
  }

  @Test func infiniteLogitsAreAnError() throws {
    var model = try Network.plain.model()
    model.visitParameters { name, parameter in
      if name == "10.bias" { parameter.value = Tensor(repeating: .infinity, shape: parameter.value.shape) }
    }
    let (x, classes) = (try Reference.images(), try Reference.classes())
    let methods: [any Explainer] = [Saliency(), Occlusion(window: 8, stride: 8), GradCAM(layer: "5")]
    for method in methods {
      let error = #expect(throws: InputError.self) { try method.maps(of: model, at: x, classes: classes) }
      #expect(error?.kind == .outOfRange, "\(method)")
    }
  }

  @Test func otherShapesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let model = try Network.plain.model()
      _ = try Saliency().maps(of: model, at: Reference.images(), classes: IntTensor([0]))
    }
  }
}
