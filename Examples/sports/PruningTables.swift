import Compression
import ProgramSupport
import Reporting
import TensorCore

/// Accuracy before and after fine-tuning, counts and logs (requirements D4.83 to D4.88, D4.93, D4.139 to D4.141, D4.149).
func reportPruning(_ runs: [PruningRun], _ plan: PrunePlan, _ report: inout ReportFolder) throws {
  report.report.addHeading("Global pruning")
  for run in runs {
    report.report.addHeading(run.title, depth: 2)
    try report.addPrinted(accuracies(run), file: "accuracy_\(run.name).csv")
    try report.addPrinted(counts(run), file: "counts_\(run.name).csv")
    try writeLogs(run, &report)
  }
  try compareWithDocument(runs, &report)
  report.addPrinted(runs.flatMap { losses($0) })
}

private func accuracies(_ run: PruningRun) -> Table {
  var table = Table(
    "Accuracy, \(run.title)",
    columns: [
      "Sparsity", "Before fine-tuning", "After fine-tuning", "Recovery rate", "p before against after",
      "p after against original", "TRAINING images before", "TRAINING images after",
      "p after against original, training",
    ],
    note:
      "Recovery rate: accuracy after fine-tuning divided by the original's; it is no accuracy. "
      + "\(run.answers.test.count) test images, \(run.answers.training.count) training images.")
  table.append([
    .text("original"), .empty, .proportion(run.answers.testAccuracy), .empty, .empty, .empty, .empty,
    .proportion(run.answers.trainingAccuracy), .empty,
  ])
  for one in run.networks {
    let training = McNemarTest(first: one.after.training, second: run.answers.training)
    table.append([
      .text("\(one.percent) %"), .proportion(one.before.testAccuracy), .proportion(one.after.testAccuracy),
      one.after.recovery(of: run.answers).map { .percent($0, decimals: 1) } ?? .text("undefined"),
      .significant(one.before.mcNemar(one.after).pValue),
      .significant(one.after.mcNemar(run.answers).pValue), .proportion(one.before.trainingAccuracy),
      .proportion(one.after.trainingAccuracy), .significant(training.pValue),
    ])
  }
  return table
}

private func counts(_ run: PruningRun) -> Table {
  let dense = SparsityReport(of: run.original.model)
  var table = Table(
    "Counts and bytes, \(run.title)",
    columns: [
      "Sparsity", "Parameters", "Not 0", "Prunable weights", "of them not 0", "Zeros kept in place",
      "Compression", "Dense, MiB", "Bit map, MiB", "16-bit indices, MiB", "32-bit indices, MiB",
    ],
    note:
      "Parameters: biases and batch norm's factors included; compression is all of them over those that are not 0, so it stays "
      + "below 1 / (1 - sparsity). MiB: weights in this form, the rest and batch norm's buffers dense, without a file's header."
  )
  func append(_ title: String, _ report: SparsityReport, kept: Table.Cell) {
    table.append(
      [
        .text(title), .integer(report.parameterCount), .integer(report.nonzeroParameterCount),
        .integer(report.prunableCount), .integer(report.rows.reduce(0) { $0 + $1.nonzeroCount }), kept,
        .number(report.compressionRatio, decimals: 2),
      ] + SparseEncoding.allCases.map { .number(report.mebibytes($0), decimals: 2) })
  }
  append("original", dense, kept: .empty)
  for one in run.networks {
    append("\(one.percent) %", one.report, kept: .text(one.keptZeros ? "yes" : "no"))
  }
  return table
}

private func writeLogs(_ run: PruningRun, _ report: inout ReportFolder) throws {
  for one in run.networks {
    let text = one.history.log("\(run.title), \(one.percent) % pruned", test: one.after.testAccuracy)
    print(text)
    try report.add(preformatted: text, file: "logs/\(run.name)_\(one.percent).txt")
  }
}

extension Architecture {
  /// What the document prints of its pruned networks, by per cent: accuracy after fine-tuning, and the counts that its masks
  /// would have had.
  fileprivate var documentedPruning: [Int: (accuracy: Double, nonzero: Int)] {
    switch self {
    case .simpleCNN: [20: (0.58, 496_836), 50: (0.62, 310_874), 80: (0.60, 124_912)]
    case .resNetSmall: [20: (0.60, 2_223_037), 50: (0.64, 1_391_082), 80: (0.56, 559_127)]
    }
  }
}

private func compareWithDocument(_ runs: [PruningRun], _ report: inout ReportFolder) throws {
  var comparison = DocumentComparison(
    "Pruning in the document and here",
    note:
      "The document's networks were untrained before pruning and lost their masks before fine-tuning, so its accuracies are no "
      + "targets. Its counts are those that exact pruning has; it calls prunable weights and all parameters by one name. Its "
      + "78 % of ResNetSmall at 80 % is a recovery rate, 56 / 72.")
  for run in runs {
    let document = run.architecture.documentedPruning
    for one in run.networks {
      guard let printed = document[one.percent] else { continue }
      let what = "\(run.title), \(one.percent) %"
      comparison.append(
        "\(what): accuracy after fine-tuning",
        document: .proportion(successes: Int((printed.accuracy * 50).rounded()), count: 50),
        measured: .proportion(one.after.testAccuracy))
      comparison.append(
        "\(what): recovery rate",
        document: .percent(printed.accuracy / run.architecture.documented.accuracy, decimals: 0),
        measured: one.after.recovery(of: run.answers).map { .percent($0, decimals: 0) } ?? .empty)
      comparison.append(
        "\(what): parameters that are not 0", document: .integer(printed.nonzero),
        measured: .integer(one.report.nonzeroParameterCount))
    }
  }
  try report.addPrinted(comparison.table, file: "pruning_document.csv")
}

/// What pruning alone costs at the least sparsity, where a trained network loses almost nothing.
private func losses(_ run: PruningRun) -> [String] {
  guard let least = run.networks.first else { return [] }
  let (test, training) = (
    run.answers.testAccuracy.successes - least.before.testAccuracy.successes,
    run.answers.trainingAccuracy.estimate - least.before.trainingAccuracy.estimate
  )
  return [
    "\(run.title): \(least.percent) % of the weights, removed from the trained network without any fine-tuning, cost "
      + "\(test) of \(run.answers.test.count) test images and \(points(training)) points on the training images"
      + (least.percent == 20
        ? " (at most 1 of each wanted: \(test <= 1 && training <= 0.01 ? "reached" : "missed"))." : ".")
  ]
}
