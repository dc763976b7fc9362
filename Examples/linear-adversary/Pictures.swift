import Attacks
import ImageCodecs
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// The pictures of the document: original + eps · sign = adversarial image, and what the full sign does.
func drawTwoToSix(_ result: Transformation, of model: some Layer, _ report: inout ReportFolder) throws {
  let count = result.batch.count
  let moved = result.moved(by: result.chosen)
  let full = result.batch.inputs + result.directions
  let (before, after, atOne) = (
    Answers(model, result.batch.inputs), Answers(model, moved), Answers(model, full)
  )

  let alone = Answers(model, result.directions)

  func tile(_ values: Tensor, _ sample: Int, _ answers: Answers) -> ImageGrid.Tile {
    ImageGrid.Tile(
      image(values, sample).clamped(to: 0...1), below: answers.caption(sample, target: result.target),
      frame: answers.labels[sample] == result.batch.labels[sample] ? .right : .wrong)
  }
  var grid = ImageGrid(
    title: "Original, sign of the gradient, adversarial image",
    columnTitles: ["original", "direction", "adversarial", "eps = 1"],
    rowTitles: result.batch.indices.map { "image \($0)" })
  let scale = ColorScale(.blueWhiteRed, over: -1...1)
  for sample in 0..<count {
    let step = result.chosen[sample].map { "eps \(decimals($0, 2))" } ?? "not reached"
    grid.append(row: [
      tile(result.batch.inputs, sample, before),
      ImageGrid.Tile(
        scale.image(image(result.directions, sample)),
        below: step + "\n" + alone.caption(sample, target: result.target)),
      tile(moved, sample, after),
      tile(full, sample, atOne),
    ])
  }
  try report.add(
    grid, file: "figures/two_to_six.png",
    caption:
      "Left to right: the clean image; the direction in which the cost of \(result.target) falls (red raises a "
      + "pixel, blue lowers it); the image moved by the chosen eps; the image moved by 1, which spoils the purpose: "
      + "a mixture of \(result.batch.labels[0]) and \(result.target). Drawn clipped to [0, 1]. Below each: prediction and "
      + "confidence in \(result.target); the frame is green where the prediction is right.")
  try saveImages(result, moved, &report)
}

/// The images as PNG, clipped, and as numbers, unclipped.
private func saveImages(_ result: Transformation, _ moved: Tensor, _ report: inout ReportFolder) throws {
  for (sample, index) in result.batch.indices.enumerated() {
    let pictures = [("original", result.batch.inputs), ("adversarial", moved.clamped(to: 0...1))]
    for (name, values) in pictures {
      try Image(image(values, sample).expanded(axis: 0)).writePNG(
        to: report.fileURL("images/\(index)_\(name).png"))
    }
  }
  try NPZFile.write(
    [
      ("originals", NPYFile(result.batch.inputs)), ("adversarial", NPYFile(moved)),
      ("directions", NPYFile(result.directions)), ("eps", NPYFile(Tensor(result.chosen.map { $0 ?? .nan }))),
      ("test_indices", NPYFile(IntTensor(result.batch.indices))),
    ], to: report.fileURL("images/images.npz"))
}

/// One image of a flattened batch: `[n, 784] → [28, 28]`.
func image(_ batch: Tensor, _ sample: Int) -> Tensor { batch[row: sample].reshaped(to: [28, 28]) }

/// A model's predictions and probabilities for a batch.
struct Answers {
  let labels: IntTensor
  let probabilities: Tensor

  init(_ model: some Layer, _ x: Tensor) {
    probabilities = model.probabilities(x)
    labels = probabilities.argmax(alongAxis: 1)
  }

  func caption(_ sample: Int, target: Int) -> String {
    "\(labels[sample]); \(target): "
      + Table.Cell.percent(Double(probabilities[sample, target]), decimals: 1).text
  }
}
