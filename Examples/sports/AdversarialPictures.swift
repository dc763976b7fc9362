import Attacks
import Datasets
import ImageCodecs
import ProgramSupport
import Reporting
import TensorCore

/// Original, changed image, and the change magnified, for the samples that the document shows (requirement D4.65).
func drawAdversarial(_ attacked: [AttackedNetwork], _ report: inout ReportFolder) throws {
  report.report.addHeading("Adversarial images")
  for one in attacked {
    for folder in ["fgsm_untargeted_eps_0.03", "pgd_untargeted", "pgd_targeted"] {
      try report.add(
        sheet(one, one[folder]), file: "figures/problem_b/\(one.architecture.rawValue)_\(folder).png",
        caption:
          "\(one.title), \(one[folder].configuration.title): predicted class and confidence; below the lengths of the change "
          + "and, for iterative attacks, the step of the first success. The frame is green where the prediction is right. The "
          + "change is magnified 30 times around grey.")
    }
  }
}

/// The document's samples, those that there are and that count; else the first.
private func shown(_ outcome: AttackOutcome) -> [Int] {
  let records = outcome.result.records
  let rows = [1, 3, 5, 7].filter { $0 < records.count && records[$0].target != records[$0].label }
  return rows.isEmpty ? [0] : rows
}

private func sheet(_ one: AttackedNetwork, _ outcome: AttackOutcome) throws -> ImageGrid {
  let originals = try outcome.samples.batch().inputs
  let changed = outcome.changed
  var grid = ImageGrid(
    title: "\(one.title), \(outcome.configuration.title)",
    columnTitles: ["original", "adversarial", "30 x change"],
    rowTitles: shown(outcome).map { "#\(sampleNumber($0))" })
  for row in shown(outcome) {
    let record = outcome.result.records[row]
    func tile(_ image: Tensor, _ prediction: AttackRecord.Prediction, below: String) -> ImageGrid.Tile {
      ImageGrid.Tile(
        image,
        above: "\(Sports10.classNames[prediction.label])\n"
          + Table.Cell.number(prediction.confidence, decimals: 2).text, below: below,
        frame: prediction.label == record.label ? .right : .wrong)
    }
    let lengths =
      "L-inf \(Table.Cell.number(record.norms.lInf, decimals: 3).text)\n"
      + "L2 \(Table.Cell.number(record.norms.l2, decimals: 3).text)"
    let change = 30 * (changed[row: row] - originals[row: row]) + 0.5
    let steps = outcome.stepsToSuccess.map { $0[row].map { "after \($0) steps" } ?? "not reached" }
    grid.append(row: [
      tile(originals[row: row], record.clean, below: Sports10.classNames[record.label]),
      tile(changed[row: row], record.adversarial, below: lengths),
      ImageGrid.Tile(change.clamped(to: 0...1), below: steps ?? ""),
    ])
  }
  return grid
}
