import Attacks
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// What the document and the code behind it report beside what this run measured.
func summarize(
  _ clipped: [Study.Run<Net>], _ unclipped: [Study.Run<Net>], _ attacked: Robustness, _ hardened: Hardened,
  _ transfers: [TransferResult], _ study: Study, _ report: inout ReportFolder
) throws {
  let accuracies = [clipped, unclipped].map { Summary($0.map(\.test.accuracy)) }
  let documented = try documentedReport()
  let measured = ClassificationReport(clipped[0].test.confusion)
  var comparison = DocumentComparison(
    "Document 0 and this run",
    note:
      "The document's numbers came about with clipping. Its classification report is that of one run; here run 0's."
  )
  comparison.append(
    "Test accuracy, clipped (mean of \(clipped.count) runs)", document: .percent(0.9096),
    measured: .percent(accuracies[0].mean), tolerance: 0.015)
  for (digit, (theirs, ours)) in zip(documented.classes, measured.classes).enumerated() {
    comparison.append(
      "F1 of digit \(digit)", document: .number(theirs.f1, decimals: 2),
      measured: .number(ours.f1, decimals: 2),
      tolerance: 0.04)
  }
  comparison.append(
    "F1, macro average", document: .number(documented.macroAverage.f1, decimals: 2),
    measured: .number(measured.macroAverage.f1, decimals: 2), tolerance: 0.02)
  comparison.append(
    "F1, weighted average", document: .number(documented.weightedAverage.f1, decimals: 2),
    measured: .number(measured.weightedAverage.f1, decimals: 2), tolerance: 0.02)

  var code = DocumentComparison(
    "The code behind the document and this run",
    note: "The document has none of these. One run of that code each, its split and its seeds unknown.")
  code.append(
    "Test accuracy, unclipped (mean of \(unclipped.count) runs)", document: .percent(0.9616),
    measured: .percent(accuracies[1].mean), tolerance: 0.01)
  code.append(
    "Accuracy under projected gradient, clipped", document: .percent(0.4220),
    measured: .proportion(attacked.headline.robustAccuracy), tolerance: 0.12)
  code.append(
    "Accuracy after adversarial training", document: .percent(0.9743),
    measured: .proportion(successes: hardened.run.test.correct, count: hardened.run.test.count),
    tolerance: 0.015)
  code.append(
    "The same under projected gradient", document: .percent(0.8430),
    measured: .proportion(hardened.robustness.headline.robustAccuracy), tolerance: 0.06)
  code.append(
    "Transfer to the perceptron", document: .percent(0.6667), measured: .proportion(transfers[0].rate))
  report.report.addHeading("Document and measurement")
  try report.add(comparison, file: "comparison.csv")
  try report.add(code, file: "comparison_code.csv")
  print(comparison.table.text)
  print(code.table.text)

  try report.metrics.addHeadline("test_accuracy_clipped", accuracies[0].mean)
  try report.metrics.addHeadline("test_accuracy_unclipped", accuracies[1].mean)
  try report.metrics.addHeadline("pgd_robust_accuracy", attacked.headline.robustAccuracy.estimate)
  try report.metrics.addHeadline("adversarial_training_clean_accuracy", hardened.run.test.accuracy)
  try report.metrics.addHeadline(
    "adversarial_training_pgd_accuracy", hardened.robustness.headline.robustAccuracy.estimate)
  try report.metrics.addHeadline("transfer_rate", transfers[0].rate.estimate)
  try report.metrics.addHeadline("train_seconds", study.seconds)
}
