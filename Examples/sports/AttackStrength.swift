import Attacks
import ProgramSupport
import Reporting
import TensorCore

/// How large eps must be, and how many steps it takes (requirements D4.63, D4.146).
func measureStrength(
  _ attacked: [AttackedNetwork], _ study: Study, _ plan: AttackPlan, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Radius and steps")
  try sweepRadii(attacked, study, plan, &report)
  try countSteps(attacked, &report)
}

/// Draws the curves of networks that classified an image correctly; says so when there is none.
private func draw(
  _ chart: LineChart, file: String, caption: String, _ report: inout ReportFolder
) throws {
  guard !chart.series.isEmpty else {
    return report.report.addParagraph("\(chart.title): not drawn, no image was first classified correctly.")
  }
  try report.add(chart, file: file, caption: caption)
}

private func cell(_ setting: Double?, decimals: Int) -> Table.Cell {
  setting.map { .number($0, decimals: decimals) } ?? .text("not reached")
}

/// FGSM and PGD at growing radii on one network; PGD at each on the images that stood the smaller ones.
struct RadiusSweep {
  /// Half grey levels up to 8, then whole ones to a tenth of the range.
  static let radii = ((0...16).map { Float($0) / 2 } + (9...26).map(Float.init)).map { $0 / 255 }
  let single: [AttackResult]
  let iterated: [AttackResult]

  init(_ classifier: PlanClassifier, _ samples: AttackedSamples, _ study: Study) throws {
    let key = RandomKey(seed: study.options.seed).derived("attack")
    single = try judge(
      Self.radii.map { FastGradient(budget: LInfBall(radius: $0)) }, against: classifier,
      on: samples.source, samples: samples.places, key: key)
    iterated = try judge(
      Self.radii.map {
        ProjectedGradient(
          budget: LInfBall(radius: $0), stepSize: $0 / 8, steps: 20, leavesWhenReached: true)
      }, against: classifier, on: samples.source, samples: samples.places, standingOnly: true, key: key)
  }
}

private func sweepRadii(
  _ attacked: [AttackedNetwork], _ study: Study, _ plan: AttackPlan, _ report: inout ReportFolder
) throws {
  let radii = RadiusSweep.radii
  var table = Table(
    "Success against eps",
    columns: ["Network", "Attack", "eps for 50 %", "eps for 80 %", "Largest eps tried", "Success there"],
    note:
      "Among images first classified correctly, on straight lines between \(radii.count) radii from 0 on. PGD: 20 steps of "
      + "an eighth of eps, tried at each radius on the images that stood the smaller ones.")
  var chart = LineChart(
    "Success against eps, untargeted", x: Axis("eps, grey levels of 255"),
    y: Axis("Success, first correct", unit: .percent, range: 0...1))
  for (place, one) in attacked.enumerated() {
    let samples = one.outcomes[0].samples
    let sweep = try RadiusSweep(one.classifier, samples, study)
    for (name, results) in [("FGSM", sweep.single), ("PGD", sweep.iterated)] {
      let curve = SuccessCurve(radii: radii, results: results)
      table.append(
        [.text(one.title), .text(name)] + [0.5, 0.8].map { cell(curve.setting(reaching: $0), decimals: 4) }
          + [
            .number(Double(radii[radii.count - 1]), decimals: 4),
            .proportion(results[results.count - 1].successAmongCorrect),
          ])
      guard curve.success[0].count > 0 else { continue }
      chart.series.append(
        .init(
          "\(one.title), \(name)", x: curve.settings.map { $0 * 255 }, y: curve.success.map(\.estimate),
          band: name == "PGD" ? curve.success.map { $0.interval() } : nil,
          style: name == "PGD" ? .solid : .dashed, color: place))
    }
  }
  try report.addPrinted(table, file: "eps.csv")
  try draw(
    chart, file: "figures/problem_b/success_eps.png", caption: "Bands: 95 % intervals. Dashed: FGSM.", &report
  )
}

private func countSteps(_ attacked: [AttackedNetwork], _ report: inout ReportFolder) throws {
  var table = Table(
    "Steps to success",
    columns: ["Network", "Attack", "Steps in all", "for 50 %", "for 80 %", "Reached by the last step"],
    note:
      "The first step after which the share has been adversarial at least once, start included, of the images first "
      + "classified correctly whose class is not the target. Square's steps are queries.")
  var chart = LineChart(
    "Success against steps", x: Axis("Steps"),
    y: Axis("Ever successful, first correct", unit: .percent, range: 0...1))
  for (place, one) in attacked.enumerated() {
    for outcome in one.outcomes {
      guard outcome.stepsToSuccess != nil, let trace = outcome.result.trace else { continue }
      let rows = outcome.result.records.indices.filter {
        let record = outcome.result.records[$0]
        return record.isCorrect && record.target != record.label
      }
      let curve = trace.successByStep(of: rows)
      table.append(
        [.text(one.title), .text(outcome.configuration.title), .integer(trace.steps)]
          + [0.5, 0.8].map { share in
            curve.setting(reaching: share).map { .integer(Int($0.rounded(.up))) } ?? .text("not reached")
          } + [.proportion(curve.success[trace.steps])])
      guard outcome.configuration.method == "PGD", !rows.isEmpty else { continue }
      chart.series.append(
        .init(
          "\(one.title), \(outcome.configuration.title)", x: curve.settings, y: curve.success.map(\.estimate),
          style: outcome.configuration.target == nil ? .solid : .dashed, color: place))
    }
  }
  try report.addPrinted(table, file: "steps.csv")
  try draw(
    chart, file: "figures/problem_b/success_steps.png", caption: "PGD; dashed: targeted.", &report)
}
