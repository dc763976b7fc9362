import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Problem C: prunes both networks of problem A, and measures accuracy, size, time and robustness of what is left, beside
/// other ways to make a network smaller.
func prune(_ study: Study, _ plan: PrunePlan) throws {
  let options = study.options.part("prune")
  let originals = try Architecture.allCases.map { try study.load($0, .original) }
  var report = try options.openReport(
    title: "Document 4, problem C: pruning of the sports networks", settings: plan.settings,
    isSynthetic: study.data.isSynthetic)
  describePruning(study, plan, &report)

  let runs = try originals.map { try PruningRun($0, study, plan) }
  try reportPruning(runs, plan, &report)
  try reportLayers(runs, plan, &report)
  try compareAllocations(runs, study, plan, &report)
  try scanSensitivity(runs, plan, &report)
  try testLotteryTicket(runs[0], study, plan, &report)
  let forms = try runs.map { try CompressedForms($0, study, plan) }
  try reportForms(forms, plan, &report)
  let times = try forms.map { try PruningTimes($0, plan) }
  try reportTimes(times, plan, &report)
  let robustness = try runs.map { try PruningRobustness($0, study, plan) }
  try reportRobustness(robustness, study, plan, &report)
  try compareDefences(runs[0], study, plan, &report)
  try reportDeployments(runs, forms, study, plan, &report)
  let overviews = zip(runs, zip(forms, zip(times, robustness))).map { run, rest in
    PruningOverview(run: run, forms: rest.0, times: rest.1.0, robustness: rest.1.1)
  }
  try drawPruning(overviews, &report)
  try summarizePruning(overviews, plan, &report)
  try options.close(report)
}

/// What is done and what the numbers mean (requirements D4.82 to D4.85, D4.137 to D4.143).
private func describePruning(_ study: Study, _ plan: PrunePlan, _ report: inout ReportFolder) {
  report.report.addHeading("Networks and images")
  let judged = plan.trainingImages.map { "the first \($0)" } ?? "all \(study.data.training.count)"
  report.addPrinted([
    "Each network is the one that `sports classify` saved, and reaches the accuracy that its file records; a file that does "
      + "not would have ended the run. (The document's own experiment began with untrained networks: its \"original\" models are "
      + "right on 8 and 6 % of the images.)",
    "The weights of convolution and linear layers with the smallest magnitudes in the whole network become 0: "
      + "k = sparsity x number of weights, exactly. Biases and batch norm stay. Masks hold during fine-tuning and become "
      + "permanent after it.",
    "Fine-tuning: Adam, rate \(plan.learningRate), no decay, \(plan.epochs) epochs, batches of \(plan.batchSize), the training "
      + "images without augmentation. The last epoch's weights count, so no image chose an epoch here.",
    study.data.isTestSeparate
      ? "The test images had no part in choosing the networks."
      : "The \(study.data.test.count) test images are those of validation, which chose the original networks' epoch. One of them is "
        + "\(Table.Cell.number(100 / Double(study.data.test.count), decimals: 1).text) points.",
    "Where a table says TRAINING images, these are \(judged) images that the networks learned from: many, so that small losses "
      + "show, but what stands there is no accuracy on new images.",
    "p is McNemar's exact test on the same images. Below \(significance) a difference is claimed, where several are compared at "
      + "once below \(significance) divided by their number.",
  ])
}
