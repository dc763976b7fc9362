import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct WeightsTests {
  private static let key = RandomKey(seed: 31)
  private let model = MLP(widths: [24, 18, 10], key: key)

  /// Parameters and a buffer.
  private struct Shifted: Layer {
    var scale = Parameter(Tensor([1, 2]))
    var mean = Tensor([3, 4])
    func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { (x - Variable(mean)) * scale.variable }
    mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) { visit("scale", &scale) }
    mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) { visit("mean", &mean) }
  }

  // The file that PyTorch's users write for this network, read and written again: the same bytes.
  @Test func pyTorchsFileBothWays() throws {
    let url = try Reference.url("network.safetensors")
    var loaded = model
    #expect(try loaded.loadWeights(from: url).isEmpty)
    #expect(loaded.bits != model.bits)
    #expect(try loaded.weights().data() == Data(contentsOf: url))
  }

  @Test func buffersAndMetadataTravel() throws {
    let url = temporaryFile("shifted.safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    var saved = Shifted()
    saved.scale.value = Tensor([5, -6])
    saved.mean = Tensor([0.1, -0.2])
    try saved.saveWeights(to: url, metadata: ["accuracy": "0.98"])
    var loaded = Shifted()
    #expect(try loaded.loadWeights(from: url) == ["accuracy": "0.98"])
    #expect(loaded.scale.value == saved.scale.value && loaded.mean == saved.mean)
    #expect(loaded.weightsDigest == saved.weightsDigest && loaded.weightsDigest != Shifted().weightsDigest)
  }

  // A lenient load would leave part of a model fresh, and nobody would know.
  @Test(arguments: ["missing", "stranger", "shape", "integers"]) func loadingIsStrict(_ fault: String) throws
  {
    var file = model.weights()
    switch fault {
    case "missing": file.entries["2.bias"] = nil
    case "stranger": file.entries["4.weight"] = .tensor(Tensor([1]))
    case "shape": file.entries["0.weight"] = .tensor(.zeros(shape: [24, 18]))
    default: file.entries["2.bias"] = .integers(IntTensor([Int](repeating: 1, count: 10)), as: .int64)
    }
    var target = MLP(widths: [24, 18, 10], key: RandomKey(seed: 32))
    let before = target.bits
    let error = try #require(throws: InputError.self) { try target.load(file) }
    let name = ["missing": "2.bias", "stranger": "4.weight", "shape": "0.weight", "integers": "2.bias"][
      fault]!
    #expect(error.kind == (fault == "missing" ? .missing : .mismatch) && "\(error)".contains(name))
    #expect(target.bits == before)
  }

  // Freezing and masks belong to the model, not to the file.
  @Test func loadingKeepsWhatIsFrozen() throws {
    var target = model
    target.setTrainable(false, where: { $0.hasPrefix("0.") })
    try target.load(MLP(widths: [24, 18, 10], key: RandomKey(seed: 32)).weights())
    #expect(target.parameters.map(\.parameter.isTrainable) == [false, false, true, true])
  }

  // The same numbers under other names are another model.
  @Test func digestCoversNamesAndBits() throws {
    let one = Sequential(Linear(inputs: 2, outputs: 2, key: Self.key), ReLU())
    let other = Sequential(ReLU(), Linear(inputs: 2, outputs: 2, key: Self.key))
    #expect(one.weightsDigest != other.weightsDigest)
    var changed = one
    changed.visitParameters { name, parameter in
      if name == "0.bias" { parameter.value[1] = parameter.value[1].nextUp }
    }
    #expect(one.weightsDigest != changed.weightsDigest && one.weightsDigest.count == 64)
  }
}

/// A file of this name that no other test or process uses.
func temporaryFile(_ name: String) -> URL {
  FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString)-\(name)")
}
