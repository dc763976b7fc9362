import Attacks
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// One attack's images from one network shown to the other.
struct Transfer {
  let source: AttackedNetwork
  let target: AttackedNetwork
  let configuration: AttackConfiguration
  let result: TransferResult
}

/// Both directions, what they have in common, and why (requirements D4.69 to D4.74, D4.133).
func reportTransfer(
  _ attacked: [AttackedNetwork], _ study: Study, _ plan: AttackPlan, _ report: inout ReportFolder
) throws -> [Transfer] {
  report.report.addHeading("Transfer")
  report.report.addParagraph(
    "Images made on one network are shown to the other one unchanged. The plain ratio divides two success rates, as the "
      + "document does: it counts images that the other network got wrong anyway. The conditional rate is a share: of the images "
      + "that both networks first classify correctly and that fool the source, those that fool the target.")
  var transfers: [Transfer] = []
  for (source, target) in [(attacked[0], attacked[1]), (attacked[1], attacked[0])] {
    let own = try source.outcomes.filter {
      $0.configuration.isDocumented || $0.configuration.folder == "mi_fgsm"
    }.map { outcome in
      Transfer(
        source: source, target: target, configuration: outcome.configuration,
        result: try transfer(outcome.result, of: outcome.samples.source, to: target.classifier))
    }
    try report.addPrinted(
      table(own, "\(source.title) -> \(target.title)"),
      file: "transfer_\(source.architecture.rawValue)_to_\(target.architecture.rawValue).csv")
    transfers += own
  }
  try addSummary(transfers, plan, &report)
  try addReasons(transfers, attacked, &report)
  return transfers
}

private func table(_ transfers: [Transfer], _ title: String) -> Table {
  var table = Table(
    title,
    columns: [
      "Attack", "Source fooled", "Target fooled", "Plain ratio", "95 % interval", "Conditional rate",
    ])
  for one in transfers {
    table.append([.text(one.configuration.title)] + one.result.cells)
  }
  return table
}

extension TransferResult {
  /// Source fooled, target fooled, the plain ratio with its interval, and the conditional rate, for tables.
  var cells: [Table.Cell] {
    [
      .proportion(sourceFooled), .proportion(targetFooled),
      sourceFooled.successes > 0 ? .number(ratio, decimals: 2) : .text("undefined"),
      .text(range(ratioInterval(), decimals: 2)), .proportion(rateAmongCorrect),
    ]
  }
}

/// Conditional rates of several attacks together, by what they have in common (requirement D4.72).
private func addSummary(_ transfers: [Transfer], _ plan: AttackPlan, _ report: inout ReportFolder) throws {
  var table = Table(
    "Transfer by property",
    columns: ["Property", "Attacks", "Mean conditional rate", "Fooled source: pairs"],
    note: "Means over attacks, of which several use the same images: no interval can be given.")
  func append(_ name: String, _ included: (Transfer) -> Bool) {
    let rates = transfers.filter(included).map(\.result.rateAmongCorrect).filter { $0.count > 0 }
    table.append([
      .text(name), .integer(rates.count), .percent(Summary(rates.map(\.estimate)).mean),
      .integer(rates.reduce(0) { $0 + $1.count }),
    ])
  }
  func at(_ one: Transfer, _ method: String, _ radius: Float) -> Bool {
    one.configuration.method == method && one.configuration.lInfRadius == radius
      && one.configuration.target == nil
  }
  append("untargeted") { $0.configuration.target == nil && $0.configuration.isDocumented }
  append("targeted") { $0.configuration.target != nil }
  for method in ["FGSM", "PGD", "MI-FGSM"] {
    append("\(method), eps \(plan.radius), untargeted") { at($0, method, plan.radius) }
  }
  for radius in plan.radii { append("FGSM untargeted, eps \(radius)") { at($0, "FGSM", radius) } }
  for architecture in Architecture.allCases {
    append("from \(architecture.title)") { $0.source.architecture == architecture }
  }
  try report.addPrinted(table, file: "transfer_summary.csv")
}

/// Gradients that point the same way, and errors that are shared (requirement D4.73).
private func addReasons(
  _ transfers: [Transfer], _ attacked: [AttackedNetwork], _ report: inout ReportFolder
) throws {
  let samples = attacked[0].outcomes[0].samples
  let alignment = try gradientAlignment(
    of: attacked[0].classifier, and: attacked[1].classifier, on: samples.source, samples: samples.places)
  // cosines of independent directions in 3,072 dimensions have this deviation
  let chance = 1 / Double(samples.source.inputShape.count).squareRoot()
  var lines = [
    "The input gradients of the two networks have a mean cosine of \(spread(alignment.summary)) over "
      + "\(alignment.summary.count) images; cosines of random directions lie within ± "
      + "\(Table.Cell.number(2 * chance, decimals: 3).text)."
  ]
  if let first = transfers.first {
    lines.append(
      "Clean images that both networks get wrong, of those that at least one gets wrong: "
        + Table.Cell.proportion(first.result.sharedCleanErrors).text + ".")
  }
  for one in transfers where one.configuration.folder == "fgsm_untargeted_eps_0.03" {
    lines.append(
      "\(one.source.title) -> \(one.target.title), \(one.configuration.title): of the images that both then get wrong, both give "
        + "the same class to \(Table.Cell.proportion(one.result.sameWrongClass).text).")
  }
  report.addPrinted(lines)
}
