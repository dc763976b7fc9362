import Datasets
import ImageCodecs
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// The images of each class, what happens to them before a network sees them, and why (requirements D4.1 to D4.11).
func describeData(_ study: Study, _ report: inout ReportFolder) throws {
  let data = study.data
  report.report.addHeading("Data")
  if data.isSynthetic {
    report.report.addParagraph(
      "There are no photographs here, so shapes are drawn, with as many pictures of each class as the photographs have: "
        + "see `--data` in the help. They show that everything runs and nothing else.")
  }
  var parts: [(name: String, labels: IntTensor)] = [("Train", data.training.labels)]
  parts.append(("Valid", data.validation.labels))
  if data.isTestSeparate { parts.append(("Test", data.test.labels)) }
  let distribution = ClassDistribution(classNames: Sports10.classNames, parts: parts)
  var table = Table(
    "Images of each class", columns: ["Number", "Class"] + parts.map { Table.Column($0.name) } + ["Total"])
  for (label, row) in distribution.rows.enumerated() {
    table.append(
      [label < Sports10.classNames.count ? .integer(label) : .empty, .text(row.name)]
        + row.counts.map { .integer($0) })
  }
  try report.addPrinted(table, file: "class_distribution.csv")
  let duplicates = data.sports.duplicates.map { "\($0)" } ?? "Drawn pictures were not compared: all differ."
  report.addPrinted([
    duplicates,
    data.isTestSeparate
      ? "\(data.test.count) training images, of every class its share, were set aside to test by; the validation images "
        + "choose the epoch only."
      : "Test images are the validation images, as in the document: the epoch was chosen by the very images that judge "
        + "it, so accuracies are too high, by how much is unknown. `--separate-test` sets test images aside.",
  ])

  let trained = distribution.counts.map { $0[0] }
  var comparison = DocumentComparison(
    "Numbers of images", note: "Training images are counted without duplicates of validation images.")
  comparison.append("Baseball, training", document: .integer(159), measured: .integer(trained[0]))
  comparison.append(
    "Fewest of a class, training", document: .integer(131), measured: .integer(trained.min() ?? 0))
  comparison.append(
    "Most of a class, training", document: .integer(191), measured: .integer(trained.max() ?? 0))
  comparison.append("All, training", document: .integer(1_593), measured: .integer(data.training.count))
  comparison.append("All, validation", document: .integer(50), measured: .integer(data.validation.count))
  comparison.append(
    "All", document: .integer(1_643), measured: .integer(data.sports.training.count + data.validation.count))
  try report.addPrinted(comparison.table, file: "class_distribution_document.csv")

  var steps = Table("What happens to an image", columns: ["Step", "Training", "Evaluation", "Why"])
  let resize = "\(Sports10.preparation)"
  steps.append([
    .integer(1), .text(resize), .text(resize),
    .text("small images, because training is to be quick on a CPU"),
  ])
  let reasons = [
    "a mirrored scene is of the same sport", "cameras are not level", "light and cameras differ",
  ]
  for (place, transform) in Sports10.augmentation.transforms.enumerated() {
    steps.append([
      .integer(place + 2), .text("\(transform)"), .text("-"),
      .text("against overfitting: " + reasons[place]),
    ])
  }
  let next = Sports10.augmentation.transforms.count + 2
  steps.append([.integer(next), .text("bytes divided by 255"), .text("the same"), .text("pixels in [0, 1]")])
  let normalization = "minus \(Sports10.channelMeans), divided by \(Sports10.channelDeviations)"
  steps.append([
    .integer(next + 1), .text(normalization), .text("the same"),
    .text("ImageNet's statistics, for compatibility with pretrained weights; the first step of the network"),
  ])
  try report.add(steps, file: "transforms.csv")
  try drawAugmentation(study, &report)
}

private func drawAugmentation(_ study: Study, _ report: inout ReportFolder) throws {
  let data = study.data
  let augmented = AugmentedImages(
    of: data.sports.training, by: Sports10.augmentation, key: Study.augmentationKey(study.options.seed))
  let places = (0..<10).compactMap { data.training.places(of: $0).first }.map {
    data.training.sourceIndices[$0]
  }
  var grid = ImageGrid(
    title: "One image of each class", rowTitles: ["as it is", "epoch 1", "epoch 2", "epoch 3"])
  grid.append(
    row: places.map {
      ImageGrid.Tile(
        data.sports.training.image(at: $0), above: Sports10.classNames[data.sports.training.labels[$0]])
    })
  for epoch in 0..<3 {
    grid.append(row: places.map { ImageGrid.Tile(augmented.image(at: $0, epoch: epoch)) })
  }
  try report.add(
    grid, file: "figures/problem_a/augmentation.png",
    caption:
      "The first training image of each class, resized, and as training sees it in its first three epochs.")
}

/// Both networks as trees with their sizes (requirements D4.12 to D4.26, D4.122 to D4.125).
func describeNetworks(_ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Networks")
  var table = Table(
    "Sizes and costs",
    columns: [
      "Network", "Parameters", "Trainable", "Parameters, MiB", "With buffers, MiB", "Document, \"MB\"",
      "Parameters, 10^6 bytes", "Multiply-adds an image",
    ],
    note:
      "MiB are 2^20 bytes; buffers are batch norm's running means, variances and counters. The document's \"MB\" are "
      + "MiB with buffers.")
  for architecture in Architecture.allCases {
    let summary = architecture.untrained(RandomKey(seed: study.options.seed)).summary(
      input: study.data.test.inputShape)
    report.report.addHeading(architecture.title, depth: 2)
    try report.add(preformatted: "\(summary)\n", file: "architecture_\(architecture.rawValue).txt")
    print("\(architecture.title)\n\(summary)\n")
    table.append([
      .text(architecture.title), .integer(summary.parameterCount), .integer(summary.trainableParameterCount),
      .number(Double(4 * summary.parameterCount) / 0x1p20), .number(summary.mebibytes),
      .number(architecture.documented.sizeMiB, decimals: 2),
      .number(Double(4 * summary.parameterCount) / 1e6),
      .integer(summary.multiplyAdds),
    ])
  }
  try report.addPrinted(table, file: "sizes.csv")
}
