import Attacks
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Attacks each network through a copy trained on its answers alone (requirement D4.74).
func attackThroughSurrogates(
  _ attacked: [AttackedNetwork], _ study: Study, _ plan: AttackPlan, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Attack through a surrogate", depth: 2)
  var table = Table(
    "Attack through a copy",
    columns: [
      "Network", "Queries", "Copy agrees on clean images", "Copy fooled", "Network fooled",
      "Conditional rate",
    ],
    note:
      "A fresh \(Architecture.simpleCNN.title) learns the network's answers to the training images, "
      + "\(plan.surrogateEpochs) epochs, without their labels; MI-FGSM on it, at eps \(plan.radius), is shown to the network. "
      + "Nothing of the network is seen but the class that it predicts.")
  for one in attacked {
    let outcome = try surrogate(of: one, study, plan)
    table.append([
      .text(one.title), .integer(outcome.queries), .proportion(outcome.agreement),
      .proportion(outcome.transfer.sourceFooled), .proportion(outcome.transfer.targetFooled),
      .proportion(outcome.transfer.rateAmongCorrect),
    ])
  }
  try report.addPrinted(table, file: "surrogate.csv")
}

private func surrogate(
  of one: AttackedNetwork, _ study: Study, _ plan: AttackPlan
) throws -> (queries: Int, agreement: Proportion, transfer: TransferResult) {
  let key = RandomKey(seed: study.options.seed).derived("surrogate")
  let samples = one.outcomes[0].samples
  func run<Model: Layer>(_ model: Model) throws -> (
    queries: Int, agreement: Proportion, transfer: TransferResult
  ) {
    let result = try surrogateTransfer(
      of: ProjectedGradient.momentumIterative(budget: LInfBall(radius: plan.radius)), to: one.classifier,
      training: TrainingState(model: model, optimizer: Adam(learningRate: 1e-3)),
      with: TrainingLoop(epochs: plan.surrogateEpochs, batchSize: 32, key: key), queries: study.data.training,
      on: samples.source, samples: samples.places, key: key.derived("attack"))
    return (result.queries, result.agreement, result.transfer)
  }
  return try run(Architecture.simpleCNN.untrained(key.derived("weights")))
}
