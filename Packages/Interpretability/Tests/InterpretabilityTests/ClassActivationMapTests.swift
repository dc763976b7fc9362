import Interpretability
import NNLayers
import TensorCore
import Testing

/// Against pytorch-grad-cam, and Captum's LayerGradCam, on the same weights and images.
@Suite struct ClassActivationMapTests {
  typealias Network = Reference.Network

  private static func methods(_ layer: String) -> [(name: String, method: any ClassActivationMap)] {
    [
      ("grad_cam", GradCAM(layer: layer)), ("grad_cam_plus_plus", GradCAMPlusPlus(layer: layer)),
      ("hires_cam", HiResCAM(layer: layer)), ("score_cam", ScoreCAM(layer: layer)),
    ]
  }

  // The weighted sums as they are, with their signs and scale.
  @Test(arguments: Network.allCases) func layerMaps(_ network: Network) throws {
    let (model, x, classes) = (try network.model(), try Reference.images(), try Reference.classes())
    for layer in network.layers {
      for (name, method) in Self.methods(layer) {
        let maps = try method.layerMaps(of: model, at: x, classes: classes)
        expectClose(maps, try network.expected("\(name)_raw/\(layer)"), "\(network) \(name) \(layer)")
      }
      let maps = try GradCAM(layer: layer).layerMaps(of: model, at: x, classes: classes)
      expectClose(maps, try network.expected("captum_grad_cam/\(layer)"), "\(network) Captum \(layer)")
    }
  }

  // Rectified, enlarged, and each scaled to 0 ... 1.
  @Test(arguments: Network.allCases) func pictures(_ network: Network) throws {
    let (model, x, classes) = (try network.model(), try Reference.images(), try Reference.classes())
    for layer in network.layers {
      for (name, method) in Self.methods(layer) {
        let maps = try method.maps(of: model, at: x, classes: classes).scaledToUnitRange()
        expectClose(maps, try network.expected("\(name)/\(layer)"), "\(network) \(name) \(layer)")
      }
    }
  }

  // 8 channels at once and 64 at a time must be the same; a wrong image or class would differ in the batch.
  @Test func imagesDoNotMix() throws {
    let (model, x, classes) = (
      try Network.residual.model(), try Reference.images(), try Reference.classes()
    )
    for (name, method) in Self.methods("3") {
      let together = try method.maps(of: model, at: x, classes: classes)
      let alone = try method.maps(of: model, at: x[rows: 1..<2], classes: classes[rows: 1..<2])
      expectClose(alone[row: 0], together[row: 1], within: 1e-5, name)
    }
  }

  // Masked pixels show the baseline: as with black, if image and model are both moved by it.
  @Test func scoreCAMsBaseline() throws {
    let (model, x, classes) = (try Network.plain.model(), try Reference.images(), try Reference.classes())
    let mean: [Float] = [0.5, 0.25, 0.75]
    let moved = Normalized(model, mean: mean.map { -$0 }, standardDeviation: [1, 1, 1])
    let expected = try ScoreCAM(layer: "5").layerMaps(
      of: moved, at: x - Tensor(shape: [3, 1, 1], scalars: mean), classes: classes)
    let maps = try ScoreCAM(layer: "5", baseline: .channels(mean)).layerMaps(
      of: model, at: x, classes: classes)
    expectClose(maps, expected)
    let black = try ScoreCAM(layer: "5").layerMaps(of: model, at: x, classes: classes)
    #expect(maps.mismatch(with: black, relativeToLargest: 1e-3) != nil)
  }
}

/// Layers by name, in the ways the documents write them.
@Suite struct LayerNameTests {
  private static let input = Tensor.uniform(shape: [1, 3, 32, 32], key: RandomKey(seed: 2))

  // features[-2] is the ReLU of the third block, 128 × 8 × 8, and layer3[-1] has 8 × 8 positions too: not 16 × 16.
  @Test func countedFromTheEnd() throws {
    let (x, classes) = (Self.input, IntTensor([3]))
    let simple = SimpleCNN(key: RandomKey(seed: 1))
    let expected = try GradCAM(layer: "features.10").layerMaps(of: simple, at: x, classes: classes)
    #expect(expected.shape == [1, 8, 8])
    for name in ["features[-2]", "features[10]"] {
      #expect(try GradCAM(layer: name).layerMaps(of: simple, at: x, classes: classes) == expected)
    }
    let other = try GradCAM(layer: "features[-3]").layerMaps(of: simple, at: x, classes: classes)
    #expect(other != expected)
    let small = ResNetSmall(key: RandomKey(seed: 1))
    let last = try GradCAM(layer: "layer3[-1]").layerMaps(of: small, at: x, classes: classes)
    #expect(last.shape == [1, 8, 8])
    #expect(try GradCAM(layer: "layer3.1").layerMaps(of: small, at: x, classes: classes) == last)
    #expect(
      try GradCAM(layer: "layer2[-1].conv1").layerMaps(of: small, at: x, classes: classes).shape == [
        1, 16, 16,
      ])
  }

  @Test(arguments: ["layer4", "layer3[2]", "layer3[-3]"]) func unknownNamesListTheValidOnes(_ name: String)
    throws
  {
    let model = ResNetSmall(key: RandomKey(seed: 1))
    for method in [GradCAM(layer: name), ScoreCAM(layer: name)] as [any ClassActivationMap] {
      let error = #expect(throws: InputError.self) {
        try method.layerMaps(of: model, at: Self.input, classes: IntTensor([0]))
      }
      #expect(error?.kind == .missing)
      #expect(error?.expected.contains("layer3.1 [1, 256, 8, 8]") == true)
    }
  }

  @Test func namesThatAreNone() throws {
    let model = SimpleCNN(key: RandomKey(seed: 1))
    for (name, kind) in [
      ("features[x]", InputError.Kind.outOfRange), ("features[1", .outOfRange), ("features[1]2", .outOfRange),
      ("classifier.1", .mismatch),
    ] {
      let error = #expect(throws: InputError.self) {
        try HiResCAM(layer: name).layerMaps(of: model, at: Self.input, classes: IntTensor([0]))
      }
      #expect(error?.kind == kind, "\(name)")
    }
  }
}
