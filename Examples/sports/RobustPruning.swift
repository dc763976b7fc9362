import Attacks
import Compression
import Datasets
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Pruning that minds robustness: a score that looks at attacked images, and adversarial fine-tuning, beside plain pruning
/// (requirements D4.165, D4.170).
func compareDefences(_ run: PruningRun, _ study: Study, _ plan: PrunePlan, _ report: inout ReportFolder)
  throws
{
  let radius = plan.attacks.radius
  let training = ProjectedGradient(budget: LInfBall(radius: radius), stepSize: radius / 4, steps: 7)
  let key = RandomKey(seed: study.options.seed).derived("prune").derived("robust")
  let scored = run.images.training.subset(
    at: Array(run.images.training.placesInTurn.prefix(plan.scannedImages)))
  // one attacked batch a gradient: which weights the robust loss needs
  let robust = TaylorScore(on: scored) { model, batch in
    try AdversarialTraining(attack: training, share: 1)(batch, model: model, key: key.derived("score"))
  }
  func pruned(_ score: any PruningScore) throws -> any Layer {
    var model = run.original.model
    try Pruner(score: score).prune(&model, to: Double(PrunePlan.compared) / 100)
    return model
  }
  var loop = plan.fineTuning(study.options)
  loop.loss = AdversarialTraining(attack: training, share: 1)
  func hardened(_ model: any Layer, _ name: String) throws -> any Layer {
    try study.fineTuned(
      model, "\(run.name)-hardened-\(name)", loop, rate: 1e-3, on: run.images.training
    ).model
  }
  let percent = "\(PrunePlan.compared) %"
  let arms: [(name: String, model: any Layer)] = [
    ("original", run.original.model), ("\(percent) by magnitude, fine-tuned", run[PrunePlan.compared].tuned),
    ("not pruned, adversarially fine-tuned", try hardened(run.original.model, "dense")),
    (
      "\(percent) by magnitude, adversarially fine-tuned", try hardened(pruned(MagnitudeScore()), "magnitude")
    ),
    ("\(percent) by robust Taylor score, adversarially fine-tuned", try hardened(pruned(robust), "taylor")),
  ]
  let samples = AttackedSamples(study.data.test, limit: plan.attacks.samples, isTraining: false)
  let learned = AttackedSamples(run.images.training, limit: plan.scannedImages, isTraining: true)
  let small = plan.attacks.radii[0]
  func pgd(_ radius: Float, steps: Int) -> ProjectedGradient<LInfBall> {
    ProjectedGradient(
      budget: LInfBall(radius: radius), stepSize: radius / 3, steps: steps, leavesWhenReached: true)
  }
  var table = Table(
    "Pruning and adversarial training, \(run.title)",
    columns: [
      "Network", "Clean, test images", "PGD, eps \(small)", "PGD, eps \(radius)",
      "AutoAttack, eps \(small), \(min(plan.costly, samples.count)) images",
      "TRAINING images, PGD, eps \(small)",
      "p against magnitude, fine-tuned, PGD eps \(small)",
    ],
    note:
      "Robust accuracy: right before and after the attack, of all images. PGD: \(plan.attacks.steps) steps of a third of eps. "
      + "Adversarial fine-tuning: \(loop.epochs) epochs, rate 0.001, every image attacked by \(training). The Taylor score is the first-order "
      + "change of the loss on images attacked so, when a weight becomes 0.")
  var plain: [Bool]?
  for (name, model) in arms {
    let classifier = PlanClassifier(try model.prepared(for: run.sample))
    func result(_ attack: some Attack, _ images: AttackedSamples, limit: Int? = nil) throws -> AttackResult {
      try judge(
        attack, against: classifier, on: images.source,
        samples: Array(images.places.prefix(limit ?? images.count)),
        key: RandomKey(seed: study.options.seed).derived("attack"))
    }
    let weak = try result(pgd(small, steps: plan.attacks.steps), samples)
    let robust = weak.records.map(\.isRobust)
    if name.hasSuffix("magnitude, fine-tuned") { plain = robust }
    table.append([
      .text(name), .proportion(weak.cleanAccuracy), .proportion(weak.robustAccuracy),
      .proportion(try result(pgd(radius, steps: plan.attacks.steps), samples).robustAccuracy),
      .proportion(try result(plan.attacks.autoAttack(small), samples, limit: plan.costly).robustAccuracy),
      .proportion(try result(pgd(small, steps: plan.attacks.steps), learned).robustAccuracy),
      plain.map { .significant(McNemarTest(first: robust, second: $0).pValue) } ?? .empty,
    ])
  }
  report.report.addHeading("Pruning with robustness in mind", depth: 2)
  try report.addPrinted(table, file: "robust_pruning.csv")
}
