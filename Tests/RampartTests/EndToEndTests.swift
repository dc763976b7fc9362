import Attacks
import Datasets
import Foundation
import ImageCodecs
import NNLayers
import Reporting
import TensorCore
import Testing

/// The modules together, as a user puts them together: draw, train, judge, attack, report, read again.
@Suite struct EndToEndTests {
  @Test func fromDigitsToReport() async throws {
    try await withFolder { folder in
      let run = SmallRun(epochs: 6)
      let state = try run.trained()
      let evaluation = try state.model.evaluate(on: run.test)
      #expect(evaluation.count == 300 && evaluation.accuracy > 0.8)
      #expect(state.history.epochs.count == 6)
      #expect(state.history.epochs[5].trainingLoss < state.history.epochs[0].trainingLoss / 2)
      #expect(state.history.epochs[5].validationAccuracy == evaluation.accuracy)

      // what was saved answers as what was trained
      let weights = folder.appendingPathComponent("mlp.safetensors")
      try state.model.saveWeights(to: weights, metadata: ["test_accuracy": "\(evaluation.accuracy)"])
      var loaded = MLP(widths: [784, 256, 64, 10], key: RandomKey(seed: 1))
      let metadata = try loaded.loadWeights(from: weights)
      #expect(try loaded.evaluate(on: run.test).accuracy == Double(metadata["test_accuracy"] ?? ""))
      #expect(loaded.weightsDigest == state.model.weightsDigest)

      let results = try attack(loaded, run.test.batch(at: Array(0..<300), epoch: 0))
      try report(state.history, evaluation, results, to: folder.appendingPathComponent("run"))
      try check(folder.appendingPathComponent("run"), evaluation, results)
    }
  }

  private let radii: [Float] = [0, 0.02, 0.1]

  private func attack(_ model: MLP, _ batch: Batch) throws -> [AttackResult] {
    let results = try radii.map { radius in
      try judge(
        FastGradient(budget: LInfBall(radius: radius)), against: LayerClassifier(model), on: batch,
        key: RandomKey(seed: 2))
    }
    #expect(
      results[0].robustErrors == results[0].cleanErrors && results[0].successAmongCorrect.successes == 0)
    #expect(results[1].robustErrors.successes > results[0].robustErrors.successes)
    #expect(results[2].robustErrors.estimate > 0.5)
    for (result, radius) in zip(results, radii) {
      #expect(result.cleanErrors == results[0].cleanErrors)
      #expect(result.records.allSatisfy { $0.norms.lInf <= Double(radius) })
    }
    return results
  }

  private func report(
    _ history: TrainingHistory, _ evaluation: Evaluation, _ results: [AttackResult], to folder: URL
  ) throws {
    let environment = RunEnvironment(
      machine: "test", cores: 1, threads: 1, instructionSet: "\(InstructionSet.current)", swiftVersion: "6")
    var output = try ReportFolder(
      folder, title: "End to end",
      metrics: Metrics(
        program: "end-to-end", profile: "quick", settings: ["epochs": .integer(history.epochs.count)],
        environment: environment, seeds: [61], isSynthetic: true))
    var table = Table("Under attack", columns: ["eps", "Wrong"])
    for (radius, result) in zip(radii, results) {
      let wrong = result.robustErrors
      table.append([
        .significant(Double(radius)), .proportion(successes: wrong.successes, count: wrong.count),
      ])
    }
    try output.add(table, file: "attack.csv")
    var chart = LineChart("Loss", x: Axis("Epoch"), y: Axis("Cross-entropy"))
    chart.series.append(.init("training", y: history.epochs.map(\.trainingLoss)))
    try output.add(chart, file: "figures/loss.png", caption: "Training loss of each epoch.")
    try output.metrics.addHeadline("test_accuracy", evaluation.accuracy)
    try output.finish()
  }

  private func check(_ folder: URL, _ evaluation: Evaluation, _ results: [AttackResult]) throws {
    let metrics = try JSONValue(
      parsing: Data(contentsOf: folder.appendingPathComponent("metrics.json")), name: "metrics.json")
    #expect(metrics["program"]?.text == "end-to-end" && metrics["synthetic"] == .bool(true))
    #expect(metrics["headline"]?["test_accuracy"]?.double == evaluation.accuracy)
    #expect(metrics["settings"]?["epochs"] == .integer(6))
    guard case .array(let tables) = metrics["tables"], case .array(let rows) = tables.first?["rows"],
      case .array(let last) = rows.last
    else {
      Issue.record("no table in metrics.json")
      return
    }
    #expect(rows.count == 3)
    #expect(last[1]["successes"]?.double == Double(results[2].robustErrors.successes))
    #expect(last[1]["count"] == .integer(300))
    let csv = try String(contentsOf: folder.appendingPathComponent("attack.csv"), encoding: .utf8)
    #expect(csv.split(whereSeparator: \.isNewline).count == 4)
    let chart = try Image(contentsOf: folder.appendingPathComponent("figures/loss.png"))
    #expect(chart.width == 1000 && chart.height == 640 && Set(chart.pixels).count > 1)
    let page = try String(contentsOf: folder.appendingPathComponent("report.html"), encoding: .utf8)
    #expect(page.contains("End to end") && page.contains("Under attack") && page.contains("synthetic"))
    #expect(page.contains("src=\"data:image/png;base64,") && !page.contains("src=\"http"))
  }
}
