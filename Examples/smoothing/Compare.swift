import Attacks
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// A network with what attacks and certification came to.
struct Contender {
  let robustness: Robustness
  let certification: CertificationResult
  var name: String { robustness.network.name }
}

extension [Contender] {
  /// The document's three, without further methods.
  var documented: [Contender] { filter { Variant(rawValue: $0.name) != nil } }

  /// The one that was trained for smoothing.
  var smoothed: Contender {
    guard let smoothed = first(where: { $0.name == Variant.smoothed.rawValue }) else {
      preconditionFailure("smoothed: not among \(map(\.name))")
    }
    return smoothed
  }
}

/// Program 4: loads the three networks, certifies each by randomized smoothing, and compares (requirement D1.18).
func compare(_ study: Study) throws {
  let (options, plan) = (study.options, study.plan)
  // before anything is written: a missing network is found at once
  var networks = try Variant.allCases.map { try study.load($0.rawValue, madeBy: $0) }
  if let method = plan.method { networks.append(try study.load(method.networkName, madeBy: method.variant)) }
  let sweep = try Sweep(study)
  let count = min(study.data.test.count, plan.certifiedImages ?? study.data.test.count)
  let noise = try plan.noise()
  try plan.certification.check(noise)
  var report = try study.openReport(
    options, title: "Document 1: certified robustness of three networks",
    [
      "sigma": .number(Double(plan.sigma)), "noise": .string(noise.description),
      "selection_draws": .integer(plan.certification.selectionDraws),
      "estimation_draws": .integer(plan.certification.estimationDraws),
      "failure_probability": .number(plan.certification.failureProbability),
      "certified_images": .integer(count),
    ])
  let largest = plan.certification.largestRadius(noise)
  print(
    "\(noise); \(plan.certification). No certificate reaches further than \(decimals(Float(largest), 4)); "
      + "at least \(plan.certification.leastCountToCertify ?? 0) of \(plan.certification.estimationDraws) draws must "
      + "agree.")
  let contenders = try networks.map { network in
    Contender(
      robustness: try Robustness(network, study),
      certification: try study.certify(
        network, noise, plan.certification, samples: Array(0..<count), label: network.name))
  }
  try reportComparison(contenders, noise, study, &report)
  try reportCurves(contenders.map { ($0.name, $0.certification) }, file: "certified_accuracy", &report)
  try checkSoundness(contenders, study, &report)
  try sweep?.run(study, &report)
  try addHeadline(contenders, largest, &report)
  try options.close(report)
}

/// All that is compared, in one table (requirements D1.20, D1.32).
private func reportComparison(
  _ contenders: [Contender], _ noise: SmoothingNoise, _ study: Study, _ report: inout ReportFolder
) throws {
  let settings = contenders[0].certification.settings
  let largest = Table.Cell.number(settings.largestRadius(noise), decimals: 4).text
  report.report.addHeading("Three networks")
  report.report.addList(contenders.map { "\($0.name): \($0.robustness.network.method)" })
  report.report.addParagraph(
    "Certified is the smoothed classifier g(x) = argmax_c P[f(x + e) = c], e ~ N(0, sigma^2 I), with each network as f: "
      + "\(noise), the clamping being part of f. \(settings.selectionDraws) draws choose the class, "
      + "\(settings.estimationDraws) fresh ones bound its probability p from below (Clopper-Pearson, alpha = "
      + "\(settings.failureProbability)); where p <= 1/2 it abstains, else it answers the same within sigma * "
      + "PhiInv(p) in the L2 norm, with probability at least 1 - alpha. Even if all draws agree the radius is "
      + "\(largest): curves that end there were cut off by the number of draws.")
  let accuracy = Table(
    accuracyOf: contenders.map(\.robustness), title: "Accuracy, clean and under attack", study)
  try report.add(accuracy, file: "accuracy.csv")
  print(accuracy.text)
  var table = Table(
    "Clean, adversarial and certified",
    columns: [
      "Network", "Clean accuracy", "L2, one step", "L-infinity, one step", "Certified correctly",
      "Certified wrongly",
      "Abstained", "Mean radius, all", "Mean radius, certified", "Largest radius", "Seconds an image",
    ],
    note:
      "Mean radius over all images counts 0 where the true class is not certified. A radius cannot exceed \(largest)."
  )
  for one in contenders {
    let result = one.certification
    table.append([
      .text(one.name),
      .proportion(successes: one.robustness.network.test.correct, count: one.robustness.network.test.count),
      .proportion(one.robustness.l2.attackedAccuracy), .proportion(one.robustness.lInf.attackedAccuracy),
      .proportion(result.certifiedCorrect), .proportion(result.certifiedWrong), .proportion(result.abstained),
      .number(result.meanRadiusOfAll), .number(result.meanRadiusOfCertified),
      result.largestRadius.map { .number($0) } ?? .empty,
      .significant(result.seconds / Double(max(1, result.records.count))),
    ])
  }
  try report.add(table, file: "comparison.csv")
  print(table.text)
  report.report.addList(
    contenders.filter { $0.name != contenders.smoothed.name }.map { difference(contenders.smoothed, $0) })
  try addOthers(contenders, &report)
}

/// A sentence on whether one network certifies more images than another, from McNemar's exact test.
private func difference(_ first: Contender, _ second: Contender) -> String {
  let test = McNemarTest(
    first: first.certification.records.map(\.isCertifiedCorrect),
    second: second.certification.records.map(\.isCertifiedCorrect))
  let evidence =
    "(\(test.onlyFirst) images only by the first, \(test.onlySecond) only by the second; McNemar's exact test, p = "
    + "\(Table.Cell.significant(test.pValue).text))"
  guard test.pValue < 0.05 else {
    return
      "Between \(first.name) and \(second.name) no difference in images certified correctly is shown \(evidence)."
  }
  let (better, worse) = test.onlyFirst > test.onlySecond ? (first, second) : (second, first)
  return "\(better.name) certifies more images correctly than \(worse.name) \(evidence)."
}

/// What two other solutions of the same exercise report, because the document has no numbers.
private func addOthers(_ contenders: [Contender], _ report: inout ReportFolder) throws {
  var table = Table(
    "Two other solutions of the exercise and this run",
    columns: ["Quantity", Table.Column("Others", alignment: .trailing), "Measured"],
    note:
      "The document has no numbers. The others drew n0 = 100 and n = 1,000 and took a class of probability bound "
      + "1/2 or more; orderings and ranges are what compares. Accuracy above clean accuracy under the attack trained "
      + "on is label leaking: one step gives the label away.")
  let others: [(clean: String, l2: String, lInf: String, certified: String)] = [
    ("95.2 to 95.9 %", "9.7 to 36 %", "2.7 to 30 %", "9.78 to 24.22 %"),
    ("69.6 to 70.8 %", "80 to 93 %", "", "21.29 to 21.41 %"), ("", "", "", "75.41 to 78.20 %"),
  ]
  for (one, theirs) in zip(contenders.documented, others) {
    let test = one.robustness.network.test
    table.append([
      .text("\(one.name), clean accuracy"), .text(theirs.clean),
      .proportion(successes: test.correct, count: test.count),
    ])
    table.append([
      .text("\(one.name), L2 accuracy"), .text(theirs.l2), .proportion(one.robustness.l2.attackedAccuracy),
    ])
    table.append([
      .text("\(one.name), L-infinity accuracy"), .text(theirs.lInf),
      .proportion(one.robustness.lInf.attackedAccuracy),
    ])
    table.append([
      .text("\(one.name), certified correctly"), .text(theirs.certified),
      .proportion(one.certification.certifiedCorrect),
    ])
  }
  let smoothed = contenders.smoothed.certification
  table.append([
    .text("smoothed, mean radius of certified"), .text("0.98"), .number(smoothed.meanRadiusOfCertified),
  ])
  table.append([
    .text("smoothed, mean radius of all"), .text("about 0.74"), .number(smoothed.meanRadiusOfAll),
  ])
  try report.add(table, file: "others.csv")
  print(table.text)
}

private func addHeadline(_ contenders: [Contender], _ largest: Double, _ report: inout ReportFolder) throws {
  for one in contenders.documented {
    let result = one.certification
    try report.metrics.addHeadline("\(one.name)_clean_accuracy", one.robustness.network.test.accuracy)
    try report.metrics.addHeadline("\(one.name)_l2_accuracy", one.robustness.l2.attackedAccuracy.estimate)
    try report.metrics.addHeadline("\(one.name)_linf_accuracy", one.robustness.lInf.attackedAccuracy.estimate)
    try report.metrics.addHeadline("\(one.name)_certified_correct", result.certifiedCorrect.successes)
    try report.metrics.addHeadline("\(one.name)_abstained", result.abstained.successes)
    try report.metrics.addHeadline("\(one.name)_mean_radius_all", result.meanRadiusOfAll)
    // a mean over no image is no number
    let hasRadius = result.certifiedCorrect.successes > 0
    try report.metrics.addHeadline(
      "\(one.name)_mean_radius_certified", hasRadius ? result.meanRadiusOfCertified : 0)
  }
  let result = contenders[0].certification
  try report.metrics.addHeadline("certify_images", result.records.count)
  try report.metrics.addHeadline("certify_samples", result.settings.estimationDraws)
  try report.metrics.addHeadline(
    "certify_seconds", contenders.documented.reduce(0) { $0 + $1.certification.seconds })
  try report.metrics.addHeadline("largest_radius", largest)
}
