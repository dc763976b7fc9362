import Datasets
import NNLayers
import Reporting
import TensorCore

/// Which images a network, in whatever form, classifies rightly: forms are compared on the same images, pair by pair.
struct Answers {
  let test: [Bool]
  /// Of images that the network learned from.
  let training: [Bool]

  /// The answers of a function from images to logits.
  init(_ images: PruningImages, logits: (Tensor) -> Tensor) throws {
    func outcomes(_ subset: Subset) throws -> [Bool] {
      try stride(from: 0, to: subset.count, by: 100).flatMap { start in
        let batch = try subset.batch(at: Array(start..<min(subset.count, start + 100)))
        let predictions = logits(batch.inputs).argmax(alongAxis: 1)
        return zip(predictions.scalars, batch.labels.scalars).map { $0 == $1 }
      }
    }
    test = try outcomes(images.test)
    training = try outcomes(images.training)
  }

  init(_ model: some Layer, _ images: PruningImages) throws {
    let plan = try model.prepared(for: images.test.inputShape)
    try self.init(images) { plan.logits($0) }
  }

  var testAccuracy: Proportion { Proportion(test) }
  var trainingAccuracy: Proportion { Proportion(training) }

  /// Whether another network differs on the test images.
  func mcNemar(_ other: Answers) -> McNemarTest { McNemarTest(first: test, second: other.test) }

  /// "62.00 % [...]", then p against another network, for tables.
  func cells(against other: Answers) -> [Table.Cell] {
    [
      .proportion(testAccuracy), .significant(mcNemar(other).pValue), .proportion(trainingAccuracy),
      .significant(McNemarTest(first: training, second: other.training).pValue),
    ]
  }

  /// The headings of `cells`.
  static func columns(against other: String) -> [Table.Column] {
    [
      "Test images", Table.Column("p against \(other)"), "TRAINING images",
      Table.Column("p against \(other), training"),
    ]
  }

  /// The share of another network's accuracy on the test images that is left; nil where that one has none.
  func recovery(of original: Answers) -> Double? {
    original.testAccuracy.successes > 0
      ? testAccuracy.estimate / original.testAccuracy.estimate : nil
  }
}
