import NNLayers
import Reporting
import TensorCore

/// Loss and accuracy of linear, shallow and deep models without penalty (requirements D3.3 to D3.6).
func compareFamilies(_ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Three families without penalty")
  let shallow = study.plan.widths.map { [784, $0, 10] }
  let deep = study.plan.widths.map { [784, $0, $0 / 2, 10] }
  let runs = try ([[784, 10]] + shallow + deep).map { try study.train($0, epochs: study.plan.familyEpochs) }
  var table = Table(
    "Linear, shallow and deep models",
    columns: [
      "Model", "Parameters", "Final test accuracy", "Final test loss", "Lowest test loss", "at epoch",
      "Highest test accuracy", "at epoch ",
    ], note: "\(study.plan.familyEpochs) epochs, one run each, judged on the test set.")
  for run in runs {
    guard let last = run.history.epochs.last else { continue }
    table.append([
      .text(Study.name(run.widths)), .integer(run.last.parameterCount),
      rate(last.validationAccuracy, study.test.count), .number(last.validationLoss ?? .nan),
      .number(run.lowestLoss.validationLoss ?? .nan), .integer(run.lowestLoss.epoch),
      rate(run.highestAccuracy.validationAccuracy, study.test.count), .integer(run.highestAccuracy.epoch),
    ])
  }
  try report.add(table, file: "families.csv")
  print(table.text)
  for run in runs { try writeCurves(run, name: Study.name(run.widths), report) }

  try addLossCurves(
    Array(runs[...study.plan.widths.count]), title: "Width: linear model and one hidden layer", file: "width",
    &report)
  let pairs = [runs[0], runs[1], runs[1 + study.plan.widths.count]]
  try addLossCurves(pairs, title: "Depth: linear, one and two hidden layers", file: "depth", &report)
  try addLossCurves(
    [runs[0]] + runs[(1 + study.plan.widths.count)...], title: "Width: two hidden layers", file: "width_deep",
    &report)
}

private func addLossCurves(_ runs: [Study.Run], title: String, file: String, _ report: inout ReportFolder)
  throws
{
  var losses = LineChart(title, x: Axis("Epoch"), y: Axis("Cross-entropy", scale: .logarithmic))
  var accuracies = LineChart(title, x: Axis("Epoch"), y: Axis("Test accuracy", unit: .percent))
  for (color, run) in runs.enumerated() {
    let name = Study.name(run.widths)
    losses.series.append(
      .init("\(name) train", y: run.history.epochs.map(\.trainingLoss), style: .dashed, color: color))
    losses.series.append(
      .init("\(name) test", y: run.history.epochs.map { $0.validationLoss ?? .nan }, color: color))
    accuracies.series.append(
      .init(name, y: run.history.epochs.map { $0.validationAccuracy ?? .nan }, color: color))
  }
  try report.add(
    losses, file: "figures/\(file)_loss.png", caption: "Training loss dashed, test loss solid, each epoch.")
  try report.add(accuracies, file: "figures/\(file)_accuracy.png", caption: "Test accuracy after each epoch.")
}

/// Lowest test loss over several runs, and whether the families differ (requirements D3.10, D3.29).
func chooseFamily(_ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Choosing the perceptron")
  let width = study.plan.widths[0]
  let families = [[784, 10], [784, width, 10], [784, width, width / 2, 10]]
  let losses = try families.map { widths in
    try (0..<study.plan.seeds).map {
      try study.train(widths, epochs: study.plan.choiceEpochs, repetition: $0).lowestLoss.validationLoss
        ?? .nan
    }
  }
  var table = Table(
    "Lowest test loss over runs", columns: ["Model", "Runs", "Mean", "Standard deviation", "Document"],
    note: "\(study.plan.choiceEpochs) epochs; the document names 784-512-10 and 784-512-256-10.")
  let documented: [Table.Cell] = [.empty, .text("0.0618 +- 0.0010"), .text("0.0641 +- 0.0028")]
  for (index, values) in losses.enumerated() {
    let summary = Summary(values)
    table.append([
      .text(Study.name(families[index])), .integer(values.count), .number(summary.mean),
      .number(summary.standardDeviation), documented[index],
    ])
  }
  try report.add(table, file: "choice.csv")
  print(table.text)
  let means = losses.map { Summary($0).mean }
  let best = means.indices.min { means[$0] < means[$1] } ?? 1
  report.report.addParagraph(
    "Selected by the lowest mean: \(Study.name(families[best])). The document's choice is \(Study.name(families[1])), "
      + (best == 1 ? "the same" : "another one") + "; the parts below use the document's.")

  var tests = Table(
    "Paired t tests of the lowest test losses", columns: ["First", "Second", "Mean difference", "p-value"],
    note: "Runs of the same number share the order of images. A difference is claimed below p = 0.05 only.")
  var sentences: [String] = []
  for (a, b) in [(0, 1), (1, 2)] {
    let test = PairedTTest(losses[a], losses[b])
    tests.append([
      .text(Study.name(families[a])), .text(Study.name(families[b])), .number(test.difference.mean),
      .significant(test.pValue),
    ])
    if test.pValue < 0.05 {
      let (lower, higher) = test.difference.mean < 0 ? (a, b) : (b, a)
      sentences.append(
        "\(Study.name(families[lower])) reaches a lower test loss than \(Study.name(families[higher])) "
          + "(p = \(Table.Cell.significant(test.pValue).text), \(losses[a].count) pairs).")
    } else {
      sentences.append(
        "Between \(Study.name(families[a])) and \(Study.name(families[b])) no difference is shown "
          + "(p = \(Table.Cell.significant(test.pValue).text), \(losses[a].count) pairs).")
    }
  }
  try report.add(tests, file: "choice_tests.csv")
  report.report.addList(sentences)
}

/// A share of counted samples with its interval.
func rate(_ share: Double?, _ count: Int) -> Table.Cell {
  guard let share else { return .empty }
  return .proportion(successes: Int((share * Double(count)).rounded()), count: count)
}
