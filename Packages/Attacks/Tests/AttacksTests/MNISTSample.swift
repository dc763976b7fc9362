import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

/// The network that Scripts/fixtures/make_autoattack_fixtures.py trained adversarially on MNIST, 1,000 test images, and what
/// the authors' AutoAttack made of them.
enum MNISTSample {
  static let fixture = Fixture("autoattack.safetensors")
  private static let arrays = file("autoattack.npz")
  private static let outcomes = file("autoattack-outcomes.npz")

  private static func file(_ name: String) -> Result<NPZFile, any Error> {
    Result {
      try NPZFile(
        contentsOf: try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(name)"))
    }
  }

  /// The radius that each norm is attacked with.
  static func radius(_ norm: VectorNorm) -> Float { norm == .lInf ? 0.2 : 1.5 }
  /// The norm in the fixtures' names.
  static func name(_ norm: VectorNorm) -> String { norm == .lInf ? "Linf" : "L2" }

  static func batch(_ count: Int) throws -> Batch {
    let pixels = try arrays.get().array(named: "images").byteTensor()
    let images = Tensor(
      shape: [count, 1, 28, 28], scalars: pixels.scalars.prefix(count * 784).map { Float($0) / 255 })
    let labels = try arrays.get().array(named: "labels").integers()[rows: 0..<count]
    return Batch(inputs: images, labels: labels, indices: Array(0..<count))
  }

  static func network() throws -> Sequential {
    let key = RandomKey(seed: 0)
    var model = Sequential(
      Convolution(inputs: 1, outputs: 16, kernel: 5, stride: 2, key: key), ReLU(),
      Convolution(inputs: 16, outputs: 32, kernel: 5, stride: 2, key: key), ReLU(), Flatten(),
      Linear(inputs: 512, outputs: 10, key: key))
    let prefix = "network/"
    let names = try arrays.get().names.filter { $0.hasPrefix(prefix) }
    try model.load(
      SafeTensors(
        entries: Dictionary(
          uniqueKeysWithValues: names.map {
            (String($0.dropFirst(prefix.count)), .tensor(try arrays.get().array(named: $0).tensor()))
          })))
    return model
  }

  static func classifier() throws -> some Classifier {
    PlanClassifier(try network().prepared(for: [1, 28, 28]))
  }

  /// Which images stand the authors' attack, for each of its seeds.
  static func standing(_ norm: VectorNorm, _ attack: String) throws -> [[Bool]] {
    let file = try outcomes.get()
    return try file.names.filter { $0.hasPrefix("\(name(norm))/\(attack)/") }.sorted().map {
      try file.array(named: $0).byteTensor().scalars.map { $0 == 1 }
    }
  }
}
