import Attacks
import Datasets
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// One way to deploy a network, with what attacks that know of it and attacks that do not made of the same images.
struct DeployedArm {
  let name: String
  /// The largest and the smallest of the document's radii that are tried: PGD that knows of the defence.
  let large: AttackResult
  let small: AttackResult
  /// One step at the large radius: what single-step training is prepared for.
  let singleStep: AttackResult
  /// At the small radius, without gradients, which rounding or votes could hide.
  let square: AttackResult
  /// PGD's images at the small radius that were made for the bare network, as they are.
  let unaware: TransferResult

  /// Right before and after each attack at the small radius.
  var standing: [Bool] {
    zip(small.records, zip(square.records, unaware.target)).map {
      $0.isRobust && $1.0.isRobust && $1.1.isRobust
    }
  }
}

/// The arms of one deployment scenario, the bare network first.
struct DeploymentScenario {
  let title: String
  /// What the headline's names begin with.
  let name: String
  let arms: [DeployedArm]
  let samples: AttackedSamples

  init(
    _ title: String, name: String, _ classifiers: [(name: String, classifier: any Classifier)],
    _ study: Study, _ plan: PrunePlan
  ) throws {
    self.title = title
    self.name = name
    let samples = AttackedSamples(study.data.test, limit: plan.attackedImages(.simpleCNN), isTraining: false)
    self.samples = samples
    let key = RandomKey(seed: study.options.seed).derived("deployment")
    func result(_ attack: some Attack, _ classifier: any Classifier, keepsInputs: Bool = false) throws
      -> AttackResult
    {
      func judged(_ classifier: some Classifier) throws -> AttackResult {
        try judge(
          attack, against: classifier, on: samples.source, samples: samples.places, keepsInputs: keepsInputs,
          key: key)
      }
      return try judged(classifier)
    }
    let radii = plan.deploymentRadii
    func pgd(_ radius: Float) -> ProjectedGradient<LInfBall> {
      ProjectedGradient(
        budget: LInfBall(radius: radius), stepSize: radius / 4, steps: plan.attacks.steps,
        leavesWhenReached: true)
    }
    let bare = try result(pgd(radii.small), classifiers[0].classifier, keepsInputs: true)
    let progress = ProgressLine("deployment, \(title)", total: classifiers.count, unit: "arms")
    arms = try classifiers.map { name, classifier in
      defer { progress.advance(remark: name) }
      func shown(_ classifier: some Classifier) throws -> TransferResult {
        try transfer(bare, of: samples.source, to: classifier)
      }
      return DeployedArm(
        name: name, large: try result(pgd(radii.large), classifier),
        small: try result(pgd(radii.small), classifier),
        singleStep: try result(FastGradient(budget: LInfBall(radius: radii.large)), classifier),
        square: try result(
          SquareAttack(budget: LInfBall(radius: radii.small), queries: plan.deploymentQueries), classifier),
        unaware: try shown(classifier))
    }
    progress.finish()
  }

  /// The arms side by side.
  func table(_ plan: PrunePlan, note: String) -> Table {
    let (small, large) = plan.deploymentRadii
    var table = Table(
      title,
      columns: [
        "Deployment", "Clean", "Unaware PGD, eps \(small)", "Aware PGD, eps \(small)", "Square, eps \(small)",
        "Stands all three", "p against the first, all three", "Aware FGSM, eps \(large)",
        "Aware PGD, eps \(large)",
      ],
      note:
        "Test images that are right before and after the attack, of all. Unaware: images made for the first row's network. Aware: "
        + "gradients lead through the defence as if a change of the input were none (BPDA), and through the mean of an ensemble's "
        + "logits. Square: \(plan.deploymentQueries) queries, no gradients. " + note)
    for arm in arms {
      table.append([
        .text(arm.name), .proportion(arm.small.cleanAccuracy),
        .proportion(Proportion(arm.unaware.target.map(\.isRobust))), .proportion(arm.small.robustAccuracy),
        .proportion(arm.square.robustAccuracy), .proportion(Proportion(arm.standing)),
        .significant(McNemarTest(first: arm.standing, second: arms[0].standing).pValue),
        .proportion(arm.singleStep.robustAccuracy), .proportion(arm.large.robustAccuracy),
      ])
    }
    return table
  }

  /// What each further arm brings, by the test on the same images.
  var conclusions: [String] {
    let level = significance / Double(max(1, arms.count - 1))
    return arms.dropFirst().map { arm in
      let test = McNemarTest(first: arm.standing, second: arms[0].standing)
      let unaware = Proportion(arm.unaware.target.map(\.isRobust))
      let gain = Proportion(arm.standing).estimate - Proportion(arms[0].standing).estimate
      return
        "\(title), \(arm.name): \(points(gain)) points against the worst of three attacks (p = "
        + "\(Table.Cell.significant(test.pValue).text), "
        + (test.pValue < level ? (gain > 0 ? "better" : "worse") : "no difference shown")
        + "); \(Table.Cell.proportion(unaware).text) stand an attack that does not know of it."
    }
  }

  func addHeadline(_ report: inout ReportFolder) throws {
    guard let last = arms.last else { return }
    try report.addHeadline("deployment_\(name)_accuracy", last.small.cleanAccuracy)
    try report.addHeadline("deployment_\(name)_standing_accuracy", Proportion(last.standing))
  }
}

/// The document's three deployments, with their defences judged by attacks that know of them (requirements D4.105 to D4.107).
func reportDeployments(
  _ runs: [PruningRun], _ forms: [CompressedForms], _ study: Study, _ plan: PrunePlan,
  _ report: inout ReportFolder
) throws {
  report.report.addHeading("Deployments")
  try reportMobile(runs[0], forms[0], study, plan, &report)
  try reportCloud(runs[1], study, plan, &report)
  try reportHighSecurity(runs[0], study, plan, &report)
}
