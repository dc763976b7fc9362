import Attacks
import ProgramSupport
import Reporting
import TensorCore

/// How large eps must be and how many steps it takes, before and after pruning (requirements D4.98, D4.99, D4.146).
func reportThresholds(_ robustness: [PruningRobustness], _ report: inout ReportFolder) throws {
  var table = Table(
    "What an attack needs, original and \(PrunePlan.compared) % pruned",
    columns: ["Network", "Attack", "Success wanted", "Original", "Pruned", "Change"],
    note:
      "Among images first classified correctly by the network at hand, on straight lines between neighbours of "
      + "\(RadiusSweep.radii.count) radii up to \(Table.Cell.number(Double(RadiusSweep.radii.last ?? 0), decimals: 4).text), or between PGD's "
      + "steps at eps 0.03. The document prints changes of -33 and -20 %, -25 and -29 % for eps, -38 and -33 %, -33 and -28 % for "
      + "steps, of networks that were not measured.")
  var chart = LineChart(
    "PGD: success against eps", x: Axis("eps, grey levels of 255"),
    y: Axis("Success, first correct", unit: .percent, range: 0...1))
  for (color, one) in robustness.enumerated() {
    let forms = [one.original, one.compared]
    let curves: [(String, Int, [SuccessCurve?])] = [
      (
        "FGSM, eps", 4,
        forms.map { $0.sweep.map { SuccessCurve(radii: RadiusSweep.radii, results: $0.single) } }
      ),
      (
        "PGD, eps", 4,
        forms.map { $0.sweep.map { SuccessCurve(radii: RadiusSweep.radii, results: $0.iterated) } }
      ),
      ("PGD at eps 0.03, steps", 1, forms.map(\.steps)),
    ]
    for (name, decimals, pair) in curves {
      for share in [0.5, 0.8] {
        let needed = pair.map { $0?.setting(reaching: share) }
        let change: Table.Cell =
          if let before = needed[0], let after = needed[1], before > 0 {
            .text("\(points(after / before - 1)) %")
          } else { .text("undefined") }
        table.append(
          [.text(one.run.title), .text(name), .percent(share, decimals: 0)]
            + needed.map { $0.map { .number($0, decimals: decimals) } ?? .text("not reached") } + [change])
      }
    }
    for (form, curve) in zip(forms, curves[1].2) {
      guard let curve, curve.success[0].count > 0 else { continue }
      chart.series.append(
        .init(
          "\(one.run.title), \(form.form)", x: curve.settings.map { $0 * 255 },
          y: curve.success.map(\.estimate), style: form.form == "original" ? .solid : .dashed, color: color))
    }
  }
  try report.addPrinted(table, file: "thresholds.csv")
  if !chart.series.isEmpty {
    try report.add(
      chart, file: "figures/problem_c/success_eps.png",
      caption: "Dashed: \(PrunePlan.compared) % pruned and fine-tuned.")
  }
}

/// One measure of how easily a pruned network is attacked, against the original, image by image.
private struct EaseComparison {
  let network: String
  let form: String
  let measure: String
  /// Images on which the pruned network is the easier one, and the harder one.
  let easier, harder: Int
  /// Images that both networks first classify correctly.
  let count: Int

  var pValue: Double { McNemarTest(onlyFirst: easier, onlySecond: harder).pValue }

  func verdict(_ level: Double) -> String {
    pValue >= level ? "no difference shown" : easier > harder ? "easier" : "harder"
  }
}

/// Does pruning make attacks easier (requirement D4.104)? By image, since both networks meet the same ones.
func reportEase(_ robustness: [PruningRobustness], _ report: inout ReportFolder) throws {
  let comparisons = robustness.flatMap { one in one.pruned.flatMap { compare(one, $0) } }
  let level = significance / Double(max(1, comparisons.count))
  var table = Table(
    "Does pruning make attacks easier?",
    columns: [
      "Network", "Sparsity", "Measure", "Images", "Easier on", "Harder on", "p", "Verdict",
    ],
    note:
      "Images that original and pruned network first classify correctly. p: exact sign test on those where they differ; a "
      + "verdict needs p below \(Table.Cell.significant(level).text), which is \(significance) divided by the number of comparisons."
  )
  for one in comparisons {
    table.append([
      .text(one.network), .text(one.form), .text(one.measure), .integer(one.count), .integer(one.easier),
      .integer(one.harder), .significant(one.pValue), .text(one.verdict(level)),
    ])
  }
  report.report.addHeading("Does pruning make attacks easier?", depth: 2)
  try report.addPrinted(table, file: "ease.csv")
  report.addPrinted(
    robustness.map { one in
      let own = comparisons.filter { $0.network == one.run.title }
      func number(_ verdict: String) -> Int { own.count { $0.verdict(level) == verdict } }
      let (easier, harder) = (number("easier"), number("harder"))
      let answer =
        easier > 0 && harder == 0
        ? "pruning makes attacks easier"
        : harder > 0 && easier == 0
          ? "pruning makes attacks harder"
          : easier + harder == 0
            ? "that pruning makes attacks easier or harder is not shown" : "it depends on sparsity and attack"
      let (before, after) = (one.original.attacked[PrunePlan.pgd], one.compared.attacked[PrunePlan.pgd])
      return
        "\(one.run.title): \(answer). Of \(own.count) comparisons \(easier) show it easier, \(harder) harder. PGD turns "
        + "\(Table.Cell.proportion(before.result.successAmongCorrect).text) of the original's right images and "
        + "\(Table.Cell.proportion(after.result.successAmongCorrect).text) of the \(PrunePlan.compared) % pruned network's, with mean "
        + "confidence \(before.result.records.mean(\.confidence).text) and \(after.result.records.mean(\.confidence).text)."
    })
}

private func compare(_ one: PruningRobustness, _ form: AttackedForm) -> [EaseComparison] {
  func compare(_ measure: String, _ original: [Double], _ pruned: [Double], _ rows: [Int]) -> EaseComparison {
    let pairs = rows.map { (original[$0], pruned[$0]) }
    return EaseComparison(
      network: one.run.title, form: form.form, measure: measure, easier: pairs.count { $0.1 < $0.0 },
      harder: pairs.count { $0.1 > $0.0 }, count: rows.count)
  }
  let (first, second) = (one.original.attacked, form.attacked)
  let (clean, other) = (first[PrunePlan.pgd].result.records, second[PrunePlan.pgd].result.records)
  let rows = clean.indices.filter { clean[$0].isCorrect && other[$0].isCorrect }
  var comparisons: [EaseComparison] = []
  for folder in [PrunePlan.fgsm, PrunePlan.targetedFGSM] {
    let counted = rows.filter { first[folder].result.records[$0].target != clean[$0].label }
    func costs(_ network: AttackedNetwork) -> [Double] {
      network[folder].result.records.map { $0.isSuccess ? 0 : 1 }
    }
    comparisons.append(
      compare("\(first[folder].configuration.title): success", costs(first), costs(second), counted))
  }
  func steps(_ network: AttackedNetwork) -> [Double] {
    (network[PrunePlan.pgd].stepsToSuccess ?? []).map { $0.map(Double.init) ?? .infinity }
  }
  comparisons.append(compare("PGD: steps to success", steps(first), steps(second), rows))
  // a surer wrong answer is the easier victory
  func doubt(_ network: AttackedNetwork) -> [Double] {
    network[PrunePlan.pgd].result.records.map { $0.isSuccess ? 1 - $0.confidence : 2 }
  }
  comparisons.append(compare("PGD: confidence in the wrong class", doubt(first), doubt(second), rows))
  if let before = one.original.sweep, let after = form.sweep {
    comparisons.append(
      compare(
        "PGD: smallest eps", before.smallestRadii, after.smallestRadii, rows))
  }
  return comparisons
}

extension RadiusSweep {
  /// The smallest radius at which PGD succeeds, image by image; infinite for none.
  fileprivate var smallestRadii: [Double] {
    iterated[0].records.indices.map { row in
      zip(Self.radii, iterated).first { $0.1.records[row].isSuccess }.map { Double($0.0) } ?? .infinity
    }
  }
}
