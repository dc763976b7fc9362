import AutoDiffLite
import NNLayers
import Reporting
import TensorCore

/// The linear model's weights as pictures for three penalties (requirements D3.7 to D3.9, D3.30).
func drawTemplates(_ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Linear templates")
  let lambdas: [Float] = [0, 1e-4, 1e-1]
  let runs = try lambdas.map { try study.train([784, 10], lambda: $0, epochs: study.plan.templateEpochs) }
  var table = Table(
    "Linear model with three penalties",
    columns: ["lambda", "Test accuracy", "Test loss", "Penalty", "Largest weight"],
    note:
      "\(study.plan.templateEpochs) epochs; after the last one. Penalty: lambda times the sum of squared weights."
  )
  for run in runs {
    guard let last = run.history.epochs.last else { continue }
    table.append([
      .significant(Double(run.lambda)), rate(last.validationAccuracy, study.test.count),
      .number(last.validationLoss ?? .nan), .number(last.penalty),
      .number(Double(weights(run.last).absolute().max())),
    ])
  }
  try report.add(table, file: "templates.csv")
  print(table.text)
  let rows = runs.map { run in
    (0..<10).map { label in
      (values: weights(run.last)[row: label].reshaped(to: [28, 28]), caption: "\(label)")
    }
  }
  try report.add(
    ImageGrid.diverging(
      rows, title: "Weights of the linear model",
      rowTitles: lambdas.map { "lambda \(Table.Cell.significant(Double($0)).text)" }),
    file: "weights_visualization.png",
    caption:
      "Each class's weights as a 28 x 28 picture, one symmetric colour scale: red raises the class's score, blue "
      + "lowers it.")
  try drawTemplatesAsSaliency(study, linear: runs[0].last, &report)
}

/// For a linear model the gradient of a score is its template, whatever the image; for a perceptron it depends on the
/// image, and its mean over a class's images is set beside the template.
private func drawTemplatesAsSaliency(_ study: Study, linear: MLP, _ report: inout ReportFolder) throws {
  let width = study.plan.widths[0]
  let shallow = try study.train([784, width, 10], epochs: study.plan.bestEpochs).last
  let count = min(1000, study.test.count)
  let batch = study.test.batch(at: Array(0..<count), epoch: 0)
  func saliency(_ model: MLP) -> [(values: Tensor, caption: String)] {
    let slopes = gradient(at: batch.inputs) { x in
      model(x, in: Pass(.evaluation)).picked(columns: batch.labels).sum()
    }
    return (0..<10).map { label in
      let rows = (0..<count).filter { batch.labels[$0] == label }
      let mean = rows.isEmpty ? Tensor.zeros(shape: [784]) : slopes.gathered(rows: rows).mean(alongAxis: 0)
      // each map on its own scale: shapes are compared, not strengths
      return (mean.reshaped(to: [28, 28]) / max(mean.absolute().max(), 1e-12), "\(label)")
    }
  }
  try report.add(
    ImageGrid.diverging(
      [saliency(linear), saliency(shallow)], title: "Templates as saliency maps",
      rowTitles: ["linear", "784-\(width)-10"]),
    file: "figures/templates_as_saliency.png",
    caption:
      "Gradient of the true class's score with respect to the image, mean over the class's images among the first "
      + "\(count) of the test set, each divided by its largest value. The linear model's is its template.")
}

/// The weights of a linear model, `[10, 784]`.
func weights(_ model: MLP) -> Tensor { model.parameters[0].parameter.value }
