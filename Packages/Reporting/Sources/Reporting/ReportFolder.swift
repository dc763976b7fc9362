import Foundation
import ImageCodecs
import TensorCore

/// The output folder of one run: figures and CSV files appear as they are added, `metrics.json`, `report.md` and `report.html`
/// at the end, each file whole or not at all.
///
///     var output = try ReportFolder(url, title: "Linear adversary", metrics: metrics)   // before computing anything
///     output.report.addHeading("Training")
///     try output.add(table, file: "cost.csv")
///     try output.add(chart, file: "cost.png", caption: "Cost after each epoch.")
///     let report = try output.finish()
public struct ReportFolder: Sendable {
  /// The folder.
  public let url: URL
  /// The report, for headings and paragraphs between the figures and tables.
  public var report: HTMLReport
  /// The metrics, for headline values; tables come here by themselves.
  public var metrics: Metrics
  private var writtenFiles: Set<String> = []

  /// Makes the folder and tries it out, so that a run which cannot be saved, or not drawn, ends before it has begun.
  ///
  /// - Parameters:
  ///   - title: the report's heading.
  ///   - subtitle: the line under it; nil names program, profile, seeds and what data there are.
  ///   - needsCharts: true to make sure that gnuplot is installed.
  /// - Throws: `InputError`: `.unwritable` naming the folder, `.missing` without gnuplot.
  public init(
    _ url: URL, title: String, subtitle: String? = nil, metrics: Metrics, needsCharts: Bool = true
  ) throws {
    self.url = url
    self.metrics = metrics
    let seeds = metrics.seeds.map(String.init).joined(separator: ", ")
    report = HTMLReport(
      title: title,
      subtitle: subtitle ?? "\(metrics.program), \(metrics.profile) profile, "
        + "\(metrics.seeds.count == 1 ? "seed" : "seeds") \(seeds)")
    if metrics.isSynthetic {
      report.addNotice(
        "The data are synthetic: drawn by the program. No number here says anything about real images.")
    }
    let trial = url.appendingPathComponent(".trial-\(UUID().uuidString)")
    try AtomicFile.write(Data(), to: trial)
    try? FileManager.default.removeItem(at: trial)
    if needsCharts { _ = try Gnuplot() }
    // An earlier run's summary beside this run's tables would be a mixture.
    for name in ["metrics.json", "report.md", "report.html"] {
      try? FileManager.default.removeItem(at: url.appendingPathComponent(name))
    }
  }

  /// Where a file of the folder stands.
  ///
  /// - Parameter path: below the folder, as in `figures/loss.png`.
  /// - Precondition: the path is not empty or absolute and does not lead out of the folder.
  public func fileURL(_ path: String) -> URL {
    precondition(
      !path.isEmpty && !path.hasPrefix("/") && !path.split(separator: "/").contains(".."),
      "ReportFolder: \"\(path)\" is not a path below the folder")
    return url.appendingPathComponent(path)
  }

  private mutating func newFile(_ path: String) -> URL {
    precondition(writtenFiles.insert(path).inserted, "ReportFolder: \"\(path)\" was written before")
    return fileURL(path)
  }

  /// Adds a table to the report and to the metrics, and writes it as CSV. Where the data are synthetic its title says so.
  ///
  /// - Parameter file: the CSV file's path below the folder; nil makes a name from the title, `Test accuracy` →
  ///   `test-accuracy.csv`.
  /// - Returns: the table as it stands in the report.
  /// - Precondition: no other file of that name was added.
  @discardableResult
  public mutating func add(_ table: Table, file: String? = nil) throws -> Table {
    try AtomicFile.write(table.csv, to: newFile(file ?? ReportFolder.fileName(for: table.title) + ".csv"))
    var table = table
    if metrics.isSynthetic { table.title += " (synthetic data)" }
    metrics.add(table)
    report.add(table)
    return table
  }

  /// Writes a table as CSV and nothing else: one too long to be read in a report.
  ///
  /// - Precondition: no other file of that name was added.
  public mutating func write(_ table: Table, file: String) throws {
    try AtomicFile.write(table.csv, to: newFile(file))
  }

  /// Adds a comparison with a document, as its table.
  @discardableResult
  public mutating func add(_ comparison: DocumentComparison, file: String? = nil) throws -> Table {
    try add(comparison.table, file: file)
  }

  /// Draws a chart, writes it and puts it into the report.
  ///
  /// - Parameters:
  ///   - file: the PNG file's path below the folder.
  ///   - caption: what to see in it.
  /// - Precondition: no other file of that name was added.
  public mutating func add(_ chart: some Chart, file: String, caption: String) throws {
    try addPicture(chart.pngData(), file: file, caption: caption)
  }

  /// Draws a grid of images, writes it and puts it into the report.
  public mutating func add(_ grid: ImageGrid, file: String, caption: String) throws {
    try addPicture(grid.pngData(), file: file, caption: caption)
  }

  /// Writes a PNG file's bytes and puts the picture into the report.
  public mutating func add(pngData: Data, file: String, caption: String) throws {
    try addPicture(pngData, file: file, caption: caption)
  }

  /// Writes an image and puts it into the report.
  public mutating func add(_ image: Image, file: String, caption: String) throws {
    try addPicture(image.pngData(), file: file, caption: caption)
  }

  /// Writes text and puts it into the report as it stands, in letters of equal width.
  ///
  /// - Precondition: no other file of that name was added.
  public mutating func add(preformatted text: String, file: String) throws {
    try AtomicFile.write(text, to: newFile(file))
    report.addPreformatted(text)
  }

  private mutating func addPicture(_ data: Data, file: String, caption: String) throws {
    try AtomicFile.write(data, to: newFile(file))
    report.addFigure(pngData: data, caption: caption, file: file)
    metrics.addFigure(file: file, caption: caption)
  }

  /// Writes `metrics.json`, then the report as Markdown and as HTML: a folder with a report has its metrics.
  ///
  /// - Returns: the place of `report.html`.
  @discardableResult
  public func finish() throws -> URL {
    var metrics = metrics
    metrics.files = writtenFiles.sorted()
    try metrics.write(to: fileURL("metrics.json"))
    try AtomicFile.write(report.markdown, to: fileURL("report.md"))
    let page = fileURL("report.html")
    try report.write(to: page)
    return page
  }

  /// Lower-case letters and digits with single hyphens between.
  private static func fileName(for title: String) -> String {
    let parts = title.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return parts.isEmpty ? "table" : parts.joined(separator: "-")
  }
}
