import Testing

@testable import Reporting

@Suite struct LineChartTextTests {
  // Drawn by hand: five columns are 0, 0.25, … 1, three rows 0, 50 and 100 %. Lines hide no other series' points.
  @Test func smallPicture() {
    var chart = LineChart(
      "Hits", x: Axis("share", range: 0...1), y: Axis("rate", unit: .percent, range: 0...1))
    chart.series = [
      .init("up", x: [0, 1], y: [0, 1]), .init("down", x: [0, 0.5, 1], y: [1, 0.5, 0]),
    ]
    let expected = [
      "Hits", "rate", "100 % |x. .o", " 50 % | .x.", "  0 % |o   x", "      +-----", "       0 0.5 1",
      "       share",
      "o  up", "x  down", "",
    ].joined(separator: "\n")
    #expect(chart.text(columns: 5, rows: 3) == expected)
  }

  // A missing value must not be bridged, and a value outside the range must not be moved to the border.
  @Test func missingAndOutside() {
    var chart = LineChart("Gap", x: Axis("x"), y: Axis("y", range: 0...1))
    chart.series = [.init("a", y: [0, .nan, 0, 2, 0])]
    let lines = chart.text(columns: 9, rows: 2).split(separator: "\n")
    #expect(lines[2] == "1 |" && lines[3] == "0 |o   o   o")
  }

  // A tenth, a hundredth and a thousandth are equally far apart.
  @Test func logarithmic() {
    var chart = LineChart("Log", x: Axis("x", scale: .logarithmic), y: Axis("y"))
    chart.series = [.init("a", x: [0.001, 0.01, 0.1], y: [1, 1, 1], style: .unconnected)]
    let lines = chart.text(columns: 5, rows: 2).split(separator: "\n")
    #expect(lines[3].hasSuffix("|o o o"))
    #expect(lines[5].contains("0.001 0.01 0.1"))
  }

  @Test func nothingToDraw() {
    var chart = LineChart("Empty", x: Axis("x"), y: Axis("y"))
    chart.series = [.init("a", y: [.nan])]
    #expect(chart.text() == "Empty\n(nothing to draw)\n")
  }
}
