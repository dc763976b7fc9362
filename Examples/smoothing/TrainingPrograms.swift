import Attacks
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Program 1: standard training (requirement D1.15).
func trainStandard(_ study: Study) throws {
  let options = study.options.part(Variant.standard.command)
  var report = try study.openReport(
    options, title: "Document 1: standard training", ["epochs": .integer(study.plan.epochs)])
  let (network, history) = try study.train(
    Variant.standard.rawValue, epochs: study.plan.epochs, method: "cross-entropy on the images as they are"
  ) { _ in }
  try describe(network, history, study, &report)
  let robustness = try Robustness(network, study)
  try judge([robustness], study, &report)
  try addHeadline(robustness, history, &report)
  try options.close(report)
}

/// Program 2: adversarial training by the L2 gradient attack, on adversarial examples alone and on clean images and
/// adversarial examples together (requirement D1.16).
func trainAdversarially(_ study: Study) throws {
  let plan = study.plan
  let options = study.options.part(Variant.adversarial.command)
  var report = try study.openReport(
    options, title: "Document 1: adversarial training", ["epochs": .integer(plan.adversarialEpochs)])
  let ball = L2Ball(radius: plan.radius.l2)
  let attack = FastGradient(budget: ball)
  // one step alone may be fooled: see D1.30
  let probe = RobustnessProbe(
    on: study.data.test, samples: study.watchedSamples, trainingAttack: attack,
    probeAttack: Robustness.strong(ball, plan))
  var runs = try [
    ("adversarial", AdversarialTraining(attack: attack, share: 1)),
    ("adversarial-and-clean", AdversarialTraining(attack: attack, share: 1, cleanWeight: 1)),
  ].map { name, defense in
    try study.train(name, epochs: plan.adversarialEpochs, method: defense.description) {
      $0.loss = defense
      $0.probe = probe
    }
  }
  if let method = plan.method, method.variant == .adversarial { runs.append(try study.train(method)) }
  for (network, history) in runs { try describe(network, history, study, &report) }
  let robustness = try runs.map { try Robustness($0.network, study) }
  try judge(robustness, study, &report)
  try addHeadline(robustness[0], runs[0].history, &report)
  try report.metrics.addHeadline("mixed_clean_accuracy", runs[1].network.test.accuracy)
  try report.metrics.addHeadline("mixed_l2_accuracy", robustness[1].l2.attackedAccuracy.estimate)
  try report.metrics.addHeadline("mixed_linf_accuracy", robustness[1].lInf.attackedAccuracy.estimate)
  try options.close(report)
}

/// Program 3: training under Gaussian noise, the base of the smoothed classifier (requirement D1.17).
func trainUnderNoise(_ study: Study) throws {
  let plan = study.plan
  let options = study.options.part(Variant.smoothed.command)
  var report = try study.openReport(
    options, title: "Document 1: training under Gaussian noise",
    ["epochs": .integer(plan.epochs), "sigma": .number(Double(plan.sigma))])
  var runs = try ([plan.sigma] + (plan.isSweep ? plan.sweepSigmas.filter { $0 != plan.sigma } : [])).map {
    sigma in
    let defense = NoiseTraining(noise: try plan.noise(sigma))
    return try study.train(study.smoothedName(sigma), epochs: plan.epochs, method: defense.description) {
      $0.loss = defense
    }
  }
  if let method = plan.method, method.variant == .smoothed { runs.append(try study.train(method)) }
  for (network, history) in runs { try describe(network, history, study, &report) }
  let robustness = try runs.map { try Robustness($0.network, study) }
  try judge(robustness, study, &report)
  try addHeadline(robustness[0], runs[0].history, &report)
  try options.close(report)
}

/// How a network was trained: loss and accuracy of every step.
private func describe(
  _ network: Study.Network, _ history: TrainingHistory, _ study: Study, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Training: \(network.name)")
  report.report.addParagraph(
    "\(network.method). \(history.epochs.count) epochs of \(study.data.train.count) images, batches of "
      + "\(study.plan.batchSize), Adam with rate \(study.plan.learningRate). \(network.model.parameterCount) parameters. "
      + "Accuracy on \(network.test.count) clean test images: "
      + Table.Cell.proportion(successes: network.test.correct, count: network.test.count).text + ".")
  try report.logToTensorBoard(history, name: network.name)
  var table = Table("Every step of \(network.name)", columns: ["Step", "Loss", "Accuracy"])
  for (place, step) in history.steps.enumerated() {
    table.append([.integer(place + 1), .number(step.loss), .percent(step.accuracy)])
  }
  try report.write(table, file: "steps_\(network.name).csv")
  var loss = LineChart("Loss of each step, \(network.name)", x: Axis("Step"), y: Axis("Cross-entropy"))
  loss.series.append(.init("", y: history.steps.map(\.loss)))
  var accuracy = LineChart(
    "Accuracy of each step, \(network.name)", x: Axis("Step"),
    y: Axis("Accuracy", unit: .percent, range: 0...1))
  accuracy.series.append(.init("", y: history.steps.map(\.accuracy)))
  try report.add(
    StackedCharts([loss, accuracy]).image(), file: "figures/training_\(network.name).png",
    caption: "On each step's batch as the step sees it, before its update.")
  try addWatch(network, history, study, &report)
}

/// What the probe saw at each epoch's end, and whether the training fell for its own attack (requirement D1.30).
private func addWatch(
  _ network: Study.Network, _ history: TrainingHistory, _ study: Study, _ report: inout ReportFolder
) throws {
  let count = study.watchedSamples.count
  guard history.epochs.contains(where: { $0.probed != nil }) else { return }
  var table = Table(
    "Watched after every epoch, \(network.name)",
    columns: ["Epoch", "Clean accuracy", "Training attack", "Projected gradient"],
    note:
      "The first \(count) test images, right before and after the attack. A gap between the two attacks is "
      + "catastrophic overfitting.")
  func rate(_ share: Double?) -> Table.Cell {
    share.map { .proportion(successes: Int(($0 * Double(count)).rounded()), count: count) } ?? .empty
  }
  for record in history.epochs {
    table.append([
      .integer(record.epoch), rate(record.probed?[RobustnessNames.cleanAccuracy]),
      rate(record.probed?[RobustnessNames.trainingAttackAccuracy]),
      rate(record.probed?[RobustnessNames.probeAccuracy]),
    ])
  }
  try report.add(table, file: "watch_\(network.name).csv")
  print(table.text)
  let collapses = CatastrophicOverfitting.found(in: history)
  let findings =
    collapses.isEmpty
    ? ["\(network.name): no catastrophic overfitting was seen."]
    : collapses.map { "\(network.name): \($0)." }
  report.report.addList(findings)
  findings.forEach { print($0) }
}

/// The accuracies of one program's networks, the picture, and the sweep where it is asked for.
private func judge(_ robustness: [Robustness], _ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Accuracy, clean and under attack")
  let table = Table(accuracyOf: robustness, title: "Accuracy on the test images", study)
  try report.add(table, file: "accuracy.csv")
  print(table.text)
  try drawExamples(robustness[0], study, &report)
  guard study.plan.isSweep else { return }
  report.report.addHeading("Sweep over radii")
  try report.addRadiusSweep(robustness[0].network, study)
}

private func addHeadline(_ robustness: Robustness, _ history: TrainingHistory, _ report: inout ReportFolder)
  throws
{
  try report.metrics.addHeadline("clean_accuracy", robustness.network.test.accuracy)
  try report.metrics.addHeadline("l2_accuracy", robustness.l2.attackedAccuracy.estimate)
  try report.metrics.addHeadline("linf_accuracy", robustness.lInf.attackedAccuracy.estimate)
  try report.metrics.addHeadline("pgd_l2_accuracy", robustness.strongL2.attackedAccuracy.estimate)
  try report.metrics.addHeadline("pgd_linf_accuracy", robustness.strongLInf.attackedAccuracy.estimate)
  try report.metrics.addHeadline("train_seconds", history.seconds)
}
