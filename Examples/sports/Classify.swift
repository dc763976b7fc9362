import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Problem A: trains both networks, judges, explains and compares them.
func classify(_ study: Study, _ plan: ClassifyPlan) throws {
  let options = study.options.part("classify")
  var report = try options.openReport(
    title: "Document 4, problem A: sports classification and explanations", settings: plan.settings,
    isSynthetic: study.data.isSynthetic, seeds: plan.seeds)
  try describeData(study, &report)
  try describeNetworks(study, &report)

  let runs = try Architecture.allCases.map { architecture in
    try plan.seeds.map { try study.train(architecture, plan, seed: $0) }
  }
  for run in runs { try study.saveVariants(run[0]) }
  try reportTraining(runs.map { $0[0] }, study, &report)

  // what later problems begin with, read as they will read it
  let assessed = try zip(Architecture.allCases, runs).map { architecture, runs in
    try Assessment(study.load(architecture, .original), runs[0], study, plan)
  }
  try reportEvaluation(assessed, study, &report)
  if plan.seeds.count > 1 { try compareSeeds(runs, study, &report) }

  let samples = try ExplainedSamples(study, plan)
  let explained = try assessed.map { try Explained($0, samples) }
  try drawMaps(explained, samples, study, &report)
  let measures = try measureMaps(explained, samples, study, plan, &report)
  try compareNetworks(assessed, runs, measures, study, plan, &report)
  try addHeadline(assessed, study, &report)
  try options.close(report)
}

private func addHeadline(_ assessed: [Assessment], _ study: Study, _ report: inout ReportFolder) throws {
  for one in assessed {
    let name = one.architecture.rawValue
    try report.metrics.addHeadline("\(name)_parameters", one.summary.parameterCount)
    try report.metrics.addHeadline("\(name)_size_mib", one.summary.mebibytes)
    try report.metrics.addHeadline("\(name)_valid_accuracy", one.run.bestRecord.validationAccuracy ?? 0)
    try report.metrics.addHeadline("\(name)_best_epoch", one.run.best.epoch)
    try report.metrics.addHeadline("\(name)_stopped_epoch", one.run.lastRecord.epoch)
    try report.metrics.addHeadline("\(name)_train_seconds", one.run.history.seconds)
    try report.metrics.addHeadline("\(name)_latency_ms_batch_1", one.latency[0].median * 1000)
  }
  try report.metrics.addHeadline("synthetic", study.data.isSynthetic ? 1 : 0)
  try report.metrics.addHeadline("train_images", study.data.training.count)
  try report.metrics.addHeadline("duplicates_dropped", study.data.sports.duplicates?.pairs.count ?? 0)
}
