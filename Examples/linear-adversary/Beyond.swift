import Attacks
import Datasets
import Foundation
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Sets the searched steps beside the closed form, and the attack beside the provably smallest changes.
func compare(_ result: Transformation, with margins: LinearMargins, _ report: inout ReportFolder) throws {
  var steps = Table(
    "Searched and exact smallest eps",
    columns: ["Image", "Searched", "Closed form", "Difference"],
    note:
      "Searched: bisection on the model's logits. Closed form: the scores are linear in eps, so the smallest working "
      + "step is the largest of (s_k - s_6) / ((w_6 - w_k) . d) over the labels with a positive denominator.")
  var changes = Table(
    "Attack and provably smallest changes",
    columns: [
      "Image", "Gradient sign: L-infinity", "Bound to 6: L-infinity", "Gradient sign: L2", "Bound to 6: L2",
      "Bound to 6: L1",
      "Smallest change, any class: L-infinity", "L2", "L1", "Nearest class (L2)",
    ].map { Table.Column($0) },
    note:
      "Unclipped. Bound to 6: no shorter change can give 6 the highest score. Smallest change, any class: the exact "
      + "distance to the nearest decision boundary.")
  var largestError = 0.0
  for sample in 0..<result.batch.count {
    let x = result.batch.inputs[row: sample]
    let direction = result.directions[row: sample]
    let exact = margins.steps(from: x, along: direction, to: result.target)?.lowerBound
    let found = result.smallest[sample].map(Double.init)
    // One reached and the other not is an error without bound, not a row to leave out.
    let error = found == nil && exact == nil ? 0 : abs((found ?? .infinity) - (exact ?? 0))
    largestError = max(largestError, error)
    steps.append([
      .integer(result.batch.indices[sample]), found.map { .number($0, decimals: 7) } ?? .text("not reached"),
      exact.map { .number($0, decimals: 7) } ?? .text("not reached"), .significant(error),
    ])
    let l2 = direction.sumOfSquares().squareRoot()
    let nearest = VectorNorm.allCases.map { margins.smallestChange(of: x, norm: $0) }
    changes.append([
      .integer(result.batch.indices[sample]), .number(found ?? .nan),
      .number(margins.lowerBound(of: x, to: result.target, norm: .lInf)), .number((found ?? .nan) * l2),
      .number(margins.lowerBound(of: x, to: result.target, norm: .l2)),
      .number(margins.lowerBound(of: x, to: result.target, norm: .l1)), .number(nearest[0].length),
      .number(nearest[1].length), .number(nearest[2].length), .integer(nearest[1].label),
    ])
  }
  try report.add(steps, file: "smallest_eps.csv")
  try report.add(changes, file: "smallest_changes.csv")
  print(steps.text)
  try report.metrics.addHeadline("largest_epsilon_error", largestError)
}

/// The smallest eps for every source and target digit: mean over the first images of each digit.
func measurePairs(
  _ model: some Layer, _ test: LabeledImages, _ options: ProgramOptions, _ report: inout ReportFolder
)
  throws
{
  let perClass = options.profile == .full ? 10 : 3
  let names = (0..<10).map(String.init)
  var means = [[Double]](repeating: [Double](repeating: .nan, count: 10), count: 10)
  var texts = [[String]](repeating: [String](repeating: "", count: 10), count: 10)
  var table = Table(
    "Smallest eps for each pair of digits",
    columns: ["From", "To", "Images", "Reached", "Mean eps", "Largest eps"],
    note:
      "The first \(perClass) test images of each digit, without those taken for the target already; unclipped; steps up to 1. Means are over the images reached."
  )
  for source in 0..<10 {
    let places = test.places(of: source).prefix(perClass)
    let images = test.flattened.batch(at: Array(places), epoch: 0)
    for target in 0..<10 where target != source {
      let smallest = Transformation(images, into: target, model: model).smallest
      // what is taken for the target without any step says nothing of the attack
      let attacked = smallest.filter { $0 != 0 }
      let found = attacked.compactMap { $0.map(Double.init) }
      let summary = Summary(found)
      if !found.isEmpty {
        means[source][target] = summary.mean
        texts[source][target] = Table.Cell.number(summary.mean, decimals: 3).text
      }
      table.append([
        .integer(source), .integer(target), .integer(attacked.count),
        .proportion(successes: found.count, count: attacked.count), .number(summary.mean),
        .number(found.max() ?? .nan),
      ])
    }
  }
  let map = HeatMap(
    "Smallest eps from digit to digit", values: means, texts: texts, rowNames: names, columnNames: names,
    rowTitle: "True digit", columnTitle: "Target digit", colorAxis: Axis("Mean smallest eps"))
  try report.add(
    map, file: "figures/pairs.png",
    caption: "Mean smallest gradient-sign eps; the first \(perClass) images a digit.")
  try report.add(table, file: "pairs.csv")
}

/// The document's "part 2" for a perceptron: scores are no longer straight lines.
func attackPerceptron(
  _ twos: Batch, _ data: DigitData, _ options: ProgramOptions, _ report: inout ReportFolder
) throws {
  let key = RandomKey(seed: options.seed).derived("perceptron")
  let loop = TrainingLoop(
    epochs: options.epochs ?? (options.profile == .full ? 15 : 2), batchSize: 200, key: key)
  var state = TrainingState(
    model: MLP(widths: [784, 512, 10], key: key.derived("weights")), optimizer: Adam(learningRate: 5e-4))
  let fingerprint = data.fingerprint(loop, state.optimizer, network: "784-512-10")
  try loop.run(
    "perceptron", &state, on: data.train.flattened,
    checkpoint: options.checkpoint("perceptron", fingerprint: fingerprint))
  let test = try state.model.evaluate(on: data.test.flattened)
  try state.model.saveWeights(
    to: options.weightsFile("perceptron"),
    metadata: [
      "architecture": "MLP 784-512-10", "test_accuracy": "\(test.accuracy)", "seed": "\(options.seed)",
    ])
  report.report.addParagraph(
    "784-512-10 with ReLU, Adam 5e-4, batches of 200, \(loop.epochs) epochs: test accuracy "
      + Table.Cell.proportion(successes: test.correct, count: test.count).text
      + ". The direction is again the sign of one gradient at the clean image.")
  _ = try turn(twos, into: 6, model: state.model, name: "perceptron", &report)
}

/// What the document reports beside what this run measured.
func summarize(_ result: Transformation, _ regression: RegressionResult, _ report: inout ReportFolder) throws
{
  let fooled = result.chosen.count { $0 != nil }
  var comparison = DocumentComparison(
    "Document 2 and this run",
    note: "The document's confidences are those of steps chosen by eye, 0.15 and 0.2.")
  comparison.append(
    "Cost after epoch 1", document: .number(0.67496, decimals: 5),
    measured: .number(regression.costs[0], decimals: 5), tolerance: 0.002)
  comparison.append(
    "Cost after the last epoch", document: .number(0.27945, decimals: 5),
    measured: .number(regression.costs[regression.costs.count - 1], decimals: 5), tolerance: 0.002)
  comparison.append(
    "Test accuracy", document: .percent(0.9229),
    measured: .proportion(successes: regression.test.correct, count: regression.test.count),
    tolerance: 0.003)
  comparison.append(
    "Images that become a 6", document: .text("10 of 10"),
    measured: .proportion(successes: fooled, count: result.chosen.count))
  report.report.addHeading("Document and measurement")
  try report.add(comparison, file: "comparison.csv")
  print(comparison.table.text)
  try report.metrics.addHeadline("images_fooled", fooled)
  try report.metrics.addHeadline("images_attacked", result.chosen.count)
}
