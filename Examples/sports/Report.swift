import Foundation
import ProgramSupport
import Reporting
import TensorCore

/// What the three problems left, which one report joins.
struct SportsResults {
  let classify: ResultsFolder
  let attack: ResultsFolder
  let prune: ResultsFolder

  var all: [ResultsFolder] { [classify, attack, prune] }
  var isSynthetic: Bool { classify.isSynthetic }

  /// Reads the parts' folders.
  ///
  /// - Throws: `InputError` naming the folder and the command that makes it; `.mismatch` for parts of different runs.
  init(_ options: ProgramOptions) throws {
    func part(_ name: String) throws -> ResultsFolder {
      let place = options.indexFolder == nil ? " --out \(options.outputFolder.path)" : ""
      return try ResultsFolder(
        options.part(name).outputFolder,
        madeBy: "\(options.program) \(name) --profile \(options.profile.rawValue)\(place)")
    }
    (classify, attack, prune) = (try part("classify"), try part("attack"), try part("prune"))
    for other in [attack, prune] {
      func kind(_ folder: ResultsFolder) -> String {
        "\(folder.profile) profile, \(folder.isSynthetic ? "synthetic" : "real") images"
      }
      guard kind(other) == kind(classify) else {
        throw InputError(
          .mismatch, other.url.path, expected: "\(kind(classify)), as in \(classify.url.path)",
          found: kind(other), remedy: "Run `\(other.command)` again.")
      }
    }
  }
}

/// Document 4 as one report: three problems as chapters, conclusions from their numbers, references and appendices
/// (requirements D4.109 to D4.121). Nothing is computed that the parts did not measure.
func report(_ options: ProgramOptions) throws {
  let results = try SportsResults(options)
  var report = try options.openReport(
    title: "Document 4: classification, attacks and pruning of sports images",
    settings: [
      "joins": .strings(results.all.map(\.program)),
      "profiles": .strings(results.all.map(\.profile)),
    ], isSynthetic: results.isSynthetic)
  try addProblemA(results, &report)
  try addProblemB(results, &report)
  try addProblemC(results, &report)
  try addConclusions(results, &report)
  addReferences(&report)
  try addAppendices(results, &report)
  try report.metrics.addHeadline("figures", report.report.figureCount)
  // with the one that says how the run was made
  try report.metrics.addHeadline("tables", report.report.tableCount + 1)
  try options.close(report)
}

extension ReportFolder {
  /// Adds those of a part's tables whose titles begin so, in the order of the titles; one that the run did not make is left
  /// out. Their CSV files are the part's.
  mutating func add(_ titles: [String], of part: ResultsFolder) {
    for title in titles {
      for table in part.tables where table.title.hasPrefix(title) {
        report.add(table)
        metrics.add(table)
      }
    }
  }

  /// Adds those of a part's figures whose files begin so.
  mutating func addFigures(_ files: [String], of part: ResultsFolder) throws {
    for file in files {
      for figure in part.figures where figure.file.hasPrefix(file) {
        try add(pngData: part.data(figure.file), file: figure.file, caption: figure.caption)
      }
    }
  }
}

/// A rate of a part's table as text; a dash where the run has none.
func rateText(_ cell: Table.Cell?) -> String {
  guard let text = cell?.text, !text.isEmpty else { return "-" }
  return text
}
