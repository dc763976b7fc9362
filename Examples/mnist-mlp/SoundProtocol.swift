import Attacks
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Chooses family, lambda and epoch on held-out training images, then touches the test set once (requirement D3.28).
func repeatSoundly(_ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("The sound protocol")
  let width = study.plan.widths[0]
  let families = try [[784, 10], [784, width, 10], [784, width, width / 2, 10]].map {
    try study.train($0, epochs: study.plan.choiceEpochs, by: .sound)
  }
  func lowest(_ runs: [Study.Run]) -> Study.Run {
    guard
      let run = runs.min(by: {
        ($0.lowestLoss.validationLoss ?? .nan) < ($1.lowestLoss.validationLoss ?? .nan)
      })
    else { preconditionFailure("no runs to choose from") }
    return run
  }
  let family = lowest(families).widths
  let runs = try study.plan.lambdas.map {
    try study.train(family, lambda: $0, epochs: study.plan.penaltyEpochs, by: .sound)
  }
  var table = Table(
    "Selection on held-out training images",
    columns: ["Model", "lambda", "Epochs", "Lowest held-out loss", "at epoch"],
    note: "Trained on nine tenths of the training images, judged on the last tenth, stratified.")
  for run in families + runs {
    table.append([
      .text(Study.name(run.widths)), .significant(Double(run.lambda)), .integer(run.history.epochs.count),
      .number(run.lowestLoss.validationLoss ?? .nan), .integer(run.lowestLoss.epoch),
    ])
  }
  try report.add(table, file: "sound_selection.csv")
  let chosen = lowest(runs)
  let evaluation = try chosen.best.evaluate(on: study.test)
  var result = Table(
    "The one look at the test set",
    columns: ["Model", "lambda", "Epoch", "Test accuracy", "Test loss"],
    note:
      "Model, lambda and epoch were chosen on held-out training images; the weights are those of that epoch.")
  result.append([
    .text(Study.name(chosen.widths)), .significant(Double(chosen.lambda)), .integer(chosen.lowestLoss.epoch),
    .proportion(successes: evaluation.correct, count: evaluation.count), .number(evaluation.loss),
  ])
  try report.add(result, file: "sound_result.csv")
  print(result.text)
}

/// Accuracy under the fast gradient sign method for the three families side by side (requirement D3.30).
func attackFamilies(_ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Under attack")
  let width = study.plan.widths[0]
  let families = [[784, 10], [784, width, 10], [784, width, width / 2, 10]]
  let models = try families.map { try study.train($0, epochs: study.plan.bestEpochs).last }
  let radii: [Float] = [0, 0.01, 0.02, 0.05, 0.1, 0.2]
  let count = min(study.plan.attackedImages, study.test.count)
  let batch = study.test.batch(at: Array(0..<count), epoch: 0)
  var table = Table(
    "Accuracy under the fast gradient sign method",
    columns: ["eps"] + families.map { Table.Column(Study.name($0)) },
    note: "Untargeted, one step, clipped to [0, 1]; the first \(count) test images; correct before and after."
  )
  var chart = LineChart(
    "Accuracy under the fast gradient sign method", x: Axis("eps"),
    y: Axis("Accuracy", unit: .percent, range: 0...1))
  var shares = [[Proportion]](repeating: [], count: models.count)
  for radius in radii {
    for (index, model) in models.enumerated() {
      let result = try judge(
        FastGradient(budget: LInfBall(radius: radius)), against: LayerClassifier(model), on: batch,
        key: RandomKey(seed: study.options.seed))
      shares[index].append(result.robustAccuracy)
    }
    table.append(
      [.number(Double(radius), decimals: 2)]
        + shares.map { .proportion(successes: $0[$0.count - 1].successes, count: $0[$0.count - 1].count) })
  }
  for (index, widths) in families.enumerated() {
    chart.series.append(
      .init(
        Study.name(widths), x: radii.map(Double.init), y: shares[index].map(\.estimate),
        band: shares[index].map { $0.interval() }, showsPoints: true, color: index))
  }
  try report.add(table, file: "adversarial_accuracy.csv")
  try report.add(
    chart, file: "figures/adversarial_accuracy.png", caption: "Bands are 95 % Clopper-Pearson intervals.")
  print(table.text)
}

/// What the document reports beside what this run measured.
func summarize(
  _ best: BestResult, _ penalty: PenaltyResult, _ study: Study, _ report: inout ReportFolder
) throws {
  let accuracy = Summary(best.accuracies)
  let chosen = penalty.chosen
  let loss = chosen.lowestLoss.validationLoss ?? .nan
  let highest = chosen.highestAccuracy.validationAccuracy ?? .nan
  var comparison = DocumentComparison(
    "Document 3 and this run", note: "Document's protocol: everything is selected on the test set.")
  comparison.append(
    "Accuracy of the best perceptron (mean of \(accuracy.count) runs)", document: .percent(0.9805),
    measured: .percent(accuracy.mean), tolerance: 0.003)
  comparison.append(
    "Standard deviation over the runs", document: .empty, measured: .percent(accuracy.standardDeviation))
  comparison.append(
    "Best lambda", document: .significant(3e-5), measured: .significant(Double(chosen.lambda)))
  for run in penalty.runs {
    guard let reference = documentedPenalties[run.lambda] else { continue }
    let lambda = Table.Cell.significant(Double(run.lambda)).text
    comparison.append(
      "Lowest test loss at lambda \(lambda)", document: .number(reference.loss),
      measured: .number(run.lowestLoss.validationLoss ?? .nan), tolerance: 0.006)
    comparison.append(
      "Highest test accuracy at lambda \(lambda)", document: .percent(reference.accuracy),
      measured: rate(run.highestAccuracy.validationAccuracy, study.test.count), tolerance: 0.003)
  }
  report.report.addHeading("Document and measurement")
  try report.add(comparison, file: "comparison.csv")
  print(comparison.table.text)
  try report.metrics.addHeadline("best_mlp_test_accuracy", accuracy.mean)
  try report.metrics.addHeadline("best_mlp_seeds", accuracy.count)
  try report.metrics.addHeadline("l2_best_lambda", Double("\(chosen.lambda)") ?? Double(chosen.lambda))
  try report.metrics.addHeadline("l2_best_test_loss", loss)
  try report.metrics.addHeadline("l2_best_test_accuracy", highest)
  try report.metrics.addHeadline("train_seconds", study.seconds)
}
