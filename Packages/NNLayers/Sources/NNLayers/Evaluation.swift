import AutoDiffLite
import TensorCore

/// How a model does on a data set, in evaluation mode.
public struct Evaluation: Sendable, Hashable {
  /// Mean cross-entropy over the samples.
  public let loss: Double
  /// Which classes were taken for which.
  public let confusion: ConfusionMatrix
  /// How many samples were judged.
  public var count: Int { confusion.total }
  /// How many predictions were right.
  public var correct: Int { confusion.correct }
  /// The share of right predictions.
  public var accuracy: Double { confusion.accuracy }
  /// Each class's share of right predictions; NaN for a class without samples.
  public var classAccuracies: [Double] {
    confusion.counts.indices.map {
      Double(confusion.counts[$0][$0]) / Double(confusion.counts[$0].reduce(0, +))
    }
  }
}

extension Layer {
  /// Judges the model on every sample of a source.
  ///
  /// - Parameters:
  ///   - source: where samples come from.
  ///   - batchSize: how many samples run at once; the result's last digits may depend on it.
  /// - Throws: what the source throws; `InputError.outOfRange` for a label that is no class, and for logits that are
  ///   not finite.
  public func evaluate(on source: some BatchSource, batchSize: Int = 1000) throws -> Evaluation {
    precondition(batchSize > 0, "evaluate: batchSize \(batchSize) is not positive")
    var confusion = ConfusionMatrix(classCount: source.classCount)
    var loss = 0.0
    for start in stride(from: 0, to: source.count, by: batchSize) {
      let batch = try source.batch(at: Array(start..<min(source.count, start + batchSize)))
      try batch.checkLabels(classCount: source.classCount)
      let logits = logits(batch.inputs)
      precondition(
        logits.shape == [batch.count, source.classCount],
        "evaluate: logits \(logits.shape) for \(batch.count) samples of \(source.classCount) classes")
      guard logits.isFinite else {
        throw InputError(
          .outOfRange, "the model's logits for samples from \(start) on", expected: "finite numbers",
          found: "NaN or infinity", remedy: "Lower the learning rate, or load weights that did not diverge.")
      }
      loss += logits.crossEntropy(labels: batch.labels).losses.doubleSum()
      confusion.add(predictions: logits.argmax(alongAxis: 1), labels: batch.labels)
    }
    return Evaluation(loss: loss / Double(source.count), confusion: confusion)
  }
}
