import NNLayers
import Reporting
import TensorCore

/// What the study of the penalty came to, by the document's protocol.
struct PenaltyResult {
  let runs: [Study.Run]
  /// The run with the lowest test loss.
  let chosen: Study.Run
}

/// The document's lowest test loss and highest test accuracy for each lambda, with their epochs.
let documentedPenalties: [Float: (loss: Double, lossEpoch: Int, accuracy: Double, accuracyEpoch: Int)] = [
  3e-3: (0.1832, 99, 0.9570, 35), 1e-3: (0.1021, 65, 0.9756, 80), 3e-4: (0.0613, 99, 0.9828, 76),
  3e-5: (0.0475, 89, 0.9854, 89), 0: (0.0615, 18, 0.9825, 40),
]

/// Several strengths of the L2 penalty over the epochs (requirements D3.15 to D3.18).
func studyPenalty(_ study: Study, _ report: inout ReportFolder) throws -> PenaltyResult {
  report.report.addHeading("L2 penalty")
  report.report.addParagraph(
    "The loss is cross-entropy plus lambda times the sum of squared weights, biases left out. The gradient of that term "
      + "is 2 lambda w: the same as a coupled weight decay of 2 lambda on the weights, and not AdamW's decoupled decay. "
      + "Losses below are cross-entropy alone.")
  let widths = [784, study.plan.widths[0], 10]
  let runs = try study.plan.lambdas.map {
    try study.train(widths, lambda: $0, epochs: study.plan.penaltyEpochs)
  }
  var table = Table(
    "Penalty strengths, \(Study.name(widths))",
    columns: [
      "lambda", "Lowest test loss", "at epoch", "Document's loss", "at epoch ", "Highest test accuracy",
      "at epoch  ",
      "Document's accuracy", "at epoch   ",
    ],
    note:
      "Document's protocol: \(study.plan.penaltyEpochs) epochs on all training images, judged on the test set."
  )
  for run in runs {
    let reference = documentedPenalties[run.lambda]
    table.append([
      .significant(Double(run.lambda)), .number(run.lowestLoss.validationLoss ?? .nan),
      .integer(run.lowestLoss.epoch), reference.map { .number($0.loss) } ?? .empty,
      reference.map { .integer($0.lossEpoch) } ?? .empty,
      rate(run.highestAccuracy.validationAccuracy, study.test.count), .integer(run.highestAccuracy.epoch),
      reference.map { .percent($0.accuracy) } ?? .empty,
      reference.map { .integer($0.accuracyEpoch) } ?? .empty,
    ])
  }
  try report.add(table, file: "l2.csv")
  print(table.text)
  try addCurves(runs, &report)
  try addGap(runs, study, &report)
  guard
    let chosen = runs.min(by: {
      ($0.lowestLoss.validationLoss ?? .nan) < ($1.lowestLoss.validationLoss ?? .nan)
    })
  else { preconditionFailure("no penalty strengths") }
  return PenaltyResult(runs: runs, chosen: chosen)
}

private func addCurves(_ runs: [Study.Run], _ report: inout ReportFolder) throws {
  var losses = LineChart(
    "Loss: training dashed, test solid", x: Axis("Epoch"), y: Axis("Cross-entropy", scale: .logarithmic))
  var accuracies = LineChart(
    "Accuracy: training dashed, test solid", x: Axis("Epoch"), y: Axis("Accuracy", unit: .percent))
  for (color, run) in runs.enumerated() {
    let name = "lambda \(Table.Cell.significant(Double(run.lambda)).text)"
    let epochs = run.history.epochs
    losses.series.append(.init("", y: epochs.map(\.trainingLoss), style: .dashed, color: color))
    losses.series.append(.init(name, y: epochs.map { $0.validationLoss ?? .nan }, color: color))
    accuracies.series.append(.init("", y: epochs.map(\.trainingAccuracy), style: .dashed, color: color))
    accuracies.series.append(.init(name, y: epochs.map { $0.validationAccuracy ?? .nan }, color: color))
    let (low, high) = (run.lowestLoss, run.highestAccuracy)
    losses.points.append(
      .init(x: Double(low.epoch), y: low.validationLoss ?? .nan, label: "\(low.epoch)", color: color))
    accuracies.points.append(
      .init(x: Double(high.epoch), y: high.validationAccuracy ?? .nan, label: "\(high.epoch)", color: color))
  }
  try report.add(
    StackedCharts([losses, accuracies]).image(),
    file: "l2test_acc.png",
    caption:
      "Training (dashed) and test (solid) loss and accuracy for every lambda; the epochs with the lowest test loss "
      + "and the highest test accuracy are marked.")
  for run in runs {
    try writeCurves(run, name: "lambda-\(run.lambda)", report)
  }
}

/// Writes a run's epochs as CSV to `curves/<name>.csv` and for TensorBoard.
func writeCurves(_ run: Study.Run, name: String, _ report: ReportFolder) throws {
  var table = Table(
    "Epochs of \(name)",
    columns: ["Epoch", "Training loss", "Penalty", "Test loss", "Training accuracy", "Test accuracy"])
  for record in run.history.epochs {
    table.append([
      .integer(record.epoch), .number(record.trainingLoss, decimals: 5), .number(record.penalty, decimals: 5),
      .number(record.validationLoss ?? .nan, decimals: 5), .number(record.trainingAccuracy, decimals: 5),
      .number(record.validationAccuracy ?? .nan, decimals: 5),
    ])
  }
  try AtomicFile.write(table.csv, to: report.fileURL("curves/\(name).csv"))
  try report.logToTensorBoard(run.history, name: name)
}

/// The gap between training and test at the last epoch, with and without penalty.
private func addGap(_ runs: [Study.Run], _ study: Study, _ report: inout ReportFolder) throws {
  var table = Table(
    "Gap between training and test after the last epoch",
    columns: [
      "lambda", "Training loss", "Test loss", "Gap", "Training accuracy", "Test accuracy", "Gap in points",
    ])
  for run in runs {
    guard let last = run.history.epochs.last, let loss = last.validationLoss,
      let accuracy = last.validationAccuracy
    else { continue }
    table.append([
      .significant(Double(run.lambda)), .number(last.trainingLoss), .number(loss),
      .number(loss - last.trainingLoss),
      rate(last.trainingAccuracy, study.data.train.count), rate(accuracy, study.test.count),
      .number((last.trainingAccuracy - accuracy) * 100, decimals: 2),
    ])
  }
  try report.add(table, file: "gap.csv")
}

/// Each digit over the epochs: which are learned faster (requirement D3.19).
func followDigits(_ run: Study.Run, _ report: inout ReportFolder) throws {
  report.report.addHeading("Each digit over the epochs")
  let curves = run.history.epochs.map { $0.validationClassAccuracies ?? [] }
  var chart = LineChart(
    "Test accuracy of each digit", x: Axis("Epoch"), y: Axis("Share recognised", unit: .percent))
  var table = Table(
    "Share of each digit recognised",
    columns: [Table.Column("Epoch")] + (0..<10).map { Table.Column("\($0)") })
  for digit in 0..<10 { chart.series.append(.init("\(digit)", y: curves.map { $0[digit] }, color: digit)) }
  for (epoch, shares) in curves.enumerated() {
    table.append([.integer(epoch + 1)] + shares.map { .number($0, decimals: 4) })
  }
  try report.add(
    chart, file: "figures/per_class_accuracy.png",
    caption: "\(Study.name(run.widths)) with lambda \(run.lambda), judged on the test set after each epoch.")
  try report.add(table, file: "per_class_accuracy.csv")
  var passed = Table("Epoch at which each digit first passes 95 %", columns: ["Digit", "Epoch"])
  for digit in 0..<10 {
    let epoch = curves.firstIndex { $0[digit] > 0.95 }
    passed.append([.integer(digit), epoch.map { .integer($0 + 1) } ?? .text("not reached")])
  }
  try report.add(passed, file: "per_class_95.csv")
}
