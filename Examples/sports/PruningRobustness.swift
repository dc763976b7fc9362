import Attacks
import Datasets
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// A network, as it was or pruned, with what attacks made of its images.
struct AttackedForm {
  /// "original", "80 %".
  let form: String
  let attacked: AttackedNetwork
  /// The original's changed images shown to it, FGSM and PGD; none for the original itself.
  let transfers: [(attack: String, result: TransferResult)]
  /// Growing radii, for the original and the compared sparsity.
  let sweep: RadiusSweep?
  /// AutoAttack by radius, likewise.
  let worst: [(radius: String, list: WorstCase<LInfBall>, result: AttackResult)]

  /// Of the images first classified correctly, how many have fallen after each step of PGD.
  var steps: SuccessCurve {
    let result = attacked[PrunePlan.pgd].result
    guard let trace = result.trace else { preconditionFailure("AttackedForm: PGD left no trace") }
    return trace.successByStep(of: result.records.indices.filter { result.records[$0].isCorrect })
  }
}

/// One network's forms under the same attacks.
struct PruningRobustness {
  let run: PruningRun
  let original: AttackedForm
  /// In the order of the run's networks.
  let pruned: [AttackedForm]
  /// The file with 50 % zeros and 8 bits: by its exact logits and the gradient straight through rounding.
  let bytes: AttackedNetwork
  /// Square on it, which needs no gradient, so that no rounding can hide one.
  let bytesSquare: AttackResult

  var all: [AttackedForm] { [original] + pruned }
  /// The form with the sparsity at which networks are compared.
  var compared: AttackedForm {
    guard let place = run.networks.firstIndex(where: { $0.percent == PrunePlan.compared }) else {
      preconditionFailure("PruningRobustness: no network of \(PrunePlan.compared) %")
    }
    return pruned[place]
  }

  init(_ run: PruningRun, _ study: Study, _ plan: PrunePlan) throws {
    self.run = run
    let samples = AttackedSamples(
      study.data.test, limit: plan.attackedImages(run.architecture), isTraining: false)
    func form(_ name: String, _ network: Study.Network, from source: AttackedNetwork?, isCompared: Bool)
      throws
      -> AttackedForm
    {
      let attacked = try AttackedNetwork(network, plan.configurations, samples, study, form: name)
      let transfers = try [PrunePlan.fgsm, PrunePlan.pgd].compactMap { folder in
        try source.map {
          (
            $0[folder].configuration.title,
            try transfer($0[folder].result, of: samples.source, to: attacked.classifier)
          )
        }
      }
      return AttackedForm(
        form: name, attacked: attacked, transfers: transfers,
        sweep: isCompared ? try RadiusSweep(attacked.classifier, samples, study) : nil,
        worst: isCompared ? try Self.worst(attacked.classifier, run, samples, study, plan) : [])
    }
    let original = try form("original", run.original, from: nil, isCompared: true)
    self.original = original
    pruned = try run.networks.map { one in
      let network = Study.Network(
        architecture: run.architecture, model: one.tuned, test: try one.tuned.evaluate(on: study.data.test))
      return try form(
        "\(one.percent) %", network, from: original.attacked, isCompared: one.percent == PrunePlan.compared)
    }
    let half = run[50].tuned
    let quantized = PlanClassifier(
      try half.quantized(
        for: run.sample, calibration: run.images.batch(plan.calibrationImages).inputs))
    bytes = try AttackedNetwork(
      Study.Network(
        architecture: run.architecture, model: half, test: try half.evaluate(on: study.data.test)),
      plan.configurations, samples, study, form: "50 %, 8-bit", as: quantized)
    bytesSquare = try judge(
      SquareAttack(budget: LInfBall(radius: plan.attacks.radius), queries: plan.attacks.queries.square),
      against: quantized, on: samples.source, samples: Array(samples.places.prefix(plan.costly)),
      key: RandomKey(seed: study.options.seed).derived("attack"))
  }

  /// AutoAttack (requirement D4.174). At the small radius, where most images stand, the large network would take an hour.
  private static func worst(
    _ classifier: PlanClassifier, _ run: PruningRun, _ samples: AttackedSamples, _ study: Study,
    _ plan: PrunePlan
  ) throws -> [(radius: String, list: WorstCase<LInfBall>, result: AttackResult)] {
    let radii: [(String, Float)] =
      [("\(plan.attacks.radius)", plan.attacks.radius)]
      + (run.architecture == .simpleCNN ? [("1/255", plan.attacks.smallRadius)] : [])
    return try radii.map { name, radius in
      let list = plan.attacks.autoAttack(radius)
      let places = radius == plan.attacks.radius ? samples.places : Array(samples.places.prefix(plan.costly))
      return (
        name, list,
        try judge(
          list, against: classifier, on: samples.source, samples: places, traces: true,
          key: RandomKey(seed: study.options.seed).derived("attack"))
      )
    }
  }
}

/// The attacks on all forms, transfer, and whether pruning makes attacks easier.
func reportRobustness(
  _ robustness: [PruningRobustness], _ study: Study, _ plan: PrunePlan, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Robustness")
  report.report.addParagraph(
    "Images are attacked as in problem B: in [0, 1], the normalisation being part of the network; the same images, keys and "
      + "settings for every network. FGSM and PGD at eps \(plan.attacks.radius) (PGD: steps of \(plan.attacks.stepSize), "
      + "\(plan.attacks.steps) of them, random start), FGSM towards \(Sports10.classNames[plan.attacks.target]) at eps 0.05."
  )
  for one in robustness {
    try report.addPrinted(attacks(one), file: "robustness_\(one.run.name).csv")
    try report.addPrinted(transfers(one), file: "transfer_\(one.run.name).csv")
    try report.addPrinted(worstCases(one), file: "autoattack_\(one.run.name).csv")
  }
  try reportThresholds(robustness, &report)
  try reportEase(robustness, &report)
}

/// Requirements D4.94 to D4.96.
private func attacks(_ one: PruningRobustness) -> Table {
  var table = Table(
    "Attacks on pruned networks, \(one.run.title)",
    columns: [
      "Form", "Attack", "Samples", "Success, all", "Success, first correct", "Mean confidence", "Mean L2",
      "Mean L-inf", "Mean steps to success", "Steps counted",
    ],
    note:
      "Samples: of a targeted attack those of other classes than the target. Confidence: the softmax probability of the "
      + "predicted class, of a targeted attack that of the target. Steps: over the images that PGD brought over, those that were wrong "
      + "from the start at 0.")
  let forms = one.all.map { ($0.form, $0.attacked) } + [("50 %, 8-bit", one.bytes)]
  for (form, attacked) in forms {
    for outcome in attacked.outcomes {
      let records = outcome.result.records
      let steps = outcome.stepsToSuccess.map {
        zip($0, records).compactMap { $1.target == $1.label ? nil : $0 }
      }
      table.append([
        .text(form), .text(outcome.configuration.title), .integer(records.counted.count),
        .proportion(outcome.success), .proportion(outcome.result.successAmongCorrect),
        records.mean(\.confidence), records.mean(\.norms.l2), records.mean(\.norms.lInf),
        steps.map { $0.isEmpty ? .empty : .number(Summary($0.map(Double.init)).mean, decimals: 1) } ?? .empty,
        steps.map { .integer($0.count) } ?? .empty,
      ])
    }
  }
  table.append([
    .text("50 %, 8-bit"), .text("Square, as a cross-check"), .integer(one.bytesSquare.records.count),
    .proportion(one.bytesSquare.records.success), .proportion(one.bytesSquare.successAmongCorrect),
    one.bytesSquare.records.mean(\.confidence), one.bytesSquare.records.mean(\.norms.l2),
    one.bytesSquare.records.mean(\.norms.lInf), .empty, .empty,
  ])
  return table
}

/// Requirement D4.97.
private func transfers(_ one: PruningRobustness) -> Table {
  var table = Table(
    "Transfer from the original to pruned networks, \(one.run.title)",
    columns: [
      "To", "Attack", "Original fooled", "Pruned fooled", "Plain ratio", "95 % interval", "Conditional rate",
    ],
    note:
      "Conditional rate: of the images that both networks first classify correctly and that fool the original, those that fool "
      + "the pruned one. The plain ratio, the document's, also counts images that the pruned network got wrong anyway."
  )
  for form in one.pruned {
    for (attack, result) in form.transfers {
      table.append([.text(form.form), .text(attack)] + result.cells)
    }
  }
  return table
}

private func worstCases(_ one: PruningRobustness) -> Table {
  var table = Table(
    "AutoAttack, original and \(PrunePlan.compared) % pruned, \(one.run.title)",
    columns: ["Form", "eps", "Attack", "Fell to it", "Standing after it"],
    note:
      "Each attack on the images that stood all before it; what stands in the end is the robust accuracy. The attacks meet the pruned "
      + "network itself, with its own gradients.")
  for form in [one.original, one.compared] {
    for (radius, list, result) in form.worst {
      for part in list.components(of: result) {
        table.append([
          .text(form.form), .text(radius), .text(part.attack), .proportion(part.reached),
          .proportion(part.standing),
        ])
      }
    }
  }
  return table
}
