import Attacks
import Datasets
import Foundation
import NNLayers
import TensorCore

/// A network with images to attack, in a file that other libraries read too.
///
/// The file is safetensors: `images`, `labels`, this project's `logits` of the images, and the network's tensors under
/// `network/`. Its metadata name the architecture, and `parameters` and `buffers` in their order.
struct AttackCase {
  let classifier: PlanClassifier
  let batch: Batch

  private init(_ model: some Layer, _ batch: Batch) throws {
    classifier = PlanClassifier(try model.prepared(for: batch.inputs.shape.removing(axis: 0)))
    self.batch = batch
  }

  /// Reads a case.
  init(_ url: URL) throws {
    let file = try SafeTensors(contentsOf: url)
    var model = try Self.untrained(file.metadata["architecture"] ?? "")
    try model.load(
      SafeTensors(
        entries: file.entries.reduce(into: [:]) { entries, entry in
          if entry.key.hasPrefix(Self.prefix) {
            entries[String(entry.key.dropFirst(Self.prefix.count))] = entry.value
          }
        }))
    let (images, labels) = (try file.tensor(named: "images"), try file.integers(named: "labels"))
    try self.init(model, Batch(inputs: images, labels: labels, indices: Array(0..<images.shape[0])))
  }

  /// The network of the tests of AutoAttack, trained adversarially, and the first of its images of MNIST.
  static func digits(count: Int) throws -> AttackCase {
    let (model, batch) = try trainedDigits(count: count)
    return try AttackCase(model, batch)
  }

  private static func trainedDigits(count: Int) throws -> (Sequential, Batch) {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
    let file = try NPZFile(
      contentsOf: root.appendingPathComponent("Packages/Attacks/Tests/AttacksTests/Fixtures/autoattack.npz"))
    let key = benchmarkKey
    var model = Sequential(
      Convolution(inputs: 1, outputs: 16, kernel: 5, stride: 2, key: key), ReLU(),
      Convolution(inputs: 16, outputs: 32, kernel: 5, stride: 2, key: key), ReLU(), Flatten(),
      Linear(inputs: 512, outputs: 10, key: key))
    try model.load(
      SafeTensors(
        entries: file.names.reduce(into: [:]) { entries, name in
          if name.hasPrefix(prefix) {
            entries[String(name.dropFirst(prefix.count))] = .tensor(try file.array(named: name).tensor())
          }
        }))
    let pixels = try file.array(named: "images").byteTensor().scalars.prefix(count * 784)
    return (
      model,
      Batch(
        inputs: Tensor(shape: [count, 1, 28, 28], scalars: pixels.map { Float($0) / 255 }),
        labels: try file.array(named: "labels").integers()[rows: 0..<count], indices: Array(0..<count))
    )
  }

  /// Writes a case.
  ///
  /// - Parameters:
  ///   - architecture: `digits`, or `simple_cnn` or `resnet_small` with weights and images of their own.
  ///   - weights: the network's safetensors file.
  ///   - folder: the sports images; so many of the training images, evenly spread, are taken.
  static func write(_ architecture: String, weights: URL?, folder: URL?, count: Int, to url: URL) throws {
    if architecture == "digits" {
      let (model, batch) = try trainedDigits(count: count)
      return try write(model, batch, architecture, to: url)
    }
    guard let weights, let folder else {
      fail("--weights and --images name the network's file and the images' folder")
    }
    var model = try untrained(architecture)
    try model.loadWeights(from: weights)
    let images = try Sports10(folder: folder).training
    try write(
      model, images.batch(at: (0..<count).map { $0 * images.count / count }, epoch: 0), architecture, to: url)
  }

  private static func write(_ model: some Layer, _ batch: Batch, _ architecture: String, to url: URL) throws {
    var file = SafeTensors(metadata: [
      "architecture": architecture, "parameters": model.parameters.map(\.name).joined(separator: " "),
      "buffers": model.buffers.map(\.name).joined(separator: " "),
    ])
    for (name, entry) in model.weights().entries { file.entries[prefix + name] = entry }
    file.entries["images"] = .tensor(batch.inputs)
    file.entries["labels"] = .integers(batch.labels, as: .int32)
    file.entries["logits"] = .tensor(try AttackCase(model, batch).classifier.logits(batch.inputs))
    try file.write(to: url)
  }

  private static let prefix = "network/"

  private static func untrained(_ architecture: String) throws -> any Layer {
    switch architecture {
    case "digits": try trainedDigits(count: 0).0
    case "simple_cnn": normalized(simpleCNN())
    case "resnet_small": normalized(resNetSmall())
    default: fail("no network is called \(architecture)")
    }
  }
}
