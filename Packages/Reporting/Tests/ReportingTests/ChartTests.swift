import Foundation
import ImageCodecs
import Testing
import TensorCore

@testable import Reporting

/// A chart whose commands gnuplot does not know.
private struct Nonsense: Chart {
  let title = "nonsense"
  let size = (width: 300, height: 200)
  func commands() throws -> String { "paint it black\n" }
}

@Suite struct ChartTests {
  private let blue = Color.series[0]

  private func picture(_ chart: some Chart) throws -> Image {
    try Image(pngData: chart.pngData(), name: chart.title)
  }

  @Test func linesAreDrawn() throws {
    var chart = LineChart("Loss", x: Axis("Epoch"), y: Axis("Loss", scale: .logarithmic))
    chart.series = [
      LineChart.Series("train", y: [1, 0.1, 0.01], style: .dashed, color: 0),
      LineChart.Series("test", y: [1, 0.2, 0.1], color: 1),
    ]
    chart.points = [LineChart.Point(x: 3, y: 0.1, label: "best", color: 1)]
    chart.verticalLines = [LineChart.Mark(2, label: "here")]
    chart.horizontalLines = [LineChart.Mark(0.5, label: "there")]
    let image = try picture(chart)
    #expect(image.width == 1000 && image.height == 640)
    #expect(image.count(Color.series[1]) > image.count(blue))  // solid against dashed
    #expect(image.count(blue) > 100)
    #expect(try chart.pngData() == chart.pngData())
  }

  // Joining the neighbours of a missing value would invent data.
  @Test func missingValuesLeaveGaps() throws {
    func chart(_ middle: Double) -> LineChart {
      var chart = LineChart("Gap", x: Axis("x"), y: Axis("y", range: 0...2))
      chart.series = [LineChart.Series("", y: [1, middle, 1], color: 0)]
      return chart
    }
    #expect(try picture(chart(1)).count(blue) > 500)
    for missing in [Double.nan, .infinity] { #expect(try picture(chart(missing)).count(blue) < 50) }
  }

  @Test func logarithmicAxesSkipZero() throws {
    var chart = LineChart("Log", x: Axis("x"), y: Axis("y", scale: .logarithmic))
    chart.series = [LineChart.Series("a", y: [0, -1, 1, 10])]
    chart.y.range = 0...20
    #expect(try picture(chart).count(blue) > 100)
    chart.series = [LineChart.Series("a", y: [0, -1])]
    #expect {
      try chart.pngData()
    } throws: { error in
      (error as? InputError)?.kind == .outOfRange
    }
  }

  @Test func bandsSurroundStaircases() throws {
    var chart = LineChart("Certified", x: Axis("Radius"), y: Axis("Accuracy", unit: .percent, range: 0...1))
    let values = [0.9, 0.6, 0.3]
    chart.series = [
      LineChart.Series(
        "smoothed", x: [0, 0.5, 1], y: values, band: values.map { $0 - 0.1...$0 + 0.1 }, isStaircase: true)
    ]
    let commands = try chart.commands()
    // The band keeps the first height until 0.5.
    #expect(
      commands.contains(
        "$band0 << END\n0.0 80.0 100.0\n0.5 80.0 100.0\n0.5 50.0 70.0\n1.0 50.0 70.0\n1.0 20.0 40.0\nEND"))
    #expect(try picture(chart).count(blue) > 100)
  }

  // A bar of 0.8 has twice the area of one of 0.4; one drawn from the axis range's end instead of zero has not.
  @Test func barsBeginAtZero() throws {
    var chart = BarChart("Bars", categories: ["it's", "50 % \"of\" b_c"], y: Axis("y"))
    chart.showsValues = false
    chart.series = [BarChart.Series("a", values: [0.8, .nan])]
    let large = try picture(chart).count(blue)
    chart.y.range = 0...0.896
    chart.series = [BarChart.Series("a", values: [0.4, .nan])]
    let small = try picture(chart).count(blue)
    #expect(abs(Double(large) / Double(small) - 2) < 0.02)
  }

  @Test func ratesHaveErrorBars() throws {
    let rates = [Proportion(successes: 34, count: 50), Proportion(successes: 0, count: 0)]
    let series = BarChart.Series("a", rates: rates)
    #expect(series.values[0] == 0.68 && series.values[1].isNaN)
    #expect(abs((series.intervals[0]?.lowerBound ?? 0) - 0.5330062) < 1e-6)
    #expect(series.intervals[1] == nil)
    var chart = BarChart("Rates", categories: ["x", "y"], y: Axis("Accuracy", unit: .percent))
    chart.series = [series, BarChart.Series("b", values: [-0.2, 0.3])]
    let image = try picture(chart)
    #expect(image.count(blue) > 1000 && image.count(Color.series[1]) > 1000)
  }

  @Test func cellsAreColouredAndLegible() throws {
    let map = HeatMap.confusion([[9, 1], [0, 0]], classes: ["a", "b"])
    // By row: 0.9 of class a; a class without images is white and not 0/0.
    #expect(map.values == [[0.9, 0.1], [0, 0]])
    let commands = try map.commands()
    #expect(commands.contains("set label 1 '9' at 0,0") && commands.contains("set label 4 '0' at 1,1"))
    let image = try picture(map)
    let dark = ColorMap.blues.color(at: 0.9)
    let similar = stride(from: 0, to: image.pixels.count, by: 3).count { start in
      abs(Int(image.pixels[start]) - Int(dark.red)) <= 3
        && abs(Int(image.pixels[start + 1]) - Int(dark.green)) <= 3
        && abs(Int(image.pixels[start + 2]) - Int(dark.blue)) <= 3
    }
    #expect(similar > 5000)
    let first = commands.split(separator: "\n").first { $0.hasPrefix("set label 1 ") } ?? ""
    #expect(first.contains("'#ffffff'"))
    let second = commands.split(separator: "\n").first { $0.hasPrefix("set label 2 ") } ?? ""
    #expect(second.contains("'#1a1a1a'"))
  }

  @Test func constantAndMissingCells() throws {
    let map = HeatMap("Flat", values: [[.nan, 2]], rowNames: ["r"], columnNames: ["x", "y"])
    #expect(try picture(map).count(Color(0xD9D9D9)) > 1000)
    let empty = HeatMap("None", values: [[.nan]], rowNames: ["r"], columnNames: ["x"])
    #expect(throws: InputError.self) { try empty.pngData() }
  }

  // Labels come from data and options: nothing in them may be run or read as markup.
  @Test func hostileTextIsOnlyText() throws {
    let folder = temporaryFolder()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let target = folder.appendingPathComponent("pwned").path
    let texts = [
      "'; system('touch \(target)') #", "it's ''", "\"; system(\"touch \(target)\"); \"", "`touch \(target)`",
      "@x \\ \\n \n !touch \(target)", "{/Symbol a}_b^c %d %s %", "", "960",
    ]
    for text in texts {
      var lines = LineChart(text, x: Axis(text), y: Axis(text))
      lines.series = [LineChart.Series(text, y: [1, 2]), LineChart.Series(text, y: [2, 1])]
      lines.points = [LineChart.Point(x: 1, y: 1, label: text)]
      lines.verticalLines = [LineChart.Mark(1.5, label: text)]
      lines.horizontalLines = [LineChart.Mark(1.5, label: text)]
      _ = try picture(lines)
      var bars = BarChart(text, categories: [text, text], categoryTitle: text, y: Axis(text, unit: .percent))
      bars.series = [BarChart.Series(text, values: [1, 2])]
      _ = try picture(bars)
      _ = try picture(
        HeatMap(
          text, values: [[1, 2]], texts: [[text, text]], rowNames: [text], columnNames: [text, "b"],
          rowTitle: text, columnTitle: text, colorAxis: Axis(text)))
    }
    #expect(!FileManager.default.fileExists(atPath: target))
  }

  @Test func failuresLeaveNothing() throws {
    let folder = temporaryFolder()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect {
      try Nonsense().writePNG(to: folder.appendingPathComponent("chart.png"))
    } throws: { error in
      "\(error)".contains("nonsense") && "\(error)".contains("invalid command")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func missingProgramSaysWhatToInstall() {
    #expect {
      try Gnuplot(searchPath: "/nowhere:/neither")
    } throws: { error in
      (error as? InputError)?.kind == .missing && "\(error)".contains("apt-get install gnuplot-nox")
    }
  }
}
