import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

/// The network that Scripts/fixtures/make_autoattack_fixtures.py trained adversarially on MNIST, and 1,000 test images.
enum MNISTSample {
  static let fixture = Fixture("autoattack.safetensors")
  private static let arrays = Result {
    try NPZFile(
      contentsOf: try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/autoattack.npz"))
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
    try model.loadNetwork(among: arrays.get().names) { try arrays.get().array(named: $0).tensor() }
    return model
  }

  static func classifier() throws -> some Classifier {
    PlanClassifier(try network().prepared(for: [1, 28, 28]))
  }
}
