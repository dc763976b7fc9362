import Foundation
import ImageCodecs
import Reporting
import TensorCore
import Testing

@Suite struct ResultsFolderTests {
  // What a run wrote is what is read: the counts behind rates, figures with captions in their order, and all digits.
  @Test func readsWhatWasWritten() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var output = try ReportFolder(folder, title: "t", metrics: sampleMetrics(), needsCharts: false)
    var table = Table("Rates, all", columns: ["Network", "eps", "Rate", "Loss", "Rest"], note: "n")
    table.append([
      .text("a"), .text("0.1"), .proportion(successes: 3, count: 7), .number(0.123456789), .empty,
    ])
    table.append([.text("a"), .text("0.2"), .proportion(successes: 0, count: 0), .percent(0.5), .integer(4)])
    try output.add(table)
    let dot = Image(width: 1, height: 1, repeating: [9])
    try output.add(dot, file: "figures/z.png", caption: "the first")
    try output.add(pngData: dot.pngData(), file: "figures/a.png", caption: "the second")
    try output.metrics.addHeadline("x", 0.25)
    try output.finish()

    let results = try ResultsFolder(folder, madeBy: "sample all")
    #expect(results.program == "sample" && results.profile == "quick" && !results.isSynthetic)
    #expect(try results.value("x") == 0.25 && results.settings["epochs"] == 3)
    #expect(results.figures.map(\.file) == ["figures/z.png", "figures/a.png"])
    #expect(results.figures.map(\.caption) == ["the first", "the second"])
    #expect(try Image(pngData: results.data("figures/a.png"), name: "a") == dot)
    let read = try results.table("Rates")
    #expect(read.note == "n" && read.columns == table.columns)
    #expect(read.cell("a", "0.1", column: "Rate")?.rate == Proportion(successes: 3, count: 7))
    #expect(read.cell("a", "0.2", column: "Rest") == .integer(4) && read.cell("b", column: "Rate") == nil)
    #expect(read.cell("a", column: "Loss")?.value == 0.123456789)
    #expect(read.cell("a", column: "Loss")?.text == "0.1235" && read.rows[0][4] == .empty)
  }

  // Each says what is missing and which command makes it.
  @Test func whatIsMissingIsNamed() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    func refuses(_ word: String, _ body: () throws -> Void) throws {
      let error = try #require(throws: InputError.self) { try body() }
      #expect(error.kind == .missing || error.kind == .damaged)
      #expect(error.description.contains(word) && error.description.contains("`sample all`"), "\(error)")
    }
    try refuses(folder.path) { _ = try ResultsFolder(folder, madeBy: "sample all") }
    let output = try ReportFolder(folder, title: "t", metrics: sampleMetrics(), needsCharts: false)
    try output.finish()
    let results = try ResultsFolder(folder, madeBy: "sample all")
    try refuses("headline value y") { _ = try results.value("y") }
    try refuses("table \"Rates\"") { _ = try results.table("Rates") }
    try refuses("b.png") { _ = try results.data("b.png") }
    try AtomicFile.write("{\"program\": 3}", to: folder.appendingPathComponent("metrics.json"))
    try refuses("headline") { _ = try ResultsFolder(folder, madeBy: "sample all") }
  }
}

@Suite struct CSVFileTests {
  // RFC 4180's own cases: quotes doubled inside quotes, commas and line ends inside quotes, CRLF, an empty last field.
  @Test func quotesAndLines() throws {
    let file = try CSVFile(
      parsing: "a,\"b, c\",d\r\n1,\"say \"\"x\"\"\",\r\n\"two\nlines\",,3", name: "t.csv")
    #expect(file.columns == ["a", "b, c", "d"])
    #expect(file.rows == [["1", "say \"x\"", ""], ["two\nlines", "", "3"]])
    #expect(file.field("b, c", of: file.rows[0]) == "say \"x\"" && file.field("e", of: file.rows[0]) == nil)
  }

  @Test func tablesComeBack() throws {
    var table = Table("t", columns: ["a, b", "Rate"])
    table.append([.text("\"quoted\"\nline"), .proportion(successes: 1, count: 4)])
    let file = try CSVFile(parsing: table.csv, name: "t.csv")
    #expect(file.columns == ["a, b", "Rate", "Rate low", "Rate high", "Rate successes", "Rate n"])
    #expect(file.rows[0][0] == "\"quoted\"\nline" && file.rows[0][1] == "0.25" && file.rows[0][5] == "4")
  }

  @Test(arguments: ["a\n\"b", "a,b\n1\n", "a\nx\"y\n", "a\n\"x\"y\n", ""]) func damagedFilesAreRefused(
    _ text: String
  ) throws {
    let error = try #require(throws: InputError.self) { try CSVFile(parsing: text, name: "t.csv") }
    #expect(error.kind == .damaged && error.description.contains("t.csv"))
  }
}
