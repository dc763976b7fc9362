import Attacks
import NNLayers
import Reporting
import TensorCore

/// Carries out document 2's experiment on one model and reports it: sweep figures, chosen steps, confidences.
public func turn(
  _ batch: Batch, into target: Int, model: some Layer, name: String, _ report: inout ReportFolder
) throws -> Transformation {
  let result = Transformation(batch, into: target, model: model)
  let folder = name.replacing(" ", with: "-")
  try addSweepCharts(result, name: name, folder: folder, &report)
  try addConfidences(result, model: model, name: name, folder: folder, &report)
  return result
}

private func addSweepCharts(
  _ result: Transformation, name: String, folder: String, _ report: inout ReportFolder
) throws {
  let (steps, samples, classes) = (Transformation.steps, result.batch.count, result.sweep.logits.shape[2])
  let logits = result.sweep.logits
  func chart(_ title: String, _ score: (_ step: Int, _ label: Int) -> Double) -> LineChart {
    var chart = LineChart(
      title, x: Axis("eps (positive: towards \(result.target))"), y: Axis("Score (logit)"))
    for label in 0..<classes {
      chart.series.append(
        .init("\(label)", x: steps.map(Double.init), y: steps.indices.map { score($0, label) }, color: label))
    }
    return chart
  }
  for sample in 0..<samples {
    var figure = chart("Scores of image \(result.batch.indices[sample]), \(name)") {
      Double(logits[$0, sample, $1])
    }
    if let smallest = result.smallest[sample] {
      figure.verticalLines.append(.init(Double(smallest), label: "smallest eps \(decimals(smallest, 4))"))
    }
    try report.add(
      figure, file: "figures/\(folder)/sweep_\(result.batch.indices[sample]).png",
      caption: "The ten scores of test image \(result.batch.indices[sample]) against eps.")
  }
  let means = logits.mean(alongAxis: 1)
  try report.add(
    chart("Mean scores of the \(samples) images, \(name)") { Double(means[$0, $1]) },
    file: "figures/\(folder)/sweep_mean.png", caption: "The ten scores against eps, mean of the images.")
}

private func addConfidences(
  _ result: Transformation, model: some Layer, name: String, folder: String, _ report: inout ReportFolder
) throws {
  let target = result.target
  let free = LayerClassifier(model, inputRange: -Float.infinity...Float.infinity)
  func records(_ changed: Tensor) throws -> [AttackRecord] {
    let goal = Targeted(target: target, count: result.batch.count)
    return try attackRecords(free, batch: result.batch, changed: changed, targets: goal.targets, goal: goal)
  }
  let moved = result.moved(by: result.chosen)
  let unclipped = try records(moved)
  let clipped = try records(moved.clamped(to: 0...1))
  var table = Table(
    "Images turned into a \(target), \(name)",
    columns: [
      "Image", "Predicted before", "Confidence in \(target) before", "Smallest eps", "Chosen eps",
      "Predicted after", "Confidence in \(target) after", "L-infinity", "L2", "Clipped: predicted",
      "Clipped: confidence in \(target)", "Clipped: L-infinity", "Clipped: L2",
    ],
    note:
      "Chosen eps: the first of the 101 steps at which \(target) has the highest score. Clipped: the same image moved "
      + "into [0, 1], where a step below 0 on a dark pixel is undone.")
  for (i, (plain, cut)) in zip(unclipped, clipped).enumerated() {
    let row: [Table.Cell] = [
      .integer(plain.index), .integer(plain.clean.label), confidence(plain, \.before),
      step(result.smallest[i], decimals: 6), step(result.chosen[i], decimals: 2),
    ]
    table.append(row + outcome(plain) + outcome(cut))
  }
  try report.add(table, file: "\(folder)_images.csv")
  print(table.text)

  var fixed = Table(
    "Images of class \(target) at fixed steps, \(name)",
    columns: ["eps", "Become a \(target)", "Change class", "Lowest confidence in \(target)", "Highest"],
    note:
      "Unclipped images. 0.007 is the value of the panda picture; 0.15 and 0.2 are the document's; 1 is the full sign."
  )
  for step: Float in [0.007, 0.15, 0.2, 0.3, 1] {
    let rows = try records(result.batch.inputs + step * result.directions)
    let confidences = rows.compactMap { $0.targetConfidence?.after }
    fixed.append([
      .number(Double(step), decimals: 3),
      .proportion(successes: rows.count { $0.isSuccess }, count: rows.count),
      .proportion(successes: rows.count { $0.clean.label != $0.adversarial.label }, count: rows.count),
      .percent(confidences.min() ?? .nan), .percent(confidences.max() ?? .nan),
    ])
  }
  try report.add(fixed, file: "\(folder)_fixed_steps.csv")
  print(fixed.text)
}

private func confidence(_ record: AttackRecord, _ moment: KeyPath<AttackRecord.Change, Double>) -> Table.Cell
{
  record.targetConfidence.map { .percent($0[keyPath: moment]) } ?? .empty
}

private func step(_ value: Float?, decimals: Int) -> Table.Cell {
  value.map { .number(Double($0), decimals: decimals) } ?? .text("not reached")
}

private func outcome(_ record: AttackRecord) -> [Table.Cell] {
  [
    .integer(record.adversarial.label), confidence(record, \.after), .number(record.norms.lInf, decimals: 4),
    .number(record.norms.l2, decimals: 4),
  ]
}

/// A number with a fixed count of decimals.
public func decimals(_ value: Float, _ count: Int) -> String {
  Table.Cell.number(Double(value), decimals: count).text
}
