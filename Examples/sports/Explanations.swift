import Datasets
import ImageCodecs
import Interpretability
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// Pictures of where the networks look (requirements D4.39 to D4.47).
func drawMaps(
  _ explained: [Explained], _ samples: ExplainedSamples, _ study: Study, _ report: inout ReportFolder
) throws {
  report.report.addHeading("Where the networks look")
  let learned = samples.isTraining.count { $0 }
  report.report.addParagraph(
    "Saliency is the gradient of the predicted class's score with respect to the image, the largest magnitude of a pixel's "
      + "channels; Grad-CAM weighs the channels of a late layer by the mean gradient of that score and shows their "
      + "positive sum. Each map is scaled to its own range from 0 to 1. \(samples.count) images: "
      + "\(samples.count - learned) test images"
      + (learned > 0 ? ", then \(learned) training images, marked as such" : "")
      + "; one picture each in results/problem_a/interpretability/.")
  for one in explained {
    for method in Explained.Method.allCases {
      try writeSamples(one, method, samples, report)
      try report.add(
        sheet(one, method, samples),
        file: "figures/problem_a/\(one.architecture.rawValue)_\(method.rawValue).png",
        caption:
          "\(one.architecture.title), \(method.title): true class and, where it differs, after the arrow the predicted one, "
          + "with its probability; the frame is green where the prediction is right.")
    }
  }
  try drawComparison(explained, samples, &report)
  try drawRightAndWrong(explained, samples, &report)
  try drawMethods(explained, samples, &report)
}

/// True class, predicted class where it differs, and probability.
private func caption(_ one: Explained, _ samples: ExplainedSamples, _ row: Int) -> String {
  let label = Sports10.classNames[samples.labels[row]]
  let answer = one.isCorrect[row] ? "" : "-> \(Sports10.classNames[one.predictions[row]])\n"
  return "\(label)\n\(answer)\(Table.Cell.number(Double(one.confidences[row]), decimals: 2).text)"
}

/// One file a sample with original, map and both laid over each other.
private func writeSamples(
  _ one: Explained, _ method: Explained.Method, _ samples: ExplainedSamples, _ report: ReportFolder
) throws {
  let maps = one.map(method).scaledToUnitRange()
  for row in 0..<samples.count {
    let number = String(String(1000 + row).dropFirst())
    let label = Sports10.classNames[samples.labels[row]]
    var grid = ImageGrid.heatMaps(
      [(picture: samples.images[row: row], map: maps[row: row], caption: "")], mapTitle: method.title,
      title:
        "\(one.architecture.title), \(samples.isTraining[row] ? "training" : "test") image, sample \(number)\n\(label), "
        + "predicted \(Sports10.classNames[one.predictions[row]]) "
        + Table.Cell.number(Double(one.confidences[row]), decimals: 2).text)
    grid.scale = 6
    let folder = "results/problem_a/interpretability/\(one.architecture.rawValue)/\(method.rawValue)"
    try grid.writePNG(to: report.fileURL("\(folder)/\(method.rawValue)_sample_\(number).png"))
  }
}

/// The first ten samples side by side.
private func sheet(_ one: Explained, _ method: Explained.Method, _ samples: ExplainedSamples) -> ImageGrid {
  let rows = samples.prefix(10).rows
  let maps = one.map(method).scaledToUnitRange()
  let scale = ColorScale(.embers, over: 0...1)
  var grid = ImageGrid(
    title: "\(one.architecture.title), \(method.title)", rowTitles: ["original", method.title, "overlay"],
    colorBar: scale)
  grid.append(
    row: rows.map {
      ImageGrid.Tile(
        samples.images[row: $0], above: caption(one, samples, $0), frame: one.isCorrect[$0] ? .right : .wrong)
    })
  grid.append(row: rows.map { ImageGrid.Tile(scale.image(maps[row: $0])) })
  grid.append(
    row: rows.map { ImageGrid.Tile(scale.overlay(maps[row: $0], on: Image(samples.images[row: $0]))) })
  return grid
}

/// One image with both networks' maps, laid over it.
private func row(_ explained: [Explained], _ samples: ExplainedSamples, _ place: Int) -> [ImageGrid.Tile?] {
  let scale = ColorScale(.embers, over: 0...1)
  let picture = Image(samples.images[row: place])
  let name = Sports10.classNames[samples.labels[place]]
  return [ImageGrid.Tile(picture, above: samples.isTraining[place] ? "\(name)\n(training)" : name)]
    + Explained.Method.allCases.flatMap { method in
      explained.map { one in
        ImageGrid.Tile(
          scale.overlay(
            one.map(method)[row: place].expanded(axis: 0).scaledToUnitRange()[row: 0], on: picture),
          above: caption(one, samples, place), frame: one.isCorrect[place] ? .right : .wrong)
      }
    }
}

/// The same image by both networks, one for each way in which they can be right or wrong (requirement D4.41).
private func drawComparison(
  _ explained: [Explained], _ samples: ExplainedSamples, _ report: inout ReportFolder
) throws {
  let outcomes = [(true, true), (true, false), (false, true), (false, false)]
  let alone = explained.map { "\($0.architecture.title)\nalone right" }
  let titles = ["both right", alone[0], alone[1], "both wrong"]
  let found = zip(titles, outcomes).compactMap { title, outcome in
    (0..<samples.count).first {
      !samples.isTraining[$0] && (explained[0].isCorrect[$0], explained[1].isCorrect[$0]) == outcome
    }.map { (title: title, place: $0) }
  }
  guard !found.isEmpty else { return }
  let columns = Explained.Method.allCases.flatMap { method in
    explained.map { "\($0.architecture.title)\n\(method.title)" }
  }
  var grid = ImageGrid(
    title: "The same image by both networks", columnTitles: ["original"] + columns,
    rowTitles: found.map(\.title),
    colorBar: ColorScale(.embers, over: 0...1))
  for one in found { grid.append(row: row(explained, samples, one.place)) }
  try report.add(
    grid, file: "figures/problem_a/comparison.png",
    caption:
      "The first test image of each case there is: maps of the predicted class, laid over the image; frames are green where "
      + "the prediction is right.")
}

/// Of each network a class of which it takes one image rightly and another wrongly (requirement D4.45).
private func drawRightAndWrong(
  _ explained: [Explained], _ samples: ExplainedSamples, _ report: inout ReportFolder
) throws {
  for one in explained {
    func place(_ label: Int, isCorrect: Bool) -> Int? {
      (0..<samples.count).first { samples.labels[$0] == label && one.isCorrect[$0] == isCorrect }
    }
    let pairs = (0..<10).compactMap { label -> (right: Int, wrong: Int)? in
      guard let right = place(label, isCorrect: true), let wrong = place(label, isCorrect: false) else {
        return nil
      }
      return (right, wrong)
    }
    guard let pair = pairs.first else { continue }
    let name = one.architecture.title
    var grid = ImageGrid(
      title: "\(name): one class, right and wrong",
      columnTitles: ["original"] + Explained.Method.allCases.map(\.title), rowTitles: ["right", "wrong"],
      colorBar: ColorScale(.embers, over: 0...1))
    for place in [pair.right, pair.wrong] { grid.append(row: row([one], samples, place)) }
    try report.add(
      grid, file: "figures/problem_a/right_and_wrong_\(one.architecture.rawValue).png",
      caption: "\(name): the first class of which it recognises one of these images and not another.")
  }
}

/// One image by every method there is (problem A asks for two of them).
private func drawMethods(
  _ explained: [Explained], _ samples: ExplainedSamples, _ report: inout ReportFolder
) throws {
  let image = samples.images[rows: 0..<1]
  let scale = ColorScale(.embers, over: 0...1)
  var grid = ImageGrid(
    title: "One image, every method", rowTitles: explained.map(\.architecture.title), colorBar: scale)
  for one in explained {
    let layer = one.architecture.mapLayer
    let methods: [(name: String, explainer: any Explainer)] = [
      ("saliency", Saliency()), ("input x\ngradient", InputTimesGradient(reduction: .sumOfMagnitudes)),
      ("SmoothGrad", SmoothGradient()),
      ("integrated\ngradients", IntegratedGradients(reduction: .sumOfMagnitudes)),
      ("guided\nbackprop", GuidedBackpropagation()), ("Grad-CAM", GradCAM(layer: layer)),
      ("Grad-CAM++", GradCAMPlusPlus(layer: layer)), ("HiRes-CAM", HiResCAM(layer: layer)),
      ("Score-CAM", ScoreCAM(layer: layer)), ("occlusion", Occlusion(window: 6, stride: 2)),
    ]
    let classes = one.predictions[rows: 0..<1]
    grid.append(
      row: [
        ImageGrid.Tile(
          image[row: 0], above: caption(one, samples, 0), frame: one.isCorrect[0] ? .right : .wrong)
      ]
        + (try methods.map { method in
          let map = try method.explainer.maps(of: one.assessment.model, at: image, classes: classes)
          return ImageGrid.Tile(scale.image(map.scaledToUnitRange()[row: 0]), above: method.name)
        }))
  }
  try report.add(
    grid, file: "figures/problem_a/methods.png",
    caption:
      "The first sample: ten methods explain the predicted class, each map scaled to its own range. Class activation maps "
      + "are 8 x 8, enlarged.")
}
