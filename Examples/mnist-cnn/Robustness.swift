import Attacks
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// A network under projected gradient of every radius, all on the same test images with the same random starts.
struct Robustness {
  let name: String
  /// One result a radius, in the plan's order.
  let results: [AttackResult]
  /// The result at the headline's radius.
  let headline: AttackResult

  init(_ run: Study.Run<Net>, _ study: Study) throws {
    let plan = study.plan
    name = run.name
    let classifier = PlanClassifier(try run.model.prepared(for: study.data.all.inputShape))
    let progress = ProgressLine(
      "attacks on \(run.name)", total: plan.radii.count * study.attackedSamples.count, unit: "images")
    results = try plan.radii.map { radius in
      var done = 0
      return try judge(
        Self.attack(radius, steps: plan.attackSteps), against: classifier, on: study.data.all,
        samples: study.attackedSamples, keepsInputs: true,
        key: RandomKey(seed: study.options.seed).derived("attack"),
        progress: { reached, _ in
          progress.advance(by: reached - done)
          done = reached
        })
    }
    guard let place = plan.radii.firstIndex(of: plan.headlineRadius) else {
      preconditionFailure("Robustness: radius \(plan.headlineRadius) is not one of \(plan.radii)")
    }
    headline = results[place]
    progress.finish(
      "\(Table.Cell.percent(headline.robustAccuracy.estimate).text) right at \(plan.headlineRadius)/255")
  }

  /// The document's attack: steps of a tenth of the radius from a random start.
  static func attack(_ radius: Int, steps: Int) -> ProjectedGradient<LInfBall> {
    let eps = Float(radius) / 255
    return ProjectedGradient(budget: LInfBall(radius: eps), stepSize: eps / 10, steps: steps)
  }

  /// The accuracy on the clean images, then that at each radius.
  var accuracies: [Proportion] { [headline.cleanAccuracy] + results.map(\.robustAccuracy) }
}

/// Accuracy under projected gradient beside clean accuracy, and over the radii (requirements D0.30, D0.31, D0.35).
func judgeRobustness(_ attacked: [Robustness], _ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Projected gradient")
  report.report.addParagraph(
    "\(attacked[0].headline.attack); the first \(attacked[0].headline.records.count) test images. An image counts as "
      + "right under attack when it is classified correctly before and after; the run checks of every changed image that "
      + "it lies in [0, 1] and within the radius.")
  var table = Table(
    "Projected gradient, radius \(study.plan.headlineRadius)/255",
    columns: [
      "Network", "Clean accuracy", "Accuracy under attack", "Fooled among the correct", "Mean L2 distance",
    ])
  for robustness in attacked {
    let result = robustness.headline
    table.append([
      .text(robustness.name), .proportion(result.cleanAccuracy), .proportion(result.robustAccuracy),
      .proportion(result.successAmongCorrect),
      .number(Summary(result.records.map(\.norms.l2)).mean, decimals: 3),
    ])
  }
  try report.add(table, file: "pgd.csv")
  print(table.text)
  report.report.addParagraph(difference(attacked[0], attacked[1], \.isRobust, "under attack"))
  try report.addConfusion(
    attacked[0].headline.confusion(classCount: 10), study, file: "output/confusion_matrix_pgd",
    caption: "\(attacked[0].name) under projected gradient, radius \(study.plan.headlineRadius)/255")

  try report.addRadii(
    attacked, study, file: "robust_accuracy", title: "Accuracy against the radius of projected gradient")
}

/// A sentence on whether two networks differ on the same images: a difference is claimed when McNemar's exact test shows
/// one.
func difference(
  _ first: Robustness, _ second: Robustness, _ isRight: (AttackRecord) -> Bool, _ condition: String
) -> String {
  let test = McNemarTest(
    first: first.headline.records.map(isRight), second: second.headline.records.map(isRight))
  let evidence =
    "(\(test.onlyFirst) images right only in the first, \(test.onlySecond) only in the second; McNemar's exact test, "
    + "p = \(Table.Cell.significant(test.pValue).text))"
  guard test.pValue < 0.05 else {
    return "Between \(first.name) and \(second.name) no difference is shown \(condition) \(evidence)."
  }
  let (better, worse) = test.onlyFirst > test.onlySecond ? (first, second) : (second, first)
  return "\(better.name) classifies more images right \(condition) than \(worse.name) \(evidence)."
}

extension ReportFolder {
  /// Accuracy over the radii as a table and a figure, `<file>.csv` and `figures/<file>.png`.
  mutating func addRadii(
    _ attacked: [Robustness], _ study: Study, file: String, title: String
  ) throws {
    let radii = [0] + study.plan.radii
    var table = Table(
      title, columns: ["Radius in 255ths"] + attacked.map { Table.Column($0.name) },
      note: "\(study.plan.attackSteps) steps of a tenth of the radius, random start; radius 0: clean images.")
    for (place, radius) in radii.enumerated() {
      table.append([.integer(radius)] + attacked.map { .proportion($0.accuracies[place]) })
    }
    var chart = LineChart(
      title, x: Axis("Radius in 255ths"), y: Axis("Accuracy", unit: .percent, range: 0...1))
    for (color, robustness) in attacked.enumerated() {
      chart.series.append(
        .init(
          robustness.name, x: radii.map(Double.init), y: robustness.accuracies.map(\.estimate),
          band: robustness.accuracies.map { $0.interval() }, showsPoints: true, color: color))
    }
    try add(table, file: file + ".csv")
    print(table.text)
    try add(chart, file: "figures/\(file).png", caption: "Bands are 95 % Clopper-Pearson intervals.")
  }
}

/// One image a digit with what the attack made of it (requirement D0.32).
func drawExamples(_ robustness: Robustness, _ study: Study, _ report: inout ReportFolder) throws {
  let result = robustness.headline
  guard let changed = result.adversarialInputs else {
    preconditionFailure("drawExamples: no inputs were kept")
  }
  let originals = try study.data.all.batch(at: result.records.map(\.index)).inputs
  // of each digit the first image that is fooled, or else simply the first
  let places = (0..<10).compactMap { digit in
    let ofDigit = result.records.indices.filter { result.records[$0].label == digit }
    return ofDigit.first { result.records[$0].isCorrect && result.records[$0].isSuccess } ?? ofDigit.first
  }
  func row(_ images: Tensor, _ prediction: (AttackRecord) -> AttackRecord.Prediction) -> [ImageGrid.Tile?] {
    places.map { place in
      let record = result.records[place]
      let answer = prediction(record)
      return ImageGrid.Tile(
        images[row: place], above: "\(answer.label)",
        below: Table.Cell.percent(answer.confidence, decimals: 0).text,
        frame: answer.label == record.label ? .right : .wrong)
    }
  }
  var grid = ImageGrid(
    title: "Original and adversarial image of each digit", rowTitles: ["original", "adversarial"])
  grid.append(row: row(originals) { $0.clean })
  grid.append(row: row(changed) { $0.adversarial })
  try report.add(
    grid, file: "output/adversarial_examples.png",
    caption:
      "\(robustness.name), radius \(study.plan.headlineRadius)/255: predicted class over each image, its probability "
      + "below; the frame is green where the prediction is right. Of each digit the first test image that is fooled."
  )
}
