import Attacks
import ProgramSupport
import Reporting
import TensorCore

/// Attack against attack and network against network, on the same images (requirement D4.62).
func compareAttacks(_ attacked: [AttackedNetwork], _ plan: AttackPlan, _ report: inout ReportFolder) throws {
  report.report.addHeading("Comparisons")
  var table = Table(
    "Pairs", columns: ["What", "First", "Second", "p", "Difference"],
    note:
      "Images that neither attack sets aside; p by McNemar's exact test on them. A difference is claimed below \(significance)."
  )
  func append(_ what: String, _ first: AttackOutcome, _ second: AttackOutcome) {
    let pairs = zip(first.result.records, second.result.records).filter {
      [$0.0, $0.1].allSatisfy { $0.target != $0.label }
    }
    let successes = (pairs.map { $0.0.isSuccess }, pairs.map { $0.1.isSuccess })
    let pValue = McNemarTest(first: successes.0, second: successes.1).pValue
    let (one, other) = (Proportion(successes.0), Proportion(successes.1))
    table.append([
      .text(what), .proportion(one), .proportion(other), .significant(pValue),
      .text(
        pValue < significance
          ? (one.successes > other.successes ? "the first succeeds more" : "the second succeeds more")
          : "none shown"),
    ])
  }
  for one in attacked {
    for radius in plan.radii {
      append(
        "\(one.title), FGSM eps \(radius): untargeted, targeted", one["fgsm_untargeted_eps_\(radius)"],
        one["fgsm_targeted_eps_\(radius)"])
    }
    append(
      "\(one.title), PGD: untargeted, targeted", one["pgd_untargeted"], one["pgd_targeted"])
    for goal in ["untargeted", "targeted"] {
      append(
        "\(one.title), \(goal), eps \(plan.radius): FGSM, PGD", one["fgsm_\(goal)_eps_\(plan.radius)"],
        one["pgd_\(goal)"])
    }
  }
  for outcome in attacked[0].outcomes where outcome.configuration.isDocumented {
    append(
      "\(outcome.configuration.title): \(attacked[0].title), \(attacked[1].title)", outcome,
      attacked[1][outcome.configuration.folder])
  }
  try report.addPrinted(table, file: "comparisons.csv")
}

/// Problem B in sentences and in the headline (requirement D4.81).
func summarize(
  _ attacked: [AttackedNetwork], _ transfers: [Transfer], _ plan: AttackPlan, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Summary")
  var table = Table(
    "Headline", columns: ["Name", "Rate", "Of what"],
    note:
      "Fractions in `metrics.json`; success over all images counts those wrong before, robust accuracy does not."
  )
  func add(_ name: String, _ rate: Proportion, _ what: String) throws {
    table.append([.text(name), .proportion(rate), .text(what)])
    try report.addHeadline(name, rate)
  }
  let small = "autoattack_eps_1_255"
  for one in attacked {
    let name = one.architecture.rawValue
    let all = "all \(one.outcomes[0].samples.count) test images"
    try add("\(name)_fgsm_003_success", one["fgsm_untargeted_eps_0.03"].success, all)
    try add("\(name)_pgd_success", one["pgd_untargeted"].success, all)
    try add(
      "\(name)_pgd_targeted_success", one["pgd_targeted"].success,
      "test images of other classes than the target")
    try add(
      "\(name)_autoattack_robust_accuracy", one["autoattack_eps_\(plan.radius)"].result.robustAccuracy, all)
    try add("\(name)_autoattack_robust_accuracy_1_255", one[small].result.robustAccuracy, all)
    guard
      let transfer = transfers.first(where: {
        $0.source.architecture == one.architecture && $0.configuration.folder == "fgsm_untargeted_eps_0.03"
      })
    else { preconditionFailure("summarize: no transfer from \(name)") }
    try add(
      "\(name)_transfer_fgsm_003", transfer.result.rateAmongCorrect,
      "test images that both networks first classify correctly and that fool \(one.title), shown to the other"
    )
  }
  try report.metrics.addHeadline("n_attacked", attacked[0].outcomes[0].samples.count)
  try report.addPrinted(table, file: "headline.csv")
  try compareWithDocument(attacked, transfers, &report)
  report.addPrinted(
    attacked.map { one in
      func text(_ rate: Proportion) -> String { Table.Cell.proportion(rate).text }
      return "\(one.title): of the images first classified correctly, FGSM at eps \(plan.radius) turns "
        + "\(text(one["fgsm_untargeted_eps_\(plan.radius)"].result.successAmongCorrect)), PGD "
        + "\(text(one["pgd_untargeted"].result.successAmongCorrect)), noise of random signs as large "
        + "\(text(one["noise_sign"].result.successAmongCorrect)). Robust accuracy under AutoAttack: "
        + "\(text(one["autoattack_eps_\(plan.radius)"].result.robustAccuracy)) at eps \(plan.radius), "
        + "\(text(one[small].result.robustAccuracy)) at 1/255; clean accuracy \(text(one[small].result.cleanAccuracy))."
    })
}

/// What the document prints beside what was measured (requirements D4.127 to D4.133, D4.147).
private func compareWithDocument(
  _ attacked: [AttackedNetwork], _ transfers: [Transfer], _ report: inout ReportFolder
) throws {
  var comparison = DocumentComparison(
    "Attacks in the document and here",
    note:
      "The document's rates cannot be fractions of its 20 images, and its L2 norms are a seventh of what sign steps have; "
      + "the results published with it come from untrained networks and clip normalised values. They are no targets."
  )
  let documented = attacked.flatMap { $0.outcomes.filter(\.configuration.isDocumented) }
  func range(_ values: [Double]) -> Table.Cell {
    let finite = values.filter(\.isFinite)
    guard let least = finite.min(), let most = finite.max() else { return .empty }
    return .text(
      "\(Table.Cell.percent(least, decimals: 0).text) to \(Table.Cell.percent(most, decimals: 0).text)")
  }
  func rates(isTargeted: Bool) -> [Double] {
    documented.filter { ($0.configuration.target != nil) == isTargeted }.map(\.success.estimate)
  }
  comparison.append(
    "Success, untargeted, least to most", document: .text("25 % to 95 %"),
    measured: range(rates(isTargeted: false)))
  comparison.append(
    "Success, targeted, least to most", document: .text("0 % to 67 %"),
    measured: range(rates(isTargeted: true)))
  comparison.append(
    "Transfer, plain ratio, least to most", document: .text("33 % to 100 %"),
    measured: range(transfers.map(\.result.ratio)))
  for (radius, printed) in [("0.01", 0.0823), ("0.1", 0.8226)] {
    comparison.append(
      "Mean L2 of FGSM, eps \(radius), \(attacked[0].title)", document: .number(printed),
      measured: attacked[0]["fgsm_untargeted_eps_\(radius)"].result.records.mean(\.norms.l2))
  }
  comparison.append(
    "Mean L-infinity of FGSM, eps 0.1, published with it", document: .number(1.95, decimals: 2),
    measured: attacked[0]["fgsm_untargeted_eps_0.1"].result.records.mean(\.norms.lInf))
  try report.addPrinted(comparison.table, file: "attacks_document.csv")
}
