import Attacks
import Datasets
import ProgramSupport
import Reporting
import TensorCore

/// What every attack came to (requirements D4.59 to D4.64, D4.128 to D4.131).
func reportAttacks(
  _ attacked: [AttackedNetwork], _ learned: [AttackedNetwork], _ plan: AttackPlan,
  _ report: inout ReportFolder
) throws {
  report.report.addHeading("Success of the attacks")
  for one in attacked {
    let name = one.architecture.rawValue
    report.report.addHeading(one.title, depth: 2)
    try addDocumented(one, plan, &report)
    try report.addPrinted(
      outcomes(
        one.outcomes.filter { !$0.configuration.isDocumented }, "Further attacks, \(one.title)",
        note: "Searches for the closest image have no radius: their lengths say how far they had to go."),
      file: "further_\(name).csv")
    try report.addPrinted(rounding(one), file: "rounding_\(name).csv")
    try report.write(allRecords(one), file: "samples_\(name).csv")
  }
  for one in learned {
    try report.addPrinted(
      outcomes(
        one.outcomes, "TRAINING images, \(one.title)",
        note:
          "\(one.outcomes[0].samples.count) images that the network learned from, not held out. PGD here ends with each "
          + "image's first success."),
      file: "training_images_\(one.architecture.rawValue).csv")
  }
  try addExamples(attacked, &report)
  try addComponents(attacked, &report)
}

/// The document's four kinds of tables, of its 20 images and of all.
private func addDocumented(_ one: AttackedNetwork, _ plan: AttackPlan, _ report: inout ReportFolder) throws {
  let documented = one.outcomes.filter(\.configuration.isDocumented)
  for goal in ["untargeted", "targeted"] {
    let rows = documented.filter { ($0.configuration.target == nil) == (goal == "untargeted") }
    try report.addPrinted(
      outcomes(
        rows, "FGSM and PGD, \(goal), \(one.title)",
        note:
          "All \(rows[0].samples.count) test images. A sign step of all 3,072 values has L2 norm eps x 55.43 and less only "
          + "where pixels are clipped."), file: "\(goal)_\(one.architecture.rawValue).csv")
    let few = min(plan.documented, rows[0].samples.count)
    try report.addPrinted(
      outcomes(
        rows, of: few, "The document's preset of \(few) images, \(goal), \(one.title)",
        note:
          "The first \(few) of the test images, two a class when there are 20: with two basketball images set aside, "
          + "targeted rates are fractions of 18."), file: "preset_\(goal)_\(one.architecture.rawValue).csv")
  }
}

/// One row an attack, of the first so many images or of all.
private func outcomes(_ outcomes: [AttackOutcome], of count: Int? = nil, _ title: String, note: String)
  -> Table
{
  var table = Table(
    title,
    columns: [
      "Attack", "Clean error", "Robust error", "Success, all", "Success, first correct", "Mean L2",
      "L2 bound", "Mean L-inf", "Mean confidence",
    ], note: note)
  for one in outcomes {
    let result = one.prefix(count ?? one.result.records.count)
    let bound = one.configuration.lInfRadius.map {
      Double($0) * Double(one.samples.source.inputShape.count).squareRoot()
    }
    table.append([
      .text(one.configuration.title), .proportion(result.cleanErrors), .proportion(result.robustErrors),
      .proportion(result.records.success), .proportion(result.successAmongCorrect),
      result.records.mean(\.norms.l2), bound.map { .number($0, decimals: 4) } ?? .empty,
      result.records.mean(\.norms.lInf), result.records.mean(\.confidence),
    ])
  }
  return table
}

/// Success of the images as they are computed and as they are after a PNG file.
private func rounding(_ one: AttackedNetwork) -> Table {
  var table = Table(
    "Before and after 8-bit PNG, \(one.title)",
    columns: ["Attack", "Success before", "Success after", "Lost", "Gained", "Largest L-inf after"],
    note:
      "PNG rounds each value to one of 256 levels, by up to 1/510. A success that it destroys cannot be sent as a file."
  )
  for outcome in one.outcomes {
    let pairs = zip(outcome.result.records, outcome.rounded).filter { $0.0.target != $0.0.label }
    table.append([
      .text(outcome.configuration.title), .proportion(outcome.success),
      .proportion(outcome.rounded.success),
      .integer(pairs.count { $0.isSuccess && !$1.isSuccess }),
      .integer(pairs.count { !$0.isSuccess && $1.isSuccess }),
      .number(outcome.rounded.map(\.norms.lInf).max() ?? 0, decimals: 4),
    ])
  }
  return table
}

private let recordColumns: [Table.Column] = [
  "Sample", "Index", "True class", "Confidence before", "Predicted before", "Predicted after",
  "Confidence after", "L2", "L-inf", "Success", "Steps to success", "Success after PNG",
]

/// One image's line (requirement D4.63).
private func cells(_ outcome: AttackOutcome, _ row: Int) -> [Table.Cell] {
  let record = outcome.result.records[row]
  let steps: Table.Cell =
    switch (outcome.stepsToSuccess, outcome.result.trace) {
    case (let steps?, let trace?): .text(steps[row].map { "\($0)/\(trace.steps)" } ?? "not reached")
    default: .empty
    }
  return [
    .text(sampleNumber(row)), .integer(record.index), .text(Sports10.classNames[record.label]),
    .number(record.clean.confidence), .text(Sports10.classNames[record.clean.label]),
    .text(Sports10.classNames[record.adversarial.label]), .number(record.confidence),
    .number(record.norms.l2), .number(record.norms.lInf), .text(record.isSuccess ? "yes" : "no"), steps,
    .text(outcome.rounded[row].isSuccess ? "yes" : "no"),
  ]
}

/// `007`.
func sampleNumber(_ row: Int) -> String { String(String(1_000 + row).dropFirst()) }

private func allRecords(_ one: AttackedNetwork) -> Table {
  var table = Table("Every sample of \(one.title)", columns: ["Attack"] + recordColumns)
  for outcome in one.outcomes {
    for row in outcome.result.records.indices {
      table.append([.text(outcome.configuration.folder)] + cells(outcome, row))
    }
  }
  return table
}

/// The samples that the document shows (requirement D4.64).
private func addExamples(
  _ attacked: [AttackedNetwork], _ report: inout ReportFolder
) throws {
  var table = Table("Examples", columns: ["Network", "Attack"] + recordColumns)
  for one in attacked {
    for folder in ["fgsm_untargeted_eps_0.03", "fgsm_targeted_eps_0.03", "pgd_untargeted", "pgd_targeted"] {
      let outcome = one[folder]
      for row in [1, 3, 5, 7] where row < outcome.result.records.count {
        table.append(
          [.text(one.title), .text(outcome.configuration.title)] + cells(outcome, row))
      }
    }
  }
  try report.add(table, file: "examples.csv")
}

/// What each attack of AutoAttack added.
private func addComponents(_ attacked: [AttackedNetwork], _ report: inout ReportFolder) throws {
  var table = Table(
    "AutoAttack, attack by attack", columns: ["Network", "eps", "Attack", "Fell to it", "Standing after it"],
    note: "Of the images that stood all attacks before; what stands in the end is the robust accuracy.")
  for one in attacked {
    for outcome in one.outcomes {
      guard let list = outcome.configuration.attack as? WorstCase<LInfBall> else { continue }
      for part in list.components(of: outcome.result) {
        table.append([
          .text(one.title), .text(outcome.configuration.setting), .text(part.attack),
          .proportion(part.reached), .proportion(part.standing),
        ])
      }
    }
  }
  try report.addPrinted(table, file: "autoattack.csv")
}
