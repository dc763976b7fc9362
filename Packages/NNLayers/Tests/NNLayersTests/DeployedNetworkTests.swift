import Foundation
import NNLayers
import TensorCore
import Testing

/// Plans that went through a file, against the plans that were saved: without the model's type, and bit for bit.
@Suite struct DeployedNetworkTests {
  private static let key = RandomKey(seed: 63)
  private static let sample: Shape = [3, 32, 32]
  private static let x = Tensor.uniform(shape: [5, 3, 32, 32], key: key)
  private static let upstream = Tensor.uniform(shape: [5, 10], key: key.derived("upstream"))

  /// A filled model behind a normalisation, with two thirds of the even layers' weights set to zero.
  private static func model<Model: Layer>(_ model: Model) -> Normalized<Model> {
    var model = ModelFixture.filled(model)
    model.visitParameters { name, parameter in
      if parameter.value.rank < 2 || parameter.value.shape[0] % 64 != 0 { return }
      let draws = Tensor.uniform(shape: parameter.value.shape, key: key.derived(name))
      parameter.value = Tensor(
        shape: draws.shape, scalars: zip(parameter.value.scalars, draws.scalars).map { $1 < 0.33 ? $0 : 0 })
    }
    return Normalized(model, mean: [0.4, 0.5, 0.6], standardDeviation: [0.2, 0.25, 0.3])
  }

  private static func expectSame(
    _ plan: some InferencePlan, _ file: SafeTensors, at location: SourceLocation = #_sourceLocation
  ) throws {
    let loaded = try DeployedNetwork(SafeTensors(data: file.data(), name: "network"))
    #expect(loaded.sample == sample, sourceLocation: location)
    #expect(loaded.logits(x) == plan.logits(x), sourceLocation: location)
    let results = [loaded.plan, plan].map {
      $0.logitsAndInputGradient(at: x) { logits, rows in logits * upstream[rows: rows] }
    }
    #expect(results[0].logits == results[1].logits, sourceLocation: location)
    #expect(results[0].gradient == results[1].gradient, sourceLocation: location)
    #expect(results[0].gradient.sumOfSquares() > 0, sourceLocation: location)
  }

  private static func check(_ model: some Layer) throws {
    let dense = try model.prepared(for: sample)
    try expectSame(dense, dense.deployed())
    let convolutions = model.executions(.direct, for: sample).keys.sorted()
    let executions: [String: WeightExecution] = [
      convolutions[0]: .sparse, convolutions[1]: .direct, convolutions[2]: .winograd,
    ]
    let mixed = try model.prepared(for: sample, executions: executions)
    try expectSame(mixed, mixed.deployed())
    #expect(mixed.logits(x) != dense.logits(x), "nothing was computed another way")
    let bytes = try model.quantized(for: sample, calibration: x)
    try expectSame(bytes, bytes.deployed())
    // A weight that is mostly zeros takes a bit map, in floats and in bytes; a bias does not.
    for file in [try dense.deployed(), try bytes.deployed()] {
      #expect(file.names.contains { $0.hasSuffix(".weight.bitmap") })
      #expect(
        file.names.contains { $0.hasSuffix(".weight") } && file.names.contains { $0.hasSuffix(".bias") })
    }
  }

  @Test func simpleCNN() throws { try Self.check(Self.model(SimpleCNN(key: Self.key))) }
  @Test func resNetSmall() throws { try Self.check(Self.model(ResNetSmall(key: Self.key))) }

  // Names of layers are the file's, and text beside the network comes back alone.
  @Test func files() throws {
    let plan = try Self.model(SimpleCNN(key: Self.key)).prepared(for: Self.sample, keeping: ["features.0"])
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    try plan.save(to: url, metadata: ["accuracy": "0.7"])
    let loaded = try DeployedNetwork(contentsOf: url)
    #expect(loaded.metadata == ["accuracy": "0.7"] && loaded.plan is EvaluationPlan)
    expectClose(loaded.logits(Self.x), plan.logits(Self.x))
    let file = try SafeTensors(contentsOf: url)
    #expect(file.entries["features.0.bias"] != nil && file.entries["classifier.4.bias"] != nil)
    // the model's own weights are no network, and the network no weights of the model
    let weights = SimpleCNN(key: Self.key).weights()
    #expect(throws: InputError.self) { try DeployedNetwork(weights) }
    var model = SimpleCNN(key: Self.key)
    #expect(throws: InputError.self) { try model.load(file) }
    #expect(throws: InputError.self) { try DeployedNetwork(contentsOf: url.appendingPathExtension("none")) }
  }

  // A layer that a file cannot hold is named.
  @Test func strangeLayers() throws {
    let model = Sequential(Flatten(), Scale(features: 4), Linear(inputs: 4, outputs: 2, key: Self.key))
    let plan = try model.prepared(for: [4])
    do {
      _ = try plan.deployed()
      Issue.record("a closure was stored")
    } catch let error as InputError {
      #expect(error.kind == .unsupported && error.subject == "layer \"1\"")
    }
  }
}
