import Compression
import Datasets
import Foundation
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Whether the weights that training began with make the masks worth more than other weights under the same masks
/// (requirement D4.137): rounds of training, pruning and rewinding, then ticket and control, each trained several times.
///
/// Source: Frankle and Carbin, "The Lottery Ticket Hypothesis", ICLR 2019.
func testLotteryTicket(_ run: PruningRun, _ study: Study, _ plan: PrunePlan, _ report: inout ReportFolder)
  throws
{
  let key = RandomKey(seed: study.options.seed).derived("prune").derived("ticket")
  let initial = run.architecture.untrained(key.derived("weights"))
  func trained(_ model: any Layer, _ name: String, _ key: RandomKey) throws -> any Layer {
    var loop = TrainingLoop(epochs: plan.ticket.epochs, batchSize: plan.batchSize, key: key)
    loop.schedule = CosineAnnealing(period: plan.ticket.epochs, minimum: 1e-6)
    return try study.fineTuned(
      model, "\(run.name)-ticket-\(name)", loop, rate: 1e-3, coupledDecay: 1e-4, on: run.images.training
    ).model
  }
  let sparsity = Double(PrunePlan.compared) / 100
  // each round takes the same share of what is left, the last one ends at the sparsity
  let share = 1 - pow(1 - sparsity, 1 / Double(plan.ticket.rounds))
  let dense = try trained(initial, "dense", key.derived("dense"))
  let mask = try rewound(
    dense, to: initial, Pruner.sparsities(removing: share, rounds: plan.ticket.rounds)
  ) { model, round in try trained(model, "round-\(round)", key.derived("round").derived(round)) }
  let arms: [(name: String, start: (Int) -> any Layer)] = [
    ("ticket: the weights that training began with", { _ in masked(initial, as: mask) }),
    (
      "control: other random weights, same masks",
      { masked(run.architecture.untrained(key.derived("control").derived($0)), as: mask) }
    ),
    ("dense", { _ in initial }),
  ]
  var table = Table(
    "Lottery ticket, \(run.title) at \(PrunePlan.compared) %",
    columns: ["Weights at the start", "Repetition", "Test images", "TRAINING images"],
    note:
      "Masks from \(plan.ticket.rounds) rounds of training and pruning by magnitude, each begun again with the initial weights. "
      + "Then each arm is trained \(plan.ticket.repeats) times from scratch, \(plan.ticket.epochs) epochs of Adam 0.001 with the rate "
      + "on a cosine, no augmentation; repetition r sees the images in the same order in all arms.")
  var accuracies: [[Double]] = []
  for (place, arm) in arms.enumerated() {
    let answers = try (0..<plan.ticket.repeats).map { repetition in
      try Answers(
        try trained(
          arm.start(repetition), "\(["ticket", "control", "whole"][place])-\(repetition)",
          key.derived("repetition").derived(repetition)), run.images)
    }
    for (repetition, one) in answers.enumerated() {
      table.append([
        .text(arm.name), .integer(repetition + 1), .proportion(one.testAccuracy),
        .proportion(one.trainingAccuracy),
      ])
    }
    accuracies.append(answers.map(\.testAccuracy.estimate))
  }
  report.report.addHeading("Lottery ticket", depth: 2)
  try report.addPrinted(table, file: "lottery_ticket.csv")
  let test = PairedTTest(accuracies[0], accuracies[1])
  let difference = points(test.difference.mean)
  report.addPrinted([
    "Ticket minus control: \(difference) points of test accuracy in the mean of \(plan.ticket.repeats) repetitions (paired t test, p = "
      + "\(Table.Cell.significant(test.pValue).text)). "
      + (test.pValue < significance
        ? (test.difference.mean > 0
          ? "The initial weights matter: a lottery ticket is shown."
          : "The initial weights do worse than others: no lottery ticket.")
        : "That the initial weights matter is not shown, so nothing here is called a lottery ticket.")
  ])
}

/// The masks that rounds of training and pruning end with.
private func rewound(
  _ dense: any Layer, to initial: any Layer, _ sparsities: [Double],
  _ train: (any Layer, _ round: Int) throws -> any Layer
) throws -> any Layer {
  func rounds<Model: Layer>(_ dense: Model) throws -> any Layer {
    guard let initial = initial as? Model else { preconditionFailure("rewound: another kind of network") }
    // what the last round would train is trained by the arms
    let last = try Pruner().iterate(dense, to: sparsities, rewindingTo: initial) { model, round in
      guard round < sparsities.count - 1 else { return }
      guard let trained = try train(model, round) as? Model else {
        preconditionFailure("rewound: training changed the kind of network")
      }
      model = trained
    }.last
    guard let last else { preconditionFailure("rewound: no rounds") }
    return last.pruned
  }
  return try rounds(dense)
}

private func masked(_ model: any Layer, as other: any Layer) -> any Layer { model.masked(as: other) }
