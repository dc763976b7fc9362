import Datasets
import Interpretability
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// What is measured of a network's maps by one method.
struct MapMeasures {
  let architecture: Architecture
  let method: Explained.Method
  /// Gini index of each map that is not zero everywhere, and whether its prediction was right.
  let focus: [(gini: Double, topTenth: Double, isCorrect: Bool)]
  /// Area under the curve of the class's probability as pixels are deleted, most important first: small is good. And, image
  /// by image, how much smaller it is than in random order.
  let deletion, deletionGain: Summary
  /// Area as pixels are brought into the blurred image: large is good. And how much larger it is than in random order.
  let insertion, insertionGain: Summary
  /// Mean rank correlation of maps before and after the last layer was randomised, and after all were; NaN when every map
  /// is constant then.
  let lastRandom, allRandom: Double

  var gini: Summary { Summary(focus.map(\.gini)) }
  func gini(isCorrect: Bool) -> Summary { Summary(focus.filter { $0.isCorrect == isCorrect }.map(\.gini)) }

  init(
    _ one: Explained, _ method: Explained.Method, _ samples: ExplainedSamples, _ study: Study,
    _ plan: ClassifyPlan
  ) throws {
    architecture = one.architecture
    self.method = method
    let maps = one.map(method)
    focus = (0..<samples.count).compactMap { row in
      MapFocus(maps[row: row]).map { ($0.gini, $0.topTenthShare, one.isCorrect[row]) }
    }
    let (images, rows) = samples.prefix(plan.probed)
    let classes = one.predictions[rows: rows]
    let key = RandomKey(seed: study.options.seed).derived("maps")
    let shuffled = Tensor.uniform(shape: maps[rows: rows].shape, key: key.derived("random"))
    let model = one.assessment.model
    func areas(_ direction: PixelCurves.Direction, _ maps: Tensor) throws -> [Double] {
      let baseline: Baseline = direction == .deletion ? .constant(0) : .blurred(standardDeviation: 4)
      let curves = PixelCurves(direction, baseline: baseline, pixelsPerStep: 32)
      return try curves.curves(of: model, at: images, classes: classes, maps: maps).map(\.area)
    }
    let deleted = try areas(.deletion, maps[rows: rows])
    deletion = Summary(deleted)
    deletionGain = Summary(zip(try areas(.deletion, shuffled), deleted).map { $0 - $1 })
    let inserted = try areas(.insertion, maps[rows: rows])
    insertion = Summary(inserted)
    insertionGain = Summary(zip(inserted, try areas(.insertion, shuffled)).map { $0 - $1 })
    func randomized(_ explainer: some Explainer) throws -> [Double] {
      let few = 0..<min(10, rows.count)
      return try ParameterRandomization(.cascading, key: key.derived("randomization")).steps(
        of: explainer, model: model, at: images[rows: few], classes: classes[rows: few]
      ).map(\.mean)
    }
    let correlations = try randomized(method.explainer(one.architecture))
    lastRandom = correlations.first ?? .nan
    allRandom = correlations.last ?? .nan
  }
}

/// How focused, telling and trustworthy the maps are, and how alike those of both networks (requirements D4.44, D4.46).
func measureMaps(
  _ explained: [Explained], _ samples: ExplainedSamples, _ study: Study, _ plan: ClassifyPlan,
  _ report: inout ReportFolder
) throws -> [MapMeasures] {
  report.report.addHeading("What the maps are worth")
  let measures = try explained.flatMap { one in
    try Explained.Method.allCases.map { try MapMeasures(one, $0, samples, study, plan) }
  }
  try addFocus(measures, samples, plan, &report)
  try addMapComparison(explained, measures, samples, &report)
  let agreement = try addAgreement(explained, samples, &report)
  let depths = try addDepths(explained, samples, &report)
  report.report.addHeading("Discussion", depth: 2)
  report.addPrinted(depths + [agreement] + discussion(explained, measures))
  return measures
}

/// Mean and interval.
func spread(_ summary: Summary) -> String {
  guard summary.count > 0 else { return "-" }
  return Table.Cell.number(summary.mean, decimals: 3).text
    + (summary.interval().map {
      " [\(Table.Cell.number($0.lowerBound, decimals: 3).text), "
        + "\(Table.Cell.number($0.upperBound, decimals: 3).text)]"
    } ?? "")
}

private func correlation(_ mean: Double) -> Table.Cell {
  mean.isNaN ? .text("constant") : .number(mean, decimals: 2)
}

private func addFocus(
  _ measures: [MapMeasures], _ samples: ExplainedSamples, _ plan: ClassifyPlan, _ report: inout ReportFolder
) throws {
  var table = Table(
    "Measures of the maps",
    columns: [
      "Network", "Method", "Maps", "Gini index", "Share of the top 10 %", "Deletion area",
      "gain over random order",
      "Insertion area", "gain over random order ", "Rank correlation, last layer random", "all layers random",
    ],
    note:
      "Means with 95 % intervals over images. Gini: 0 all pixels alike, 1 one pixel has everything. Areas under the "
      + "class's probability over \(min(plan.probed, samples.count)) images: a map that shows what the network uses has a "
      + "small deletion area and a large insertion area, and gains over a random order of pixels. Rank correlation with the maps of the same "
      + "network with random weights, ten images: near 1 a map does not depend on what was learned. Constant: every map is."
  )
  for one in measures {
    table.append([
      .text(one.architecture.title), .text(one.method.title), .integer(one.focus.count),
      .text(spread(one.gini)),
      .text(spread(Summary(one.focus.map(\.topTenth)))), .text(spread(one.deletion)),
      .text(spread(one.deletionGain)), .text(spread(one.insertion)), .text(spread(one.insertionGain)),
      correlation(one.lastRandom), correlation(one.allRandom),
    ])
  }
  try report.addPrinted(table, file: "maps.csv")
}

/// The document's table, with numbers in place of words (requirements D4.44, D4.126).
private func addMapComparison(
  _ explained: [Explained], _ measures: [MapMeasures], _ samples: ExplainedSamples,
  _ report: inout ReportFolder
) throws {
  var table = Table(
    "Grad-CAM of both networks", columns: ["Aspect"] + explained.map { Table.Column($0.architecture.title) },
    note: "The document gives 8x8 and 16x16 as resolutions; both layers have 8 x 8.")
  func append(_ aspect: String, _ value: (Explained) throws -> String) rethrows {
    table.append([.text(aspect)] + (try explained.map { .text(try value($0)) }))
  }
  func measure(_ one: Explained) -> MapMeasures {
    measures.first { $0.architecture == one.architecture && $0.method == .gradCAM }!
  }
  append("layer") { $0.architecture.mapLayer }
  try append("spatial resolution of the layer") { one in
    let shape = try GradCAM(layer: one.architecture.mapLayer).layerMaps(
      of: one.assessment.model, at: samples.images[rows: 0..<1], classes: one.predictions[rows: 0..<1]
    ).shape
    return "\(shape[1]) x \(shape[2])"
  }
  append("resolution in the document") { $0.architecture.documented.mapSize }
  append("activation focus (Gini index)") { spread(measure($0).gini) }
  append("semantic meaning (insertion area, gain over random order)") { spread(measure($0).insertionGain) }
  append("focus where the prediction is right") { spread(measure($0).gini(isCorrect: true)) }
  append("focus where it is wrong") { spread(measure($0).gini(isCorrect: false)) }
  append("misclassification pattern (most confused pair)") { one in
    one.assessment.test.confusion.confusions.first.map {
      "\(Sports10.classNames[$0.label]) -> \(Sports10.classNames[$0.prediction]), \($0.count)"
    } ?? "none"
  }
  try report.addPrinted(table, file: "gradcam_comparison.csv")
}

/// How alike both networks' maps of the same images are where they answer the same.
private func addAgreement(
  _ explained: [Explained], _ samples: ExplainedSamples, _ report: inout ReportFolder
) throws -> String {
  let (first, second) = (explained[0], explained[1])
  let same = (0..<samples.count).filter { first.predictions[$0] == second.predictions[$0] }
  var table = Table(
    "Maps of the two networks compared",
    columns: [
      "Method", "Images", "Rank correlation", "Overlap of the top 20 %", "Shift of the centre, pixels",
    ],
    note:
      "Images to which both give the same answer; means with 95 % intervals. Two random maps: correlation 0, overlap about "
      + "0.11.")
  var correlation = Summary([])
  for method in Explained.Method.allCases {
    let pairs = same.map { MapComparison(first.map(method)[row: $0], second.map(method)[row: $0]) }
    let correlations = Summary(pairs.compactMap(\.rankCorrelation))
    if method == .gradCAM { correlation = correlations }
    table.append([
      .text(method.title), .integer(pairs.count), .text(spread(correlations)),
      .text(spread(Summary(pairs.map(\.topFifthOverlap)))),
      .text(spread(Summary(pairs.compactMap(\.centerShift)))),
    ])
  }
  try report.addPrinted(table, file: "maps_compared.csv")
  return
    "Attention: where both networks give the same answer (\(same.count) of \(samples.count) images), the rank correlation of "
    + "their Grad-CAM maps is \(spread(correlation))."
}

/// Class activation maps at layers of growing depth (requirement D4.46).
private func addDepths(
  _ explained: [Explained], _ samples: ExplainedSamples, _ report: inout ReportFolder
) throws -> [String] {
  var table = Table(
    "Grad-CAM from shallow to deep layers", columns: ["Network", "Layer", "Resolution", "Gini index"],
    note: "Of the layer's own map, not enlarged; images whose map is zero everywhere are left out.")
  var lines: [String] = []
  for one in explained {
    var means: [String] = []
    for layer in one.architecture.mapLayers {
      let maps = try GradCAM(layer: layer).layerMaps(
        of: one.assessment.model, at: samples.images, classes: one.predictions
      ).relu()
      let gini = Summary((0..<samples.count).compactMap { MapFocus(maps[row: $0])?.gini })
      means.append("\(layer) \(spread(gini))")
      table.append([
        .text(one.architecture.title), .text(layer), .text("\(maps.shape[1]) x \(maps.shape[2])"),
        .text(spread(gini)),
      ])
    }
    lines.append(
      "Feature hierarchy of \(one.architecture.title), Gini index of Grad-CAM from shallow to deep: "
        + means.joined(separator: ", ") + ".")
  }
  try report.addPrinted(table, file: "gradcam_depth.csv")
  return lines
}

/// Failure modes and trust in numbers (requirements D4.46, D4.150).
private func discussion(_ explained: [Explained], _ measures: [MapMeasures]) -> [String] {
  var lines: [String] = []
  for one in measures where one.method == .gradCAM {
    let (right, wrong) = (one.gini(isCorrect: true), one.gini(isCorrect: false))
    lines.append(
      "Failure modes of \(one.architecture.title): the Gini index of Grad-CAM is \(spread(right)) on images classified "
        + "rightly (\(right.count)) and \(spread(wrong)) on the others (\(wrong.count))"
        + (WelchTTest(right, wrong).map {
          ($0.pValue < significance ? ": they differ" : ": no difference is shown")
            + " (Welch's t test, p = \(Table.Cell.significant($0.pValue).text))."
        } ?? "."))
  }
  for one in measures {
    let gain = one.insertionGain
    lines.append(
      "Trust in \(one.method.title) of \(one.architecture.title): bringing in the pixels that it ranks first raises the class's "
        + "probability "
        + (gain.interval().map { !$0.contains(0) } ?? false
          ? (gain.mean > 0 ? "faster" : "more slowly")
            + " than random ones do (insertion area \(spread(gain)))"
          : "no faster than random ones, as far as \(gain.count) images show")
        + (one.allRandom.isNaN
          ? "; with all weights random all its maps are constant."
          : "; with all weights random its maps have rank correlation \(correlation(one.allRandom).text) with those of "
            + "the trained network."))
  }
  for one in explained {
    let assessment = one.assessment
    func confidence(_ isCorrect: Bool) -> Summary {
      Summary(
        zip(assessment.probabilities.max(alongAxis: 1).scalars, assessment.isCorrect)
          .filter { $0.1 == isCorrect }.map { Double($0.0) })
    }
    lines.append(
      "Trust in \(one.architecture.title): mean confidence \(spread(confidence(true))) where it is right, "
        + "\(spread(confidence(false))) where it is wrong; calibration error "
        + "\(Table.Cell.percent(assessment.calibration.expectedError, decimals: 1).text).")
  }
  return lines
}
