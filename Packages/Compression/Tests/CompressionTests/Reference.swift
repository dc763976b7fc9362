import Foundation
import NNLayers
import TensorCore
import Testing

/// What Scripts/fixtures/make_compression_fixtures.py had PyTorch compute.
enum Reference {
  static let file: Result<SafeTensors, any Error> = Result {
    let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
    return try SafeTensors(contentsOf: folder.appendingPathComponent("compression.safetensors"))
  }

  static func tensor(_ name: String) throws -> Tensor { try file.get().tensor(named: name) }
  static func labels(_ name: String) throws -> IntTensor { try file.get().integers(named: name) }

  /// A mask by PyTorch.
  static func mask(_ label: String, _ name: String) throws -> Tensor {
    let bytes = try file.get().bytes(named: "masks/\(label)/\(name)")
    return Tensor(shape: bytes.shape, scalars: bytes.scalars.map(Float.init))
  }

  /// The script's network with its weights: `[n, 3, 8, 8] → [n, 10]`.
  static func network() throws -> Sequential {
    let key = RandomKey(seed: 0)
    var model = Sequential(
      Convolution(inputs: 3, outputs: 8, kernel: 3, padding: 1, key: key), BatchNorm(channels: 8), ReLU(),
      MaxPool(2), Convolution(inputs: 8, outputs: 12, kernel: 3, padding: 1, key: key),
      BatchNorm(channels: 12), ReLU(), AdaptiveAveragePool(2), Flatten(),
      Linear(inputs: 48, outputs: 10, key: key))
    let all = try file.get()
    var weights = SafeTensors()
    for name in all.names where name.hasPrefix("weights/") {
      weights.entries[String(name.dropFirst("weights/".count))] = all.entries[name]
    }
    try model.load(weights)
    return model
  }
}

/// Compares with a tolerance relative to the largest expected value, and reports at the caller's line.
func expectClose(
  _ actual: Tensor, _ expected: Tensor, within tolerance: Float = 1e-5, _ what: String = "",
  at location: SourceLocation = #_sourceLocation
) {
  if let difference = actual.mismatch(with: expected, relativeToLargest: tolerance) {
    Issue.record("\(what): \(difference)", sourceLocation: location)
  }
}

extension Layer {
  /// The masks by name.
  var masks: [String: Tensor] {
    Dictionary(uniqueKeysWithValues: parameters.compactMap { name, p in p.mask.map { (name, $0) } })
  }

  /// A parameter's value.
  func value(_ name: String) throws -> Tensor {
    try #require(parameters.first { $0.name == name }, "no parameter \(name)").parameter.value
  }

  /// Where each parameter is 0.
  var zeros: [String: [Bool]] {
    Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.parameter.value.scalars.map { $0 == 0 }) })
  }

  /// This model as after training: no zero anywhere in its parameters, batch norms with statistics of their own.
  func asTrained() -> Self {
    var copy = self
    copy.visitParameters { name, parameter in
      if parameter.value.rank < 2 {
        parameter.value = .uniform(
          shape: parameter.value.shape, in: 0.1...1, key: RandomKey(seed: 3).derived(name))
      }
    }
    copy.visitBuffers { name, buffer in
      buffer = .uniform(shape: buffer.shape, in: 0.1...1, key: RandomKey(seed: 4).derived(name))
    }
    return copy
  }
}

/// Points around three corners of a square, half a side wide: three classes that a small network separates.
struct Clouds: BatchSource {
  let inputs: Tensor
  let labels: IntTensor
  let classCount = 3

  init(count: Int, seed: UInt64 = 11) {
    labels = IntTensor((0..<count).map { $0 % 3 })
    var inputs = Tensor.normal(shape: [count, 2], standardDeviation: 0.25, key: RandomKey(seed: seed))
    for i in 0..<count where i % 3 > 0 { inputs[i, i % 3 - 1] += 1 }
    self.inputs = inputs
  }

  var count: Int { labels.count }
  var inputShape: Shape { [2] }

  func batch(at indices: [Int], epoch: Int) -> Batch {
    Batch(inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
  }
}

/// The fixture's nine images.
struct NineImages: BatchSource {
  let inputs: Tensor
  let labels: IntTensor
  let classCount = 10
  init() throws { (inputs, labels) = (try Reference.tensor("images"), try Reference.labels("labels")) }
  var count: Int { labels.count }
  var inputShape: Shape { [3, 8, 8] }
  func batch(at indices: [Int], epoch: Int) -> Batch {
    Batch(inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
  }
}
