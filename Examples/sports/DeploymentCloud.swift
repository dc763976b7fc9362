import Attacks
import Datasets
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Scenario 2, a service: ResNetSmall without a fifth of its weights, trained on FGSM images, voting with the unpruned network,
/// behind a validation of inputs and a limit of queries (requirement D4.106).
func reportCloud(_ run: PruningRun, _ study: Study, _ plan: PrunePlan, _ report: inout ReportFolder) throws {
  report.report.addHeading("Cloud: \(run.title) without a fifth of its weights", depth: 2)
  let radius = plan.deploymentRadii.large
  let training = FastGradient(budget: LInfBall(radius: radius))
  var loop = plan.fineTuning(study.options, epochs: plan.reshapedEpochs(run.architecture))
  loop.loss = AdversarialTraining(attack: training, share: 0.5)
  let trained = try study.fineTuned(
    run[20].tuned, "\(run.name)-cloud", loop, rate: plan.reshapedRate, on: run.images.training
  ).model
  func prepared(_ model: any Layer) throws -> PlanClassifier {
    PlanClassifier(try model.prepared(for: run.sample))
  }
  let hardened = try prepared(trained)
  let vote = MajorityVote([hardened, try prepared(run.original.model)])
  let scenario = try DeploymentScenario(
    "Cloud, \(run.title) 20 % pruned", name: "cloud",
    [
      ("20 % pruned", try prepared(run[20].tuned)), ("trained on FGSM images", hardened),
      ("vote with the unpruned network", vote),
    ], study, plan)
  try report.addPrinted(
    scenario.table(
      plan,
      note:
        "Trained on FGSM images: half of each batch attacked in one step at eps \(radius), \(loop.epochs) epochs at rate "
        + "\(plan.reshapedRate), masks kept; where it stands FGSM and not PGD it has learned the single step only. Of two votes "
        + "that differ, the surer one counts."), file: "deployment_cloud.csv")
  report.addPrinted(scenario.conclusions)
  try scenario.addHeadline(&report)
  try limitQueries(of: vote, radius, scenario.samples, study, plan, &report)
  try report.addPrinted(
    validation(of: run.sample, try scenario.samples.batch(1).inputs), file: "deployment_validation.csv")
}

/// What an attack without gradients reaches with the queries that a client has.
private func limitQueries(
  of model: MajorityVote, _ radius: Float, _ samples: AttackedSamples, _ study: Study, _ plan: PrunePlan,
  _ report: inout ReportFolder
) throws {
  let most = plan.deploymentLimits.last ?? 1
  let result = try judge(
    SquareAttack(budget: LInfBall(radius: radius), queries: most), against: model, on: samples.source,
    samples: samples.places, traces: true,
    key: RandomKey(seed: study.options.seed).derived("deployment").derived("queries"))
  guard let trace = result.trace else { preconditionFailure("limitQueries: Square left no trace") }
  let rows = result.records.indices.filter { result.records[$0].isCorrect }
  let needed = trace.stepsToSuccess
  var table = Table(
    "Square under a limit of queries",
    columns: [
      "Queries a client may ask in an hour", "Images fooled within one hour's queries",
      "Queries admitted in the first hour", "Queries refused",
    ],
    note:
      "Square at eps \(radius) against the vote, of the images it first classifies correctly. Admitted and refused: a client that asks "
      + "once a second for an hour. Whoever has several clients has as many limits, and whoever has a copy of the network needs "
      + "no queries at all.")
  for limit in plan.deploymentLimits {
    let gate = QueryLimit(limit, perSeconds: 3600)
    let refused = (0..<3600).count { second in
      (try? gate.admit(from: "client", at: Double(second))) == nil
    }
    // the look at the start is a query as well
    let fooled = rows.map { row in needed[row].map { $0 + 1 <= limit } ?? false }
    table.append([
      .integer(limit), .proportion(Proportion(fooled)), .integer(3600 - refused), .integer(refused),
    ])
  }
  try report.addPrinted(table, file: "deployment_queries.csv")
}

/// What the service answers to inputs for which nothing was measured.
private func validation(of sample: Shape, _ image: Tensor) -> Table {
  let validator = InputValidator(shape: sample)
  func changed(_ value: Float) -> Tensor {
    var copy = image
    copy[0, 0, 0, 0] = value
    return copy
  }
  let inputs: [(String, Tensor)] = [
    ("a test image", image), ("a pixel that is not a number", changed(.nan)),
    ("a pixel of 1.2", changed(1.2)), ("pixels from 0 to 255", image * 255),
    ("an image without its batch axis", image[row: 0]),
  ]
  var table = Table("Validation of inputs", columns: ["Input", "Answer"])
  for (name, input) in inputs {
    do {
      try validator.check(input)
      table.append([.text(name), .text("admitted")])
    } catch { table.append([.text(name), .text("refused: \(error)")]) }
  }
  return table
}
