import Defenses
import ProgramSupport
import Reporting
import TensorCore

/// Looks for points inside certified radii at which the smoothed classifier answers differently; there should be none.
func checkSoundness(_ contenders: [Contender], _ study: Study, _ report: inout ReportFolder) throws {
  let plan = study.plan
  let smoothed = contenders.smoothed
  let noise = try plan.noise()
  let classifier = SmoothedClassifier(
    try smoothed.robustness.network.model.prepared(for: study.data.test.inputShape), noise: noise)
  let certified = smoothed.certification.records.filter { !$0.certificate.isAbstention }
  let records = Array(certified.prefix(plan.challenge.images ?? certified.count))
  report.report.addHeading("Soundness")
  guard !records.isEmpty else {
    report.report.addParagraph("No image is certified, so there is nothing to check.")
    return
  }
  var challenge = CertificateChallenge()
  let points = (plan.challenge.points + records.count - 1) / records.count
  challenge.attacks = max(1, points / 5)
  challenge.randomDirections = points - challenge.attacks
  (challenge.finalists, challenge.finalDraws) = (plan.challenge.finalists, plan.challenge.finalDraws)
  let progress = ProgressLine("soundness check", total: records.count, unit: "images")
  let result = try challenge(
    classifier, on: study.data.test, records: records,
    key: RandomKey(seed: study.options.seed).derived("challenge"), progress: { _, _ in progress.advance() })
  progress.finish("\(result.violations.count) violations")

  let verdict =
    result.violations.isEmpty
    ? "No violation" : "\(result.violations.count) certificates do not hold"
  report.report.addParagraph(
    "\(result.perturbations) changed images inside the certified radii of \(result.samples) images that the smoothed "
      + "network certifies: \(challenge). A violation is an upper bound (alpha \(challenge.failureProbability)) on the "
      + "certified class's probability below 1/2. \(verdict).")
  var table = Table(
    "The ten worst changed images",
    columns: [
      "Image", "Certified class", "Radius", "Distance", "Found by", "Ranking draws", "Fresh draws",
      "Upper bound",
      "Violation",
    ], note: "Of \(result.perturbations); ranked by how rarely noisy copies get the certified class.")
  for one in result.finalists.prefix(10) {
    table.append([
      .integer(one.index), .integer(one.label), .number(one.radius), .number(one.distance),
      .text(one.isAttack ? "projected gradient" : "random direction"), .proportion(one.rankingRate),
      .proportion(one.rate), .number(one.upperBound), .text(one.isViolation ? "yes" : "no"),
    ])
  }
  try report.add(table, file: "soundness.csv")
  print(table.text)
  print("\(verdict) among \(result.perturbations) changed images within certified radii.")
}
