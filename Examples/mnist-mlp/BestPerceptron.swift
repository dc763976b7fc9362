import NNLayers
import Reporting
import TensorCore

/// What the chosen perceptron came to.
struct BestResult {
  let accuracies: [Double]
  let widths: [Int]
}

/// Test accuracy over seeds, confusion matrix and the strongest confusions (requirements D3.10 to D3.14).
func judgeBest(_ study: Study, _ report: inout ReportFolder) throws -> BestResult {
  report.report.addHeading("The chosen perceptron")
  let widths = [784, study.plan.widths[0], 10]
  let runs = try (0..<study.plan.seeds).map {
    try study.train(widths, epochs: study.plan.bestEpochs, repetition: $0)
  }
  let evaluations = try runs.map { try $0.last.evaluate(on: study.test) }
  var table = Table(
    "Test accuracy of \(Study.name(widths)) after \(study.plan.bestEpochs) epochs",
    columns: ["Run", "Accuracy", "Test loss"])
  for (index, evaluation) in evaluations.enumerated() {
    table.append([
      .integer(index), .proportion(successes: evaluation.correct, count: evaluation.count),
      .number(evaluation.loss),
    ])
  }
  let summary = Summary(evaluations.map(\.accuracy))
  table.note =
    "Mean \(Table.Cell.percent(summary.mean).text), standard deviation "
    + "\(Table.Cell.percent(summary.standardDeviation).text) over \(summary.count) runs."
  try report.add(table, file: "best_accuracy.csv")
  print(table.text)
  try runs[0].last.saveWeights(
    to: study.options.weightsFile("best"),
    metadata: [
      "architecture": "MLP \(Study.name(widths))", "test_accuracy": "\(evaluations[0].accuracy)",
      "seed": "\(study.options.seed)",
    ])

  let confusion = evaluations[0].confusion
  try report.add(
    HeatMap.confusion(confusion.counts, classes: study.classNames), file: "Confusion_Matrix.png",
    caption: "Run 0: counts in the cells, colours by share of the true digit.")
  try report.add(Table.confusion(confusion.counts, classes: study.classNames), file: "confusion_matrix.csv")
  var shares = Table(
    "Confusion matrix, shares of the true digit",
    columns: [Table.Column("True digit")]
      + study.classNames.map { Table.Column($0) })
  for (label, row) in confusion.rowNormalized.enumerated() {
    shares.append([.integer(label)] + row.map { .number($0, decimals: 3) })
  }
  try report.add(shares, file: "confusion_shares.csv")
  report.report.addPreformatted(ClassificationReport(confusion).text(names: study.classNames))
  try addConfusionDiscussion(confusion, &report)
  return BestResult(accuracies: evaluations.map(\.accuracy), widths: widths)
}

private func addConfusionDiscussion(_ confusion: ConfusionMatrix, _ report: inout ReportFolder) throws {
  let errors = confusion.total - confusion.correct
  var table = Table(
    "The strongest confusions of run 0",
    columns: ["True digit", "Taken for", "Count", "Share of the true digit"],
    note: "The ten most frequent of \(errors) errors among \(confusion.total) images.")
  for cell in confusion.confusions.prefix(10) {
    let ofClass = confusion.counts[cell.label].reduce(0, +)
    table.append([
      .integer(cell.label), .integer(cell.prediction), .integer(cell.count),
      .proportion(successes: cell.count, count: ofClass),
    ])
  }
  try report.add(table, file: "confusions.csv")
  let named = [(9, 3), (9, 4), (9, 7), (5, 3)]
  report.report.addParagraph(
    "The document names 9 with 3, 4 or 7 and 5 as 3; here: "
      + named.map { "\($0.0) as \($0.1) \(confusion.counts[$0.0][$0.1]) times" }.joined(separator: ", ") + "."
  )
}
