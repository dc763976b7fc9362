import AutoDiffLite
import NNLayers
import TensorCore
import Testing

/// Layers inside a model give way to others.
@Suite struct ExchangeTests {
  private static let key = RandomKey(seed: 7)

  private static func names(_ model: some Layer, where includes: (any Layer) -> Bool) throws -> [String] {
    var names: [String] = []
    var copy = model
    try copy.exchangeLayers { name, layer in
      if includes(layer) { names.append(name) }
      return nil
    }
    return names
  }

  // Each name must begin the names of the layer's parameters, or a tool would change one layer for another.
  @Test func namesAreThoseOfParameters() throws {
    func check(_ model: some Layer) throws {
      let found = try Self.names(model) { $0 is Convolution || $0 is Linear }
      let weights = model.parameters.filter { $0.parameter.value.rank > 1 }.map(\.name)
      #expect(found.map { $0 + ".weight" } == weights)
    }
    try check(SimpleCNN(key: Self.key))
    try check(ResNetSmall(key: Self.key))
    try check(MLP(widths: [4, 3, 2], key: Self.key))
    try check(Normalized(SimpleCNN(key: Self.key), mean: [0, 0, 0], standardDeviation: [1, 1, 1]))
    #expect(try Self.names(ConvNN(key: Self.key)) { _ in true }.isEmpty)
  }

  /// Doubles its input.
  private struct Double: Layer {
    func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { 2 * x }
  }

  // What is put in is not searched again: a layer that is replaced by one around itself would never end.
  @Test func exchangedLayersRun() throws {
    var model = MLP(widths: [4, 3, 2], key: Self.key)
    let x = Tensor.normal(shape: [5, 4], key: Self.key)
    let before = model.logits(x)
    try model.exchangeLayers { name, layer in name == "2" ? Sequential(layer, Double()) : nil }
    #expect(model.logits(x) == 2 * before)
    #expect(model.parameters.map(\.name) == ["0.weight", "0.bias", "2.0.weight", "2.0.bias"])
    #expect(model.widths == [4, 3, 2])
  }

  // Both convolutions of every block, also when the block itself stays.
  @Test func blocksGiveWayInside() throws {
    var model = ResNetSmall(key: Self.key)
    let x = Tensor.uniform(shape: [2, 3, 32, 32], key: Self.key)
    let before = model.logits(x)
    try model.exchangeLayers { _, layer in layer is Convolution ? Sequential(layer) : nil }
    #expect(model.logits(x) == before)
    #expect(model.parameters.map(\.name).contains("layer2.0.conv2.0.weight"))
    #expect(model.parameters.map(\.name).contains("layer2.0.shortcut.0.0.weight"))
    if let difference = try model.prepared(for: [3, 32, 32]).logits(x).mismatch(
      with: before, relativeToLargest: 1e-5)
    {
      Issue.record("\(difference)")
    }
  }

  @Test func errorsLeaveTheModel() throws {
    struct Stop: Error {}
    var model = SimpleCNN(key: Self.key)
    let before = model.parameters.map(\.name)
    #expect(throws: Stop.self) {
      try model.exchangeLayers { name, layer in
        if name == "classifier.1" { throw Stop() }
        return layer is Convolution ? Sequential(layer) : nil
      }
    }
    #expect(model.parameters.map(\.name) == before)
  }
}
