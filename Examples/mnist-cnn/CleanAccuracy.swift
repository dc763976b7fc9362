import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// The division of the images and how many of each digit every part has (requirements D0.1 to D0.5).
func describeData(_ study: Study, _ report: inout ReportFolder) throws {
  let data = study.data
  report.report.addHeading("Data and network")
  var table = Table(
    "Images of each digit in the three parts",
    columns: ["Digit", "Training", "Validation", "Test", "Document"],
    note: "Divided by the seed, stratified both times: a fifth to test, a fifth of the rest to validate.")
  let parts = [data.training, data.validation, data.test]
  for digit in 0..<10 {
    table.append(
      [.integer(digit)] + parts.map { .integer($0.places(of: digit).count) }
        + [.integer(try documentedReport().classes[digit].support)])
  }
  table.append([.text("all")] + parts.map { .integer($0.count) } + [.integer(14_000)])
  try report.add(table, file: "split.csv")
  print(table.text)
  let net = Net(key: RandomKey(seed: 0))
  report.report.addParagraph(
    "Net: convolution 1-10 (5x5), max-pool 2, ReLU; convolution 10-20 (5x5), channel dropout 0.5, max-pool 2, ReLU; linear "
      + "320-50, ReLU, dropout 0.5; linear 50-10: \(net.parameterCount) parameters. It answers with logits: cross-entropy "
      + "contains the softmax, and probabilities are asked for apart.\n\n"
      + "Trained by SGD with rate 0.001 and momentum 0.9 on batches of 64, \(study.plan.epochs) epochs on "
      + "\(data.training.count) images, each epoch judged on \(data.validation.count) validation images; twice: with the norm of "
      + "each step's gradients limited to 1, as in the code behind the document (its text does not say so), and without."
  )
}

/// Losses and accuracies over the epochs, test accuracy over runs, and whether clipping makes a difference (D0.10 to
/// D0.20).
func compareVariants(
  _ clipped: [Study.Run<Net>], _ unclipped: [Study.Run<Net>], _ study: Study, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Training with and without clipping")
  try addEpochs([clipped[0], unclipped[0]], study, &report)
  for run in [clipped[0], unclipped[0]] { try report.logToTensorBoard(run.history, name: run.name) }

  let accuracies = [clipped, unclipped].map { Summary($0.map(\.test.accuracy)) }
  func spread(_ summary: Summary) -> String {
    let mean = Table.Cell.percent(summary.mean).text
    return summary.count < 2
      ? mean : mean + ", standard deviation \(Table.Cell.percent(summary.standardDeviation).text)"
  }
  var table = Table(
    "Test accuracy of every run", columns: ["Run", "Clipped", "Test loss", "Unclipped", "Test loss "],
    note:
      "Mean over \(clipped.count) runs: clipped \(spread(accuracies[0])); unclipped \(spread(accuracies[1]))."
  )
  for (index, pair) in zip(clipped, unclipped).enumerated() {
    table.append([
      .integer(index), .proportion(successes: pair.0.test.correct, count: pair.0.test.count),
      .number(pair.0.test.loss), .proportion(successes: pair.1.test.correct, count: pair.1.test.count),
      .number(pair.1.test.loss),
    ])
  }
  try report.add(table, file: "accuracy.csv")
  print(table.text)
  guard clipped.count > 1 else { return }
  let test = PairedTTest(unclipped.map(\.test.accuracy), clipped.map(\.test.accuracy))
  let evidence = "(paired t test, p = \(Table.Cell.significant(test.pValue).text), \(clipped.count) pairs)"
  report.report.addParagraph(
    test.pValue < 0.05
      ? "Without clipping the test accuracy is \(test.difference.mean > 0 ? "higher" : "lower") by "
        + "\(Table.Cell.number(abs(test.difference.mean) * 100, decimals: 2).text) points \(evidence)."
      : "No difference between the variants is shown \(evidence).")
}

private func addEpochs(_ runs: [Study.Run<Net>], _ study: Study, _ report: inout ReportFolder) throws {
  var table = Table(
    "Every epoch of run 0",
    columns: ["Network", "Epoch", "Training loss", "Validation loss", "Validation accuracy", "Largest norm"],
    note:
      "Training loss: mean over the epoch, dropout active. Largest norm: of a step's gradients before clipping."
  )
  var losses = LineChart("Loss of run 0", x: Axis("Epoch"), y: Axis("Cross-entropy"))
  var accuracies = LineChart(
    "Validation accuracy of run 0", x: Axis("Epoch"), y: Axis("Accuracy", unit: .percent))
  for (color, run) in runs.enumerated() {
    for record in run.history.epochs {
      let correct = (record.validationAccuracy ?? 0) * Double(study.data.validation.count)
      table.append([
        .text(run.name), .integer(record.epoch), .number(record.trainingLoss),
        .number(record.validationLoss ?? .nan),
        .proportion(successes: Int(correct.rounded()), count: study.data.validation.count),
        record.largestGradientNorm.map { .number($0, decimals: 2) } ?? .empty,
      ])
    }
    let epochs = run.history.epochs
    losses.series.append(
      .init("\(run.name) training", y: epochs.map(\.trainingLoss), style: .dashed, color: color))
    losses.series.append(
      .init("\(run.name) validation", y: epochs.map { $0.validationLoss ?? .nan }, color: color))
    accuracies.series.append(
      .init(run.name, y: epochs.map { $0.validationAccuracy ?? .nan }, showsPoints: true, color: color))
  }
  try report.add(table, file: "epochs.csv")
  print(table.text)
  try report.add(
    losses, file: "figures/loss.png", caption: "Training loss dashed (with dropout), validation loss solid.")
  try report.add(accuracies, file: "figures/accuracy.png", caption: "Validation accuracy after each epoch.")
}

/// Confusion matrix and classification report on the unseen test images (D0.19 to D0.23).
func judgeClean(_ run: Study.Run<Net>, _ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Clean accuracy")
  try report.addConfusion(
    run.test.confusion, study, file: "output/confusion_matrix",
    caption: "The clipped network's run 0 on the test images")
  let measured = ClassificationReport(run.test.confusion)
  try report.add(
    preformatted: measured.text(names: study.classNames), file: "output/classification_report.txt")
  print(measured.text(names: study.classNames))

  let documented = try documentedReport()
  var table = Table(
    "Classification report, the document's and run 0's",
    columns: [
      "Digit", "Precision: document", "run 0", "Recall: document", "run 0 ", "F1: document", "run 0  ",
      "Support: document", "run 0   ",
    ], note: "The document prints two decimals.")
  let rows = zip(study.classNames, zip(documented.classes, measured.classes)).map { ($0, $1.0, $1.1) }
  let averages = [
    ("macro average", documented.macroAverage, measured.macroAverage),
    ("weighted average", documented.weightedAverage, measured.weightedAverage),
  ]
  for (name, theirs, ours) in rows + averages {
    table.append([
      .text(name), .number(theirs.precision, decimals: 2), .number(ours.precision),
      .number(theirs.recall, decimals: 2), .number(ours.recall), .number(theirs.f1, decimals: 2),
      .number(ours.f1), .integer(theirs.support), .integer(ours.support),
    ])
  }
  try report.add(table, file: "classification_report.csv")
}

extension ReportFolder {
  /// A confusion matrix as a figure with its counts, `<file>.png` and `<file>.csv`.
  mutating func addConfusion(
    _ confusion: ConfusionMatrix, _ study: Study, file: String, caption: String
  ) throws {
    try add(
      HeatMap.confusion(confusion.counts, classes: study.classNames, title: caption), file: file + ".png",
      caption: "\(caption): counts in the cells, colours by share of the true digit.")
    try add(
      Table.confusion(confusion.counts, classes: study.classNames, title: "Confusion matrix. \(caption)"),
      file: file + ".csv")
  }
}
