import Attacks
import Datasets
import ImageCodecs
import Interpretability
import ProgramSupport
import Reporting
import TensorCore

/// Where the networks look in the clean and in the changed image, and how far that moved (requirements D4.66 to D4.68).
func explainAdversarial(_ attacked: [AttackedNetwork], _ plan: AttackPlan, _ report: inout ReportFolder)
  throws
{
  report.report.addHeading("Where the networks look before and after")
  var table = Table(
    "Shift of attention",
    columns: [
      "Network", "Method", "Change", "Images", "Rank correlation", "Overlap of the top 20 %",
      "Shift of the centre, pixels",
    ],
    note:
      "The map of the clean image's predicted class beside that of the changed image's, means with 95 % intervals. Noise of "
      + "random signs is as large as FGSM and shows how far maps move without an attack. Two random maps: correlation 0, "
      + "overlap about 0.11.")
  var samples = Table("Maps of single images", columns: sampleColumns)
  var lines: [String] = []
  for one in attacked {
    for method in Explained.Method.allCases {
      let shifts = try ["fgsm_untargeted_eps_0.03", "pgd_untargeted", "noise_sign"].map {
        try AttentionShift(one, one[$0], method, limit: plan.explained)
      }
      for shift in shifts {
        for row in 0..<min(plan.documented, shift.comparisons.count) {
          for line in cells(one, method, shift, row) { samples.append(line) }
        }
        table.append([
          .text(one.title), .text(method.title), .text(shift.outcome.configuration.title),
          .integer(shift.comparisons.count), .text(spread(shift.correlation)), .text(spread(shift.overlap)),
          .text(spread(shift.center)),
        ])
      }
      try report.add(
        sheet(one, shifts[1], method),
        file: "figures/problem_b/\(one.architecture.rawValue)_\(method.rawValue)_shift.png",
        caption:
          "\(one.title), \(method.title) of the predicted class before and after PGD, laid over the image, each map scaled to "
          + "its own range.")
      lines.append(sentence(one, method, shifts))
    }
  }
  try report.addPrinted(table, file: "attention_shift.csv")
  try report.write(samples, file: "attention_samples.csv")
  report.addPrinted(lines)
}

private let sampleColumns: [Table.Column] = [
  "Network", "Attack", "Sample", "Method", "Map of", "Class", "Share of the strongest tenth", "Centre, row",
  "Centre, column", "Rank correlation with the clean map",
]

/// What the maps of one image say, clean and changed (requirement D4.114).
private func cells(_ one: AttackedNetwork, _ method: Explained.Method, _ shift: AttentionShift, _ row: Int)
  -> [[Table.Cell]]
{
  let record = shift.outcome.result.records[row]
  func cell(_ value: Double?, decimals: Int) -> Table.Cell {
    value.map { .number($0, decimals: decimals) } ?? .text("undefined")
  }
  func line(_ name: String, _ map: Tensor, _ label: Int, _ correlation: Table.Cell) -> [Table.Cell] {
    let center = MapComparison.center(map)
    return [
      .text(one.title), .text(shift.outcome.configuration.folder), .text(sampleNumber(row)),
      .text(method.title), .text(name), .text(Sports10.classNames[label]),
      cell(MapFocus(map)?.topTenthShare, decimals: 3), cell(center?.row, decimals: 1),
      cell(center?.column, decimals: 1), correlation,
    ]
  }
  return [
    line("clean image", shift.maps.clean[row: row], record.clean.label, .empty),
    line(
      "changed image", shift.maps.changed[row: row], record.adversarial.label,
      cell(shift.comparisons[row].rankCorrelation, decimals: 3)),
  ]
}

/// One method's maps of images before and after an attack.
struct AttentionShift {
  let outcome: AttackOutcome
  let images: (clean: Tensor, changed: Tensor)
  /// `[n, 32, 32]`, of the predicted classes.
  let maps: (clean: Tensor, changed: Tensor)
  let comparisons: [MapComparison]

  var correlation: Summary { Summary(comparisons.compactMap(\.rankCorrelation)) }
  var overlap: Summary { Summary(comparisons.map(\.topFifthOverlap)) }
  var center: Summary { Summary(comparisons.compactMap(\.centerShift)) }

  init(_ one: AttackedNetwork, _ outcome: AttackOutcome, _ method: Explained.Method, limit: Int) throws {
    self.outcome = outcome
    let count = min(limit, outcome.result.records.count)
    let records = outcome.result.records.prefix(count)
    images = (try outcome.samples.batch(count).inputs, outcome.changed[rows: 0..<count])
    let explainer = method.explainer(one.architecture)
    let maps = (
      clean: try explainer.maps(
        of: one.network.model, at: images.clean, classes: IntTensor(records.map(\.clean.label))),
      changed: try explainer.maps(
        of: one.network.model, at: images.changed, classes: IntTensor(records.map(\.adversarial.label)))
    )
    self.maps = maps
    comparisons = (0..<count).map { MapComparison(maps.clean[row: $0], maps.changed[row: $0]) }
  }
}

private func sheet(_ one: AttackedNetwork, _ shift: AttentionShift, _ method: Explained.Method) -> ImageGrid {
  let scale = ColorScale(.embers, over: 0...1)
  let maps = (shift.maps.clean.scaledToUnitRange(), shift.maps.changed.scaledToUnitRange())
  var grid = ImageGrid(
    title: "\(one.title), \(method.title), \(shift.outcome.configuration.title)",
    rowTitles: ["clean", method.title, "adversarial", method.title], colorBar: scale)
  let rows = 0..<min(8, shift.comparisons.count)
  func pictures(_ images: Tensor, _ prediction: KeyPath<AttackRecord, AttackRecord.Prediction>)
    -> [ImageGrid.Tile?]
  {
    rows.map { row in
      let record = shift.outcome.result.records[row]
      let (label, confidence) = (record[keyPath: prediction].label, record[keyPath: prediction].confidence)
      return ImageGrid.Tile(
        images[row: row],
        above: "\(Sports10.classNames[label])\n\(Table.Cell.number(confidence, decimals: 2).text)",
        frame: label == record.label ? .right : .wrong)
    }
  }
  func overlays(_ images: Tensor, _ maps: Tensor) -> [ImageGrid.Tile?] {
    rows.map { ImageGrid.Tile(scale.overlay(maps[row: $0], on: Image(images[row: $0]))) }
  }
  grid.append(row: pictures(shift.images.clean, \.clean))
  grid.append(row: overlays(shift.images.clean, maps.0))
  grid.append(row: pictures(shift.images.changed, \.adversarial))
  grid.append(row: overlays(shift.images.changed, maps.1))
  return grid
}

/// Whether PGD moves attention more than noise does: the images are the same, so the test is paired.
private func sentence(_ one: AttackedNetwork, _ method: Explained.Method, _ shifts: [AttentionShift])
  -> String
{
  let pairs = zip(shifts[1].comparisons, shifts[2].comparisons).compactMap { attack, noise in
    attack.rankCorrelation.flatMap { attack in noise.rankCorrelation.map { (attack, $0) } }
  }
  let (attack, noise) = (pairs.map(\.0), pairs.map(\.1))
  let start =
    "\(one.title), \(method.title): rank correlation with the clean map \(spread(Summary(attack))) after PGD, "
    + "\(spread(Summary(noise))) after noise"
  guard pairs.count > 1 else { return start + "." }
  let pValue = PairedTTest(attack, noise).pValue
  return start
    + (pValue < significance
      ? ": the difference is significant (paired t-test, p = \(Table.Cell.significant(pValue).text))."
      : ": no difference is shown (paired t-test, p = \(Table.Cell.significant(pValue).text)).")
}
