import Attacks
import Datasets
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Scenario 3, high security: at most a fifth of the weights gone, adversarial training, and certificates by randomized smoothing
/// (requirement D4.107).
func reportHighSecurity(_ run: PruningRun, _ study: Study, _ plan: PrunePlan, _ report: inout ReportFolder)
  throws
{
  report.report.addHeading("High security: certificates", depth: 2)
  let (_, radius) = plan.deploymentRadii
  let noise = try SmoothingNoise(standardDeviation: plan.certified.sigma)
  func trained(_ name: String, _ loss: any TrainingLoss) throws -> PlanClassifier {
    var loop = plan.fineTuning(study.options, epochs: plan.certified.epochs)
    loop.loss = loss
    let model = try study.fineTuned(
      run[20].tuned, "\(run.name)-secure-\(name)", loop, rate: plan.reshapedRate, on: run.images.training
    ).model
    return PlanClassifier(try model.prepared(for: run.sample))
  }
  let bare = PlanClassifier(try run[20].tuned.prepared(for: run.sample))
  let training = ProjectedGradient(budget: LInfBall(radius: radius), stepSize: radius / 4, steps: 7)
  let hardened = try trained("adversarial", AdversarialTraining(attack: training, share: 1))
  let scenario = try DeploymentScenario(
    "High security, \(run.title) 20 % pruned", name: "secure",
    [("20 % pruned", bare), ("adversarial training", hardened)], study, plan)
  try report.addPrinted(
    scenario.table(
      plan,
      note: "Adversarial training: every image attacked by \(training), \(plan.certified.epochs) epochs."),
    file: "deployment_secure.csv")
  report.addPrinted(scenario.conclusions)
  try scenario.addHeadline(&report)

  let ball = L2Ball(radius: plan.certified.sigma)
  let inner = ProjectedGradient(
    budget: ball, stepSize: ball.radius / 2, steps: 3, startsAtRandom: false)
  let bases: [(name: String, base: PlanClassifier)] = [
    ("20 % pruned", bare), ("trained on noise", try trained("noise", NoiseTraining(noise: noise))),
    (
      "adversarially trained through noise",
      try trained("smoothadv", SmoothAdv(attack: inner, noise: noise, copies: 2))
    ),
  ]
  let key = RandomKey(seed: study.options.seed).derived("deployment").derived("certificates")
  let results = try bases.map { name, base in
    guard let evaluation = base.plan as? EvaluationPlan else {
      preconditionFailure("reportHighSecurity: \(name) has no plan in floats")
    }
    return (
      name,
      try SmoothedClassifier(evaluation, noise: noise).certify(
        scenario.samples.source, samples: scenario.samples.places, settings: plan.certified.settings, key: key
      )
    )
  }
  try report.addPrinted(certificates(results, noise, plan, run.sample), file: "deployment_certificates.csv")
  if let last = results.last {
    try report.addHeadline(
      "deployment_secure_certified_accuracy", last.1.certifiedAccuracy(atRadius: plan.certified.radii[1]))
  }
}

private func certificates(
  _ results: [(name: String, result: CertificationResult)], _ noise: SmoothingNoise, _ plan: PrunePlan,
  _ sample: Shape
) -> Table {
  let radii = plan.certified.radii
  let largest = plan.certified.settings.largestRadius(noise)
  var table = Table(
    "Certificates by randomized smoothing, 20 % pruned",
    columns: ["Base classifier"]
      + radii.map { Table.Column("Certified correct, L2 \($0)") } + [
        "Certified wrong", "Abstained", "Mean radius of all", "Largest radius",
      ],
    note:
      "\(noise); \(plan.certified.settings). No certificate can reach beyond "
      + "\(Table.Cell.number(largest, decimals: 4).text) with so many draws. An L2 radius r covers every change of all \(sample.count) "
      + "values by up to r / \(Table.Cell.number(Double(sample.count).squareRoot(), decimals: 1).text). Training: "
      + "\(plan.certified.epochs) epochs from the pruned weights, masks kept.")
  for (name, result) in results {
    table.append(
      [.text(name)] + radii.map { .proportion(result.certifiedAccuracy(atRadius: $0)) } + [
        .proportion(result.certifiedWrong), .proportion(result.abstained),
        .number(result.meanRadiusOfAll, decimals: 4),
        result.largestRadius.map { .number($0, decimals: 4) } ?? .empty,
      ])
  }
  return table
}
