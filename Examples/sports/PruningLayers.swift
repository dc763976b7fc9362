import Compression
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// What one ranking leaves of each layer (requirements D4.101, D4.144).
func reportLayers(_ runs: [PruningRun], _ plan: PrunePlan, _ report: inout ReportFolder) throws {
  report.report.addHeading("Layers")
  for run in runs {
    var table = Table(
      "Sparsity of each layer under global pruning, \(run.title)",
      columns: ["Layer", "Weights"] + run.networks.map { "\($0.percent) %" },
      note:
        "The last row weighs layers by size: it is the sparsity asked for, within one weight. (The document's layers come to "
        + "82.06 and 85.58 % at 80 %.) A high sparsity says that a layer's weights are small, not that it can do without them."
    )
    for (place, row) in run.networks[0].report.rows.enumerated() {
      table.append(
        [.text(row.name), .integer(row.count)]
          + run.networks.map { .percent($0.report.rows[place].sparsity, decimals: 2) })
    }
    table.append(
      [.text("all"), .integer(run.networks[0].report.prunableCount)]
        + run.networks.map { .percent($0.report.sparsity, decimals: 4) })
    try report.addPrinted(table, file: "layers_\(run.name).csv")
  }
}

/// A way to divide the weights that go among the layers.
enum Allocation: String, CaseIterable {
  case global, uniform
  case erdosRenyi = "ERK"
  case sparingOutput = "output layer spared"

  func pruner(of model: some Layer) -> Pruner {
    switch self {
    case .global: return Pruner()
    case .uniform: return Pruner(allocation: BudgetedAllocation())
    case .erdosRenyi: return Pruner(allocation: ErdosRenyiKernel())
    case .sparingOutput:
      let weights = model.parameters.filter { ParameterGroup.isWeight($0.name, $0.parameter) }
      guard let last = weights.last else { preconditionFailure("Allocation: a model without weights") }
      return Pruner(allocation: BudgetedAllocation(factors: [last.name: 0.5]))
    }
  }

  /// The network's weights, not yet trained further.
  func pruned(_ model: any Layer, percent: Int) throws -> any Layer {
    var copy = model
    try pruner(of: model).prune(&copy, to: Double(percent) / 100)
    return copy
  }
}

/// One sparsity, divided in four ways (requirement D4.103).
func compareAllocations(
  _ runs: [PruningRun], _ study: Study, _ plan: PrunePlan, _ report: inout ReportFolder
) throws {
  let percent = PrunePlan.compared
  report.report.addHeading("Layer by layer or all at once", depth: 2)
  for run in runs {
    let epochs = plan.allocationEpochs(run.architecture)
    var table = Table(
      "Allocations at \(percent) %, \(run.title)",
      columns: ["Allocation", "Densest layer", "Sparsest layer", "Test images, not fine-tuned"]
        + Answers.columns(against: "global"),
      note:
        "Rates and p are after \(epochs) \(epochs == 1 ? "epoch" : "epochs") of fine-tuning. Uniform: every layer alike. ERK: "
        + "small layers keep more. Output layer spared: half the others' sparsity.")
    var global: Answers?
    var results: [(allocation: Allocation, answers: Answers)] = []
    for allocation in Allocation.allCases {
      let pruned = try allocation.pruned(run.original.model, percent: percent)
      let before = try pruned.evaluate(on: run.images.test)
      let (tuned, _) = try study.fineTuned(
        pruned, "\(run.name)-allocation-\(Allocation.allCases.firstIndex(of: allocation) ?? 0)",
        plan.fineTuning(study.options, epochs: epochs), rate: plan.learningRate, on: run.images.training)
      let answers = try Answers(tuned, run.images)
      let first = global ?? answers
      global = first
      let rows = SparsityReport(of: tuned).rows.sorted { $0.sparsity < $1.sparsity }
      func text(_ row: SparsityReport.Row) -> Table.Cell {
        .text("\(row.name), \(Table.Cell.percent(row.sparsity, decimals: 1).text)")
      }
      table.append(
        [
          .text(allocation.rawValue), text(rows[0]), text(rows[rows.count - 1]),
          .proportion(successes: before.correct, count: before.count),
        ]
          + answers.cells(against: first))
      results.append((allocation, answers))
    }
    try report.addPrinted(table, file: "allocations_\(run.name).csv")
    report.addPrinted(insight(run, results))
  }
}

/// Whether dividing by layers was shown to be better than one ranking; on training images too, where small differences show.
private func insight(_ run: PruningRun, _ results: [(allocation: Allocation, answers: Answers)]) -> [String] {
  let level = significance / Double(2 * (results.count - 1))
  return results.dropFirst().flatMap { one in
    [("test", \Answers.test), ("training", \Answers.training)].map { name, images in
      let (first, second) = (one.answers[keyPath: images], results[0].answers[keyPath: images])
      let p = McNemarTest(first: first, second: second).pValue
      let difference = Proportion(first).estimate - Proportion(second).estimate
      return
        "\(run.title), \(one.allocation.rawValue) against global, \(name) images: \(points(difference)) points, p = "
        + "\(Table.Cell.significant(p).text), "
        + (p < level ? (difference > 0 ? "better." : "worse.") : "no difference shown.")
    }
  }
}

/// One layer at a time (requirements D4.102, D4.145).
func scanSensitivity(_ runs: [PruningRun], _ plan: PrunePlan, _ report: inout ReportFolder) throws {
  report.report.addHeading("Sensitivity", depth: 2)
  let graded = plan.scannedSparsities.firstIndex(of: Double(PrunePlan.compared) / 100) ?? 0
  let test = try runs[0].images.test.batch(at: Array(0..<runs[0].images.test.count))
  for run in runs {
    let batch = try run.images.batch(plan.scannedImages)
    let scan = SensitivityScan(sparsities: plan.scannedSparsities)
    let onTraining = try scan.run(on: run.original.model) { try $0.accuracy(on: batch) }
    let onTest = try scan.run(on: run.original.model) { try $0.accuracy(on: test) }
    var table = Table(
      "One layer pruned alone, \(run.title)",
      columns: ["Layer", "Weights"]
        + plan.scannedSparsities.map { "TRAINING images, \(Table.Cell.percent($0, decimals: 0).text)" }
        + ["Test images, \(PrunePlan.compared) %", "Drop, points", "Grade"],
      note:
        "Accuracy with all other layers dense and nothing trained, on \(batch.count) training images, where the dense network has "
        + "\(Table.Cell.percent(onTraining.dense, decimals: 1).text). The grade is that of the drop on training images at "
        + "\(PrunePlan.compared) %: low below 1 point, medium below 5, high below 15, critical from there on. One test image is "
        + "\(Table.Cell.number(100 / Double(test.count), decimals: 1).text) points, too much to grade by.")
    for (row, judged) in zip(onTraining.rows, onTest.rows) {
      let drop = onTraining.dense - row.measured[graded]
      table.append(
        [.text(row.name), .integer(row.count)] + row.measured.map { rate($0, batch.count) } + [
          rate(judged.measured[graded], test.count), .number(100 * drop, decimals: 1),
          .text(Sensitivity(drop: drop).rawValue),
        ])
    }
    try report.addPrinted(table, file: "sensitivity_\(run.name).csv")
  }
}

extension Layer {
  /// The share of a batch that is classified rightly.
  fileprivate func accuracy(on batch: Batch) throws -> Double {
    let plan = try prepared(for: batch.inputs.shape.removing(axis: 0))
    let predictions = plan.logits(batch.inputs).argmax(alongAxis: 1)
    return Double(correctCount(predictions: predictions, labels: batch.labels)) / Double(batch.count)
  }
}
