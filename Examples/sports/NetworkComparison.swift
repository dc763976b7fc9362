import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Both networks side by side, what follows from it, and which one to use for what (requirements D4.48 to D4.51).
func compareNetworks(
  _ assessed: [Assessment], _ runs: [[TrainingRun]], _ measures: [MapMeasures], _ study: Study,
  _ plan: ClassifyPlan,
  _ report: inout ReportFolder
) throws {
  report.report.addHeading("Comparison of the networks")
  try addWinners(assessed, plan, &report)
  try addFactors(assessed, &report)
  report.report.addHeading("Strengths and weaknesses", depth: 2)
  report.addPrinted(strengths(assessed, plan))
  report.report.addHeading("Key findings", depth: 2)
  report.addPrinted(findings(assessed, runs, measures, study))
  try addDeployment(assessed, plan, &report)
}

/// One line of the comparison.
private struct Criterion {
  let name: String
  let cell: (Assessment) -> Table.Cell
  /// What follows a factor, "fewer parameters", where less is better; nil for rates on the test images, where more is
  /// better, the difference is in points, and a winner needs evidence.
  var phrase: String?

  var isCounted: Bool { phrase == nil }

  /// The better one's place, nil when both are equal.
  func winner(_ values: [Double]) -> Int? {
    values[0] == values[1] ? nil : (values[0] > values[1]) == isCounted ? 0 : 1
  }
}

private func criteria(_ plan: ClassifyPlan) -> [Criterion] {
  [
    Criterion(name: "Test accuracy", cell: { .proportion($0.accuracy) }),
    Criterion(name: "Precision", cell: { .percent($0.classes.macroAverage.precision) }),
    Criterion(name: "Recall", cell: { .percent($0.classes.macroAverage.recall) }),
    Criterion(name: "F1", cell: { .percent($0.classes.macroAverage.f1) }),
    Criterion(
      name: "Parameters", cell: { .integer($0.summary.parameterCount) }, phrase: "fewer parameters"),
    Criterion(
      name: "Size with buffers, MiB", cell: { .number($0.summary.mebibytes, decimals: 2) },
      phrase: "less to store"),
    Criterion(
      name: "Multiply-adds an image", cell: { .integer($0.summary.multiplyAdds) },
      phrase: "fewer multiply-adds"),
    Criterion(
      name: "Inference time, one image, median ms",
      cell: { .number($0.latency[0].median * 1e3, decimals: 3) }, phrase: "less time for an image"),
    Criterion(
      name: "Training time, s", cell: { .number($0.run.history.seconds, decimals: 1) },
      phrase: "less time to train"),
    Criterion(
      name: "Memory of a training step, MiB (calculated)",
      cell: { .number($0.trainingMebibytes(batchSize: plan.batchSize), decimals: 1) },
      phrase: "less memory to train"),
  ]
}

private func addWinners(_ assessed: [Assessment], _ plan: ClassifyPlan, _ report: inout ReportFolder) throws {
  let pValue = assessed.mcNemar.pValue
  var table = Table(
    "Both networks",
    columns: ["Criterion"] + assessed.map { Table.Column($0.architecture.title) } + ["Winner"],
    note:
      "Rates on the test images have a winner only when McNemar's exact test shows a difference (here p = "
      + "\(Table.Cell.significant(pValue).text)); all of them are about the same \(assessed[0].test.count) images. Memory: "
      + "weights, gradients, Adam's two means, and every layer's output for a batch of \(plan.batchSize).")
  for criterion in criteria(plan) {
    let cells = assessed.map(criterion.cell)
    let winner = criterion.winner(cells.map { $0.value ?? .nan })
    let isShown = !criterion.isCounted || pValue < significance
    table.append(
      [.text(criterion.name)] + cells + [
        .text(
          isShown ? winner.map { assessed[$0].architecture.title } ?? "equal" : "no difference shown")
      ])
  }
  try report.addPrinted(table, file: "comparison.csv")
}

/// How many times as much the second network has or needs.
private struct Factors {
  let parameters, size, multiplyAdds, latency, training: Double

  init(_ assessed: [Assessment]) {
    func ratio(_ value: (Assessment) -> Double) -> Double { value(assessed[1]) / value(assessed[0]) }
    parameters = ratio { Double($0.summary.parameterCount) }
    size = ratio { $0.summary.mebibytes }
    multiplyAdds = ratio { Double($0.summary.multiplyAdds) }
    latency = ratio { $0.latency[0].median }
    training = ratio { $0.run.history.seconds / Double($0.lastEpochs) }
  }
}

extension Assessment {
  /// How many epochs its training had.
  fileprivate var lastEpochs: Int { run.history.epochs.count }
}

private func addFactors(_ assessed: [Assessment], _ report: inout ReportFolder) throws {
  let factors = Factors(assessed)
  var comparison = DocumentComparison(
    "ResNetSmall divided by SimpleCNN",
    note:
      "The document's time factor is far below the factor of the multiply-adds: its small network is slowed by overhead."
  )
  comparison.append(
    "Parameters", document: .number(4.5, decimals: 1), measured: .number(factors.parameters, decimals: 2))
  comparison.append("Size", document: .number(4.5, decimals: 1), measured: .number(factors.size, decimals: 2))
  comparison.append(
    "Inference time", document: .number(9.2, decimals: 1), measured: .number(factors.latency, decimals: 1))
  comparison.append(
    "Training time of an epoch", document: .empty, measured: .number(factors.training, decimals: 1))
  comparison.append("Multiply-adds", document: .empty, measured: .number(factors.multiplyAdds, decimals: 1))
  try report.addPrinted(comparison.table, file: "comparison_document.csv")
}

private func decimals(_ value: Double, _ places: Int = 1) -> String {
  Table.Cell.number(value, decimals: places).text
}

/// What each network is better and worse in, and by how much.
private func strengths(_ assessed: [Assessment], _ plan: ClassifyPlan) -> [String] {
  let isShown = assessed.mcNemar.pValue < significance
  var won = [[String]](repeating: [], count: 2)
  for criterion in criteria(plan) where isShown || !criterion.isCounted {
    let values = assessed.map { criterion.cell($0).value ?? .nan }
    guard let winner = criterion.winner(values) else { continue }
    won[winner].append(
      criterion.phrase.map { "\(decimals(values[1 - winner] / values[winner])) times \($0)" }
        ?? "\(points(values[winner] - values[1 - winner])) points of \(criterion.name)")
  }
  func list(_ items: [String]) -> String { items.isEmpty ? "nothing" : items.joined(separator: ", ") }
  let lines = [0, 1].map { place in
    "Strengths of \(assessed[place].architecture.title), and weaknesses of \(assessed[1 - place].architecture.title): "
      + list(won[place]) + "."
  }
  let test = assessed.mcNemar
  return lines + [
    "Accuracy, precision, recall and F1 are judged by the same \(assessed[0].test.count) images; a difference "
      + (isShown
        ? "is shown"
        : "(\(points(assessed[1].test.accuracy - assessed[0].test.accuracy)) points of accuracy) is not shown")
      + " by McNemar's exact test, p = \(Table.Cell.significant(test.pValue).text)."
  ]
}

private func findings(
  _ assessed: [Assessment], _ runs: [[TrainingRun]], _ measures: [MapMeasures], _ study: Study
) -> [String] {
  let (small, large, factors) = (assessed[0], assessed[1], Factors(assessed))
  let difference = points(large.test.accuracy - small.test.accuracy)
  let p = Table.Cell.significant(assessed.mcNemar.pValue).text
  let perClass = study.data.training.count / 10
  func gap(_ run: TrainingRun) -> Double {
    run.lastRecord.trainingAccuracy - (run.bestRecord.validationAccuracy ?? .nan)
  }
  func width(_ one: Assessment) -> String {
    let interval = one.accuracy.interval()
    return decimals(100 * (interval.upperBound - interval.lowerBound), 0)
  }
  func insertion(_ one: Assessment) -> String {
    spread(
      measures.first { $0.architecture == one.architecture && $0.method == .gradCAM }?.insertionGain
        ?? Summary([]))
  }
  var lines = [
    "Accuracy against cost: \(decimals(factors.multiplyAdds)) times the multiply-adds and \(decimals(factors.latency)) times the "
      + "time bring \(difference) points (p = \(p)) on \(small.test.count) test images (\(Table.Cell.proportion(small.accuracy).text) against "
      + "\(Table.Cell.proportion(large.accuracy).text)).",
    "Architecture: \(small.architecture.title) was best in epoch \(small.run.best.epoch), \(large.architecture.title) in epoch "
      + "\(large.run.best.epoch); gaps between final training and best validation accuracy are \(points(gap(small.run))) and "
      + "\(points(gap(large.run))) points. (The document calls 18 points smaller than 17.)",
    "Limits of the data: about \(perClass) training images a class and \(small.test.count) test images, so that the intervals "
      + "of both accuracies are \(width(small)) and \(width(large)) points wide: one image is "
      + "\(decimals(100 / Double(small.test.count))) points.",
    "Interpretability against accuracy: the gain in insertion area of Grad-CAM is \(insertion(small)) for "
      + "\(small.architecture.title) and \(insertion(large)) for \(large.architecture.title), accuracies "
      + "\(decimals(100 * small.test.accuracy)) and \(decimals(100 * large.test.accuracy)) %.",
  ]
  if runs[0].count > 1 {
    let means = runs.map { Summary($0.map(\.test.accuracy)) }
    lines.append(
      "Chance in training: over \(runs[0].count) seeds the accuracy of \(small.architecture.title) has mean "
        + "\(decimals(100 * means[0].mean)) % and deviation \(decimals(100 * means[0].standardDeviation)) points, that of "
        + "\(large.architecture.title) \(decimals(100 * means[1].mean)) % and \(decimals(100 * means[1].standardDeviation))."
    )
  }
  return lines
}

/// Which network to use for what, by rules over the measured numbers (requirement D4.51).
private func addDeployment(_ assessed: [Assessment], _ plan: ClassifyPlan, _ report: inout ReportFolder)
  throws
{
  let (small, large) = (assessed[0], assessed[1])
  let isShown = assessed.mcNemar.pValue < significance
  let better = small.test.accuracy > large.test.accuracy ? small : large
  // a larger cost has to be earned by accuracy that was shown
  let worthIt = isShown ? better : small
  let evidence = isShown ? "its accuracy is shown to be higher" : "no higher accuracy of the other is shown"
  func milliseconds(_ one: Assessment) -> String { decimals(one.latency[0].percentile95 * 1e3, 2) }
  let quick = assessed.filter { $0.latency[0].percentile95 < 0.020 }
  let video = quick.contains { $0.architecture == worthIt.architecture } ? worthIt : quick.first
  let throughput = ClassifyPlan.timedBatches.count - 1
  func rate(_ one: Assessment) -> String {
    decimals(Double(ClassifyPlan.timedBatches[throughput]) / one.latency[throughput].median, 0)
  }
  var table = Table(
    "Which network for what", columns: ["Use", "Rule", "Network", "Reason"],
    note: "Times are of this machine, \(ThreadPool.threadCount) threads.")
  func append(_ use: String, _ rule: String, _ network: Assessment?, _ reason: String) {
    table.append([.text(use), .text(rule), .text(network?.architecture.title ?? "neither"), .text(reason)])
  }
  append(
    "mobile app", "smallest file", small,
    "\(decimals(small.summary.mebibytes, 2)) MiB against \(decimals(large.summary.mebibytes, 2))")
  append(
    "cloud API", "higher accuracy if shown, else more images a second", worthIt,
    "\(evidence); \(rate(worthIt)) images a second in batches of \(ClassifyPlan.timedBatches[throughput])")
  append(
    "Raspberry Pi", "fewest multiply-adds", small,
    "\(decimals(Double(small.summary.multiplyAdds) / 1e6)) * 10^6 an image against "
      + decimals(Double(large.summary.multiplyAdds) / 1e6))
  append(
    "research", "highest measured accuracy", better,
    "\(decimals(100 * better.test.accuracy)) %" + (isShown ? "" : ", a difference that is not shown"))
  append(
    "real-time video, less than 20 ms", "95 % of images within 20 ms; of these as for the cloud", video,
    assessed.map { "\($0.architecture.title) \(milliseconds($0)) ms" }.joined(separator: ", "))
  try report.addPrinted(table, file: "deployment.csv")
}
