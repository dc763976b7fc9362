import Defenses
import ProgramSupport
import Reporting
import TensorCore

/// Certified accuracy against radius as a table, a chart and CSV files: a coarse one in the report, `<file>.csv`, and a
/// fine one beside it (requirement D1.32).
func reportCurves(
  _ results: [(name: String, result: CertificationResult)], file: String, _ report: inout ReportFolder
) throws {
  let (settings, noise) = (results[0].result.settings, results[0].result.noise)
  let largest = settings.largestRadius(noise)
  let sigma = Double(noise.standardDeviation)
  let title = "Certified accuracy against radius, sigma \(noise.standardDeviation)"
  report.report.addHeading(title)
  // quarters of sigma; the fine ones are hundredths
  func table(step: Double) -> Table {
    var table = Table(
      title, columns: ["Radius"] + results.map { Table.Column($0.name) },
      note:
        "Share of the images whose true class is certified with at least this radius. The largest possible radius is "
        + "\(decimals(Float(largest), 4)).")
    for place in 0...Int((largest / sigma / step).rounded(.up)) {
      let radius = Double(place) * step * sigma
      table.append(
        [.number(radius, decimals: 4)]
          + results.map { .proportion($0.result.certifiedAccuracy(atRadius: radius)) })
    }
    return table
  }
  let coarse = table(step: 0.25)
  try report.add(coarse, file: "\(file).csv")
  print(coarse.text)
  try report.write(table(step: 0.01), file: "\(file)_fine.csv")

  var chart = LineChart(
    title, x: Axis("L2 radius"), y: Axis("Certified accuracy", unit: .percent, range: 0...1))
  let radii = (0...200).map { Double($0) / 200 * largest }
  for (name, result) in results {
    let rates = radii.map { result.certifiedAccuracy(atRadius: $0) }
    chart.series.append(
      .init(name, x: radii, y: rates.map(\.estimate), band: rates.map { $0.interval() }))
  }
  chart.verticalLines.append(.init(largest, label: "largest possible radius"))
  try report.add(
    chart, file: "figures/\(file).png",
    caption:
      "\(settings); \(results[0].result.records.count) test images. Bands are 95 % Clopper-Pearson intervals for "
      + "further images of the same kind; each certificate fails with probability \(settings.failureProbability) besides."
  )
  for (name, result) in results {
    // for readers of single images: too long for the report and for what is published
    try AtomicFile.write(result.csv, to: report.fileURL("certificates/\(file)_\(name).csv"))
  }
}
