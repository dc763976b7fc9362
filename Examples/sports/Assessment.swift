import Datasets
import NNLayers
import TensorCore

/// All that is measured of one network, for tables and for findings.
struct Assessment {
  let architecture: Architecture
  let run: TrainingRun
  let model: any Layer
  /// On the test images.
  let test: Evaluation
  let classes: ClassificationReport
  /// The class probabilities of the test images, `[n, 10]`, and what follows from them.
  let probabilities: Tensor
  let predictions: IntTensor
  let isCorrect: [Bool]
  let calibration: Calibration
  let summary: ModelSummary
  /// Of the fastest way to classify a batch, one for each of the plan's batch sizes.
  let latency: [Latency]

  init(_ network: Study.Network, _ run: TrainingRun, _ study: Study, _ plan: ClassifyPlan) throws {
    architecture = network.architecture
    self.run = run
    model = network.model
    test = network.test
    classes = ClassificationReport(test.confusion)
    let batch = try study.data.test.batch(at: Array(0..<study.data.test.count))
    probabilities = model.probabilities(batch.inputs)
    predictions = probabilities.argmax(alongAxis: 1)
    isCorrect = zip(predictions.scalars, batch.labels.scalars).map { $0 == $1 }
    calibration = Calibration(
      confidences: probabilities.max(alongAxis: 1).scalars.map { min($0, 1) }, outcomes: isCorrect)
    summary = model.summary(input: study.data.test.inputShape)
    let prepared = try model.prepared(for: study.data.test.inputShape)
    latency = ClassifyPlan.timedBatches.map { size in
      let images = batch.inputs.gathered(rows: (0..<size).map { $0 % batch.count })
      let runs = size == 1 ? plan.timing.single : plan.timing.batch
      return Latency(runs: runs, warmUps: plan.timing.warmUps) { _ = prepared.logits(images) }
    }
  }

  var accuracy: Proportion { Proportion(successes: test.correct, count: test.count) }

  /// What one training step keeps in memory, in MiB, by calculation: weights, gradients and Adam's two means, and every
  /// layer's output for a batch.
  func trainingMebibytes(batchSize: Int) -> Double {
    let names = summary.rows.map(\.name)
    let outputs = summary.rows.filter { row in
      !names.contains { $0.hasPrefix(row.name.isEmpty ? "" : row.name + ".") && $0 != row.name }
    }
    .reduce(0) { $0 + $1.outputShape.count }
    return Double(4 * (4 * summary.parameterCount + batchSize * outputs)) / 0x1p20
  }
}

extension [Assessment] {
  /// Whether two networks differ in accuracy: both saw the same test images.
  var mcNemar: McNemarTest { McNemarTest(first: self[0].isCorrect, second: self[1].isCorrect) }
}

/// The level below which a difference is claimed.
let significance = 0.05
