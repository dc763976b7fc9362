import Attacks
import ProgramSupport
import Reporting
import TensorCore

/// Both networks answering together, as a defence against images made on one of them, and attacked as what it is
/// (requirement D4.161).
func attackEnsemble(
  _ attacked: [AttackedNetwork], _ study: Study, _ plan: AttackPlan, _ report: inout ReportFolder
) throws {
  let ensemble = EnsembleClassifier(attacked.map(\.classifier))
  var table = Table(
    "The mean of both networks' logits under attack",
    columns: [
      "Images made on", "Attack", "Ensemble right when clean", "Source fooled", "Ensemble fooled",
      "Conditional rate",
    ],
    note:
      "Fooled: wrong after the attack, of all images. Conditional rate: of the images that both source and ensemble first classify "
      + "correctly and that fool the source, those that fool the ensemble. Images made on the ensemble climb the gradient of its mean "
      + "logits: what an attacker does who knows of it, and the number that counts.")
  func append(_ source: String, _ attack: String, _ result: TransferResult) {
    table.append([
      .text(source), .text(attack), .proportion(Proportion(result.target.map(\.isCorrect))),
      .proportion(result.sourceFooled), .proportion(result.targetFooled),
      .proportion(result.rateAmongCorrect),
    ])
  }
  var own: [(folder: String, records: [AttackRecord])] = []
  for folder in ["fgsm_untargeted_eps_\(plan.radius)", "pgd_untargeted"] {
    for one in attacked {
      let outcome = one[folder]
      append(
        one.title, outcome.configuration.title,
        try transfer(outcome.result, of: outcome.samples.source, to: ensemble))
    }
    let outcome = attacked[0][folder]
    let aware = try judge(
      outcome.configuration.attack, against: ensemble, on: outcome.samples.source,
      samples: outcome.samples.places,
      keepsInputs: true, key: RandomKey(seed: study.options.seed).derived("attack"))
    append(
      "the ensemble", outcome.configuration.title,
      TransferResult(attack: aware.attack, source: aware.records, target: aware.records))
    own.append((folder, aware.records))
  }
  report.report.addHeading("An ensemble of both networks", depth: 2)
  try report.addPrinted(table, file: "ensemble.csv")
  report.addPrinted(
    attacked.map { one in
      let robust = (own.last?.records ?? []).map(\.isRobust)
      let alone = one["pgd_untargeted"].result.records.map(\.isRobust)
      let test = McNemarTest(first: robust, second: alone)
      return
        "PGD that knows its target leaves \(Table.Cell.proportion(Proportion(robust)).text) of the ensemble's and "
        + "\(Table.Cell.proportion(Proportion(alone)).text) of \(one.title)'s images right (p = "
        + "\(Table.Cell.significant(test.pValue).text), "
        + (test.pValue < significance
          ? (test.onlyFirst > test.onlySecond ? "the ensemble stands more" : "the ensemble stands less")
          : "no difference shown") + ")."
    })
}
