import Foundation
import ImageCodecs
import Testing
import TensorCore

@testable import Reporting

@Suite struct HTMLReportTests {
  @Test func contentIsNumberedAndEscaped() throws {
    var report = HTMLReport(title: "A & B", subtitle: "<quick>")
    report.addHeading("First <one>")
    report.addHeading("Inner", depth: 2)
    report.addHeading("Second")
    report.addHeading("Again", depth: 2)
    report.addParagraph("one < two\n\nsecond paragraph")
    report.addList(["a & b"])
    report.addPreformatted("x  <y>")
    report.add(Table("t", columns: ["c"], note: "n & m"))
    report.add(Table("u", columns: ["c"]))
    try report.addFigure(Image(width: 1, height: 1, repeating: [0]), caption: "a \"dot\"")
    let html = report.html
    #expect(html.contains("<title>A &amp; B</title>") && html.contains("&lt;quick&gt;"))
    #expect(html.contains("<h2 id=\"section-1\"><span class=\"section\">1</span> First &lt;one&gt;</h2>"))
    // The inner number starts again in a new chapter.
    #expect(html.contains("<h3 id=\"section-2-1\"><span class=\"section\">2.1</span> Again</h3>"))
    #expect(html.contains("<a href=\"#section-1-1\">"))
    #expect(html.contains("<p>one &lt; two</p>\n<p>second paragraph</p>"))
    #expect(html.contains("<pre>x  &lt;y&gt;</pre>") && html.contains("<li>a &amp; b</li>"))
    #expect(html.contains("Table 1. t") && html.contains("Table 2. u") && html.contains("n &amp; m"))
    #expect(html.contains("alt=\"a &quot;dot&quot;\"") && html.contains("Figure 1."))
  }

  @Test func picturesStandInside() throws {
    let image = Image(width: 2, height: 1, repeating: [1, 2, 3])
    var report = HTMLReport(title: "t")
    try report.addFigure(image, caption: "c")
    let html = report.html
    let start = try #require(html.firstRange(of: "data:image/png;base64,")).upperBound
    let encoded = html[start...].prefix { $0 != "\"" }
    let data = try #require(Data(base64Encoded: String(encoded)))
    #expect(try Image(pngData: data, name: "inline") == image)
    // Nothing is loaded from anywhere.
    #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"))
    #expect(html.contains("prefers-color-scheme: dark"))
  }

  // Each element that is opened is closed, in order; void elements aside.
  @Test func elementsAreBalanced() throws {
    var report = HTMLReport(title: "t")
    report.addHeading("h")
    report.addHeading("i", depth: 3)
    report.addNotice("n")
    var table = Table("t", columns: ["a"])
    table.append([.text("<b>")])
    report.add(table)
    report.addFigure(pngData: Data([1]), caption: "c")
    var open: [String] = []
    for tag in report.html.matches(of: /<(\/?)([a-z][a-z0-9]*)/) {
      let name = String(tag.output.2)
      if ["meta", "img"].contains(name) { continue }
      if tag.output.1.isEmpty { open.append(name) } else { #expect(open.popLast() == name) }
    }
    #expect(open.isEmpty)
  }
}

@Suite struct ReportFolderTests {
  @Test func writesEverything() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var output = try ReportFolder(folder, title: "Sample", metrics: sampleMetrics(isSynthetic: true))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    output.report.addHeading("Results")
    var table = Table("Test accuracy, by class", columns: ["a"])
    table.append([.integer(1)])
    try output.add(table)
    try output.add(Image(width: 1, height: 1, repeating: [0, 0, 0]), file: "figures/dot.png", caption: "dot")
    var grid = ImageGrid()
    grid.append(row: [ImageGrid.Tile(Tensor([[1]]))])
    try output.add(grid, file: "grid.png", caption: "grid")
    var chart = LineChart("c", x: Axis("x"), y: Axis("y"))
    chart.series = [LineChart.Series("s", y: [1, 2])]
    try output.add(chart, file: "chart.png", caption: "chart")
    var comparison = DocumentComparison("Document")
    comparison.append("n", document: .integer(1), measured: .integer(1))
    try output.add(comparison)
    try output.add(preformatted: "a  <b>\n", file: "output/text.txt")
    try output.metrics.addHeadline("n", 1)
    let report = try output.finish()

    let found = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    #expect(
      found == [
        "chart.png", "document.csv", "figures", "figures/dot.png", "grid.png", "metrics.json", "output",
        "output/text.txt", "report.html", "report.md", "test-accuracy-by-class.csv",
      ])
    let html = try String(contentsOf: report, encoding: .utf8)
    #expect(html.contains("Figure 3.") && html.contains("synthetic") && html.contains("a  &lt;b&gt;"))
    let text = try String(contentsOf: folder.appendingPathComponent("output/text.txt"), encoding: .utf8)
    #expect(text == "a  <b>\n")
    let csv = try String(
      contentsOf: folder.appendingPathComponent("test-accuracy-by-class.csv"), encoding: .utf8)
    #expect(csv == "a\r\n1\r\n")
    let data = try Data(contentsOf: folder.appendingPathComponent("metrics.json"))
    let metrics = try JSONValue(parsing: data, name: "metrics.json")
    guard case .array(let tables)? = metrics["tables"] else {
      Issue.record("no tables in metrics.json")
      return
    }
    #expect(
      tables.map { $0["title"] } == ["Test accuracy, by class (synthetic data)", "Document (synthetic data)"])
  }

  // A run must not compute for an hour and then find that its folder is a file.
  @Test func unwritableFoldersAreFoundAtOnce() throws {
    let file = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: file) }
    try Data().write(to: file)
    #expect {
      try ReportFolder(file.appendingPathComponent("results"), title: "t", metrics: sampleMetrics())
    } throws: { error in
      (error as? InputError)?.kind == .unwritable && "\(error)".contains(file.lastPathComponent)
    }
  }

  // A table written as a file alone is in neither the report nor the metrics, but among the run's files.
  @Test func longTablesAreFilesAlone() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var output = try ReportFolder(folder, title: "t", metrics: sampleMetrics(), needsCharts: false)
    var table = Table("Every step", columns: ["Step", "Loss"])
    table.append([.integer(1), .number(0.25)])
    try output.write(table, file: "steps.csv")
    let page = try String(contentsOf: output.finish(), encoding: .utf8)
    #expect(!page.contains("Every step") && output.metrics.tables.isEmpty)
    #expect(try String(contentsOf: folder.appendingPathComponent("steps.csv"), encoding: .utf8) == table.csv)
    let metrics = try JSONValue(
      parsing: Data(contentsOf: folder.appendingPathComponent("metrics.json")), name: "metrics.json")
    #expect(metrics["files"] == ["steps.csv"])
  }

  @Test func pathsStayInside() async {
    await #expect(processExitsWith: .failure) {
      let output = try ReportFolder(
        temporaryFolder(), title: "t", metrics: sampleMetrics(), needsCharts: false)
      _ = output.fileURL("../x.png")
    }
  }
}

@Suite struct ResultsIndexTests {
  @Test func joinsTheReports() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, synthetic) in [("mnist-mlp", false), ("quick/a & b", true)] {
      var output = try ReportFolder(
        folder.appendingPathComponent(name), title: name, metrics: sampleMetrics(isSynthetic: synthetic),
        needsCharts: false)
      try output.metrics.addHeadline("test_accuracy", 0.98051)
      try output.finish()
    }
    try AtomicFile.write("<p>", to: folder.appendingPathComponent("broken/report.html"))
    try AtomicFile.write("{\"profile\": ", to: folder.appendingPathComponent("broken/metrics.json"))
    try AtomicFile.write("", to: folder.appendingPathComponent("no-report/metrics.json"))
    let page = try ResultsIndex.write(in: folder)
    let html = try String(contentsOf: page, encoding: .utf8)
    #expect(html.contains("href=\"mnist-mlp/report.html\"") && html.contains(">0.98051<"))
    #expect(html.contains("href=\"quick/a%20&amp;%20b/report.html\"") && html.contains("synthetic data"))
    // A damaged file is named and does not hide the others.
    #expect(html.contains("href=\"broken/report.html\"") && html.contains("metrics.json: expected"))
    #expect(!html.contains("no-report"))
    let (full, quick) = (html.firstRange(of: "Full runs"), html.firstRange(of: "Quick runs"))
    #expect(full != nil && quick != nil && full!.lowerBound < quick!.lowerBound)
  }

  @Test func emptyFolder() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let html = try String(contentsOf: ResultsIndex.write(in: folder), encoding: .utf8)
    #expect(html.contains("no report yet"))
  }
}
