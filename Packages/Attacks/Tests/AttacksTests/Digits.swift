import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

/// A file of the folder Fixtures.
struct Fixture: Sendable {
  let file: Result<SafeTensors, any Error>

  init(_ name: String) {
    file = Result {
      try SafeTensors(
        contentsOf: try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(name)"))
    }
  }

  func tensor(_ name: String) throws -> Tensor { try file.get().tensor(named: name) }
  func integers(_ name: String) throws -> IntTensor { try file.get().integers(named: name) }
}

extension Layer {
  /// Takes the weights that stand under `network/` in a fixture with these names.
  mutating func loadNetwork(among names: [String], _ tensor: (String) throws -> Tensor) throws {
    let prefix = "network/"
    let entries = try names.filter { $0.hasPrefix(prefix) }.map {
      (String($0.dropFirst(prefix.count)), SafeTensors.Entry.tensor(try tensor($0)))
    }
    try load(SafeTensors(entries: Dictionary(uniqueKeysWithValues: entries)))
  }
}

/// The small network that Scripts/fixtures/make_attack_fixtures.py trained on scikit-learn's digits, and 24 digits that it
/// has not seen.
enum Digits {
  static let fixture = Fixture("attacks.safetensors")

  static func network() throws -> Sequential {
    let key = RandomKey(seed: 0)
    var model = Sequential(
      Convolution(inputs: 1, outputs: 4, kernel: 5, stride: 2, key: key), ReLU(),
      Convolution(inputs: 4, outputs: 8, kernel: 5, stride: 2, key: key), ReLU(), Flatten(),
      Linear(inputs: 128, outputs: 10, key: key))
    try model.loadNetwork(among: fixture.file.get().names, fixture.tensor)
    return model
  }

  static func images() throws -> Tensor {
    let bytes = try fixture.file.get().bytes(named: "images")
    return Tensor(shape: bytes.shape, scalars: bytes.scalars.map { Float($0) / 255 })
  }

  static func labels() throws -> IntTensor { try fixture.integers("labels") }
  /// The classes that the script's targeted attacks wanted.
  static func targets() throws -> IntTensor { try fixture.integers("targets") }

  /// The network, prepared.
  static func classifier() throws -> some Classifier {
    PlanClassifier(try network().prepared(for: [1, 28, 28]))
  }
}
