import Datasets
import Foundation
import Reporting
import TensorCore

/// What the three problems say together (requirements D4.109 to D4.112).
func addConclusions(_ results: SportsResults, _ report: inout ReportFolder) throws {
  report.report.addHeading("Conclusions")
  report.report.addHeading("Accuracy, robustness, efficiency", depth: 2)
  let corners = try Architecture.allCases.flatMap { try Corner.all(of: $0, in: results) }
  try report.addPrinted(triangle(corners), file: "triangle.csv")
  let charts = [
    (
      "accuracy_size",
      chart(corners, "Accuracy against size", "Accuracy, test images") { $0.accuracy.rate?.estimate },
      "Every form of both networks: up is better, left is better. Times are in the table."
    ),
    (
      "robustness_size",
      chart(corners, "Robustness against size", "Right after PGD, eps 0.03, of those right before") {
        $0.fallen.rate.map { 1 - $0.estimate }
      }, "The same forms under PGD at eps 0.03; forms without an image that was right before are left out."
    ),
  ]
  for (name, chart, caption) in charts where !chart.series.isEmpty {
    try report.add(chart, file: "figures/conclusions/\(name).png", caption: caption)
  }
  report.addPrinted(try findings(results))
  report.report.addHeading("Contributions", depth: 2)
  report.addPrinted(try contributions(results))
  report.report.addHeading("Limits", depth: 2)
  report.addPrinted(try limits(results))
  report.report.addHeading("Lessons, and where the tools keep them", depth: 2)
  try report.add(lessons, file: "lessons.csv")
}

/// One form of a network in the three respects.
private struct Corner {
  let network: Architecture
  let form: String
  let accuracy: Table.Cell
  /// Of the images first classified correctly, those that PGD turns.
  let fallen: Table.Cell
  let milliseconds: Table.Cell
  let mebibytes: Table.Cell

  static func all(of network: Architecture, in results: SportsResults) throws -> [Corner] {
    let table = try results.prune.table("Every sparsity, \(network.title)")
    return table.rows.map { row in
      let form = row[0].text
      func cell(_ column: String) -> Table.Cell { table.cell(form, column: column) ?? .empty }
      return Corner(
        network: network, form: form, accuracy: cell("After fine-tuning"), fallen: cell("PGD success"),
        milliseconds: cell("Batch 1, ms"), mebibytes: cell("File, MiB"))
    }
  }
}

private func triangle(_ corners: [Corner]) -> Table {
  var table = Table(
    "The triangle of accuracy, robustness and efficiency",
    columns: [
      "Network", "Form", "Accuracy, test images", "PGD success, eps 0.03, first correct", "One image, ms",
      "File, MiB",
    ],
    note:
      "From problem C. Where intervals overlap no order is claimed; paired tests are in the tables of problem C."
  )
  for one in corners {
    table.append([
      .text(one.network.title), .text(one.form), one.accuracy, one.fallen, one.milliseconds, one.mebibytes,
    ])
  }
  return table
}

private func chart(_ corners: [Corner], _ title: String, _ name: String, _ height: (Corner) -> Double?)
  -> LineChart
{
  var chart = LineChart(
    title, x: Axis("Deployed file, MiB", scale: .logarithmic),
    y: Axis(name, unit: .percent, range: 0...1))
  for (color, network) in Architecture.allCases.enumerated() {
    let known = corners.filter { $0.network == network }.compactMap { one -> (Corner, Double, Double)? in
      guard let size = one.mebibytes.value, let y = height(one), size > 0, y.isFinite else {
        return nil
      }
      return (one, size, y)
    }
    guard !known.isEmpty else { continue }
    chart.series.append(
      .init(
        network.title, x: known.map(\.1), y: known.map(\.2), style: .dashed, showsPoints: true, color: color))
    chart.points += known.map { .init(x: $0.1, y: $0.2, label: $0.0.form, color: color) }
  }
  return chart
}

private func findings(_ results: SportsResults) throws -> [String] {
  let accuracy = try results.classify.table("Both networks")
  let pairs = try results.attack.table("Pairs")
  let titles = Architecture.allCases.map(\.title)
  let strongest = pairs.rows.first { $0[0].text.hasPrefix("PGD untargeted") }
  func value(_ name: String) throws -> Double { try results.classify.value(name) }
  func number(_ value: Double, _ decimals: Int) -> String {
    Table.Cell.number(value, decimals: decimals).text
  }
  let size = try value("resnet_small_parameters") / value("simple_cnn_parameters")
  let time = try value("resnet_small_latency_ms_batch_1") / value("simple_cnn_latency_ms_batch_1")
  var lines = [
    "Accuracy: \(titles.map { "\($0) \(rateText(accuracy.cell("Test accuracy", column: $0)))" }.joined(separator: ", ")); by "
      + "McNemar's test: \(rateText(accuracy.cell("Test accuracy", column: "Winner")))."
  ]
  if let strongest {
    lines.append(
      "Robustness: PGD at eps 0.03 succeeds on \(strongest[1].text) of \(titles[0])'s and \(strongest[2].text) of \(titles[1])'s images "
        + "(p = \(strongest[3].text), difference: \(strongest[4].text)). Neither network was trained against attacks."
    )
  }
  lines.append(
    "Efficiency: \(titles[1]) has \(number(size, 1)) times the parameters and takes \(number(time, 1)) times as long for one image."
  )
  let easier = try results.prune.table("Does pruning make attacks easier?")
  if let column = easier.columns.firstIndex(where: { $0.title == "Verdict" }) {
    let verdicts = easier.rows.map { $0[column].text }
    lines.append(
      "Pruning and robustness: of \(verdicts.count) comparisons \(verdicts.count { $0 == "easier" }) show pruned networks easier to "
        + "attack and \(verdicts.count { $0 == "harder" }) harder, by a level divided by their number.")
  }
  return lines
}

/// The document's contributions with this run's numbers.
private func contributions(_ results: SportsResults) throws -> [String] {
  let titles = Architecture.allCases.map(\.title)
  let headline = try results.attack.table("Headline")
  func rate(_ name: String) -> String { rateText(headline.cell(name, column: "Rate")) }
  let attacks = Set(try results.attack.table("Settings of the attacks").rows.map { $0[1].text }).count
  let sweet = try Architecture.allCases.map { one in
    let block = String(decoding: try results.prune.data("best_\(one.rawValue).txt"), as: UTF8.self)
    let line = block.split(separator: "\n").first ?? ""
    return
      "\(one.title) \(line.split(separator: "best sparsity ").last.map { $0.prefix { $0 != "-" } } ?? "unknown")"
      .trimmingCharacters(in: .whitespaces)
  }
  let deployments = try ["Mobile", "Cloud", "High security"].map { title in
    let table = try results.prune.table(title)
    let last = table.rows.last?[0].text ?? ""
    return "\(title), \(last): \(rateText(table.cell(last, column: "Clean"))) clean, "
      + "\(rateText(table.cell(last, column: "Stands all three"))) standing three attacks at eps 0.01"
  }
  return [
    "Benchmark: \(attacks) kinds of attack on \(titles.count) networks and \(Int(try results.attack.value("n_attacked"))) test images, every rate "
      + "with n and an interval, every robustness number with checks of its own.",
    "Transfer: of the FGSM images at eps 0.03 that fool \(titles[0]) and are right on both when clean, "
      + "\(rate("simple_cnn_transfer_fgsm_003")) fool \(titles[1]); the other way \(rate("resnet_small_transfer_fgsm_003")).",
    "Pruning against robustness: attacked image by image, with the original's smallest eps and steps beside those of the pruned "
      + "network.",
    "Sweet spot by the rule in problem C: \(sweet.joined(separator: ", ")).",
    "Deployment guide, measured against attacks that know of the defence: \(deployments.joined(separator: "; ")).",
  ]
}

private func limits(_ results: SportsResults) throws -> [String] {
  let images = Int(try results.classify.value("train_images"))
  let attacked = Int(try results.attack.value("n_attacked"))
  let judged =
    try results.classify.table("Both networks").cell(
      "Test accuracy", column: Architecture.simpleCNN.title)?.rate?.count ?? 0
  let half = Proportion(successes: judged / 2, count: judged).interval()
  let certificates = try results.prune.table("Certificates by randomized smoothing")
  let best = certificates.rows.last?[0].text ?? ""
  return [
    "\(images) training images and \(judged) to judge by: one of these is \(Table.Cell.number(100 / Double(max(1, judged)), decimals: 1).text) "
      + "points, and a rate of a half has the interval \(range(half, percent: true)). Where the test is the validation, as in the "
      + "document, the epoch was chosen by the images that judge it.",
    "Attacks were run on \(attacked) test images; rates on training images are marked and are no test.",
    "Everything ran on a CPU; times are of one machine, named at the end.",
    "Unstructured zeros need sparse kernels to save time; structured pruning, low rank and 8 bits are measured beside them.",
    "Robust accuracies are upper bounds, since a stronger attack may exist. Certificates exist for the deployment of high security only; "
      + "of the base classifier \(best), at an L2 radius of 0.25: "
      + "\(rateText(certificates.cell(best, column: "Certified correct, L2 0.25"))).",
    "Networks of 32 x 32 pixels; nothing here speaks of large images or large networks.",
  ]
}

private let lessons: Table = {
  var table = Table("Lessons and tools", columns: ["Lesson", "Tool"])
  for (lesson, tool) in [
    (
      "Adversarial training belongs in the standard pipeline",
      "AdversarialTraining, TRADES, MART, free and fast training are losses of the one TrainingLoop; RobustnessProbe watches for collapse"
    ),
    (
      "Ablations before claims",
      "LotteryTicket's random control, allocations, distillation and robust scores are arms on the same images"
    ),
    ("Problems must be read together", "this report joins the parts' own numbers; nothing is typed in"),
    (
      "Deployments must be monitored",
      "FeatureSqueezing with AlarmThreshold, ROC curve and false-alarm rate; InputValidator; QueryLimit"
    ),
    ("Robustness numbers must be doubted", "checkEvaluation stands beside each of them"),
    (
      "A checkpoint must be what it says",
      "loading verifies the recorded accuracy; a missing file ends the run"
    ),
  ] { table.append([.text(lesson), .text(tool)]) }
  return table
}()
