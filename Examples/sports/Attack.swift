import Attacks
import Datasets
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Problem B: attacks both networks of problem A in pixel space, the normalisation being part of the model, and doubts
/// what comes out.
func attack(_ study: Study, _ plan: AttackPlan) throws {
  let options = study.options.part("attack")
  let networks = try Architecture.allCases.map { try study.load($0, .original) }
  var report = try options.openReport(
    title: "Document 4, problem B: attacks on the sports networks", settings: plan.settings,
    isSynthetic: study.data.isSynthetic)
  let samples = AttackedSamples(study.data.test, limit: plan.samples, isTraining: false)
  let configurations = AttackConfiguration.documented(plan) + AttackConfiguration.further(plan)
  describeAttacks(configurations, samples, study, plan, &report)

  let attacked = try networks.map { try AttackedNetwork($0, configurations, samples, study) }
  let training = AttackedSamples(study.data.training, limit: plan.trainingSamples, isTraining: true)
  let learned = try networks.map {
    try AttackedNetwork($0, AttackConfiguration.forTraining(plan), training, study)
  }
  for one in attacked { try writeFiles(one, study, plan, report) }
  try reportAttacks(attacked, learned, plan, &report)
  try compareAttacks(attacked, plan, &report)
  try drawAdversarial(attacked, &report)
  try explainAdversarial(attacked, plan, &report)
  try measureStrength(attacked, study, plan, &report)
  let transfers = try reportTransfer(attacked, study, plan, &report)
  try attackEnsemble(attacked, study, plan, &report)
  try attackThroughSurrogates(attacked, study, plan, &report)
  try doubt(attacked, study, plan, &report)
  try summarize(attacked, transfers, plan, &report)
  try addReproducibility(attacked, samples, study, &report)
  try options.close(report)
}

/// The document's and further attacks with their settings, and what the numbers mean (requirements D4.75, D4.78).
private func describeAttacks(
  _ configurations: [AttackConfiguration], _ samples: AttackedSamples, _ study: Study, _ plan: AttackPlan,
  _ report: inout ReportFolder
) {
  report.report.addHeading("Attacks and images")
  report.report.addParagraph(
    "Images are attacked as pixels in [0, 1] and clipped there; the networks normalise inside. (The document clips "
      + "normalised values to [0, 1], which alone moves pixels by up to 2.) eps is in pixel units. Every changed image was "
      + "checked to be finite, in [0, 1] and within its radius, in double precision.")
  let preset = min(plan.documented, samples.count)
  let learned = min(plan.trainingSamples, study.data.training.count)
  let images: String =
    "\(samples.count) test images are attacked, one of each class in turn; the first \(preset) of them make the document's "
    + "preset, which is too small to compare anything. \(learned) training images follow, marked as such: the networks "
    + "learned from them, so clean accuracy there is too high."
  let selection: String =
    study.data.isTestSeparate
    ? "The test images had no part in choosing the networks."
    : "The test images are those of validation, which also chose the networks' epoch."
  let success: String =
    "Success of an untargeted attack: the prediction is not the true class. It is counted over all images, also those wrong "
    + "before, and over those first classified correctly. Success of a targeted attack: the prediction is the target, "
    + "\(Sports10.classNames[plan.target]); images of that class are set aside."
  let measures: String =
    "L2 and L-infinity are the lengths of the change in pixel units. Confidence is the softmax probability of the predicted "
    + "class, in targeted attacks that of the target."
  report.addPrinted([
    images, selection, success, measures,
    "Every rate is a count divided by a count, with its exact 95 % interval and n.",
  ])
  var table = Table("Settings of the attacks", columns: ["Folder", "Attack", "Target", "Settings"])
  for one in configurations {
    table.append([
      .text(one.folder), .text(one.method), .text(one.target.map { Sports10.classNames[$0] } ?? "none"),
      .text("\(one.attack)"),
    ])
  }
  report.report.add(table)
  report.metrics.add(table)
}

extension ReportFolder {
  /// Adds a rate to the headline: always a count divided by a count; 0 where nothing was
  /// counted, as the table beside it shows.
  mutating func addHeadline(_ name: String, _ rate: Proportion) throws {
    try metrics.addHeadline(name, rate.count > 0 ? rate.estimate : 0)
  }
}
