import TensorCore

extension LineChart {
  /// The curves as gnuplot commands.
  ///
  /// - Throws: `InputError.outOfRange` when no value is finite and on the axes.
  public func commands() throws -> String {
    let placed = series.map { one in
      zip(one.x, one.y).map { (x: x.placed($0), y: y.placed($1)) }
    }
    let drawn = placed.joined().filter { !$0.x.isNaN && !$0.y.isNaN }
    guard let first = drawn.first else {
      throw InputError(
        .outOfRange, "chart \"\(title)\"", expected: "a finite value that its axes can show",
        found: "none in \(series.count) series")
    }
    let extent = drawn.reduce(first.x...first.x) { min($0.lowerBound, $1.x)...max($0.upperBound, $1.x) }
    let middle = middle(of: extent)

    var data = ""
    var bands: [String] = []
    var curves: [String] = []
    for (index, one) in series.enumerated() {
      let color = ChartStyle.color(one.color ?? index)
      if let rows = bandRows(of: one) {
        data += LineChart.block("band\(index)", rows)
        // The first two digits are the transparency: FF would be invisible.
        let pale = "#d0" + color.hexadecimal.dropFirst()
        bands.append("$band\(index) using 1:2:3 with filledcurves fillcolor rgb '\(pale)' notitle")
      }
      data += LineChart.block("curve\(index)", placed[index].map { [$0.x, $0.y] })
      curves.append("$curve\(index) using 1:2 \(drawing(of: one, index: index, color: color))")
    }
    return x.commands("x") + y.commands("y") + legendCommand + marks(middle: middle) + data
      + "plot \((bands + curves).joined(separator: ", \\\n  "))\n"
  }

  private func middle(of extent: ClosedRange<Double>) -> Double {
    let low = x.range.map { x.placed($0.lowerBound) } ?? extent.lowerBound
    let high = x.range.map { x.placed($0.upperBound) } ?? extent.upperBound
    return x.scale == .logarithmic ? (low * high).squareRoot() : (low + high) / 2
  }

  static func block(_ name: String, _ rows: [[Double]]) -> String {
    let lines = rows.map { $0.map(Gnuplot.number).joined(separator: " ") }
    return "$\(name) << END\n\(lines.joined(separator: "\n"))\nEND\n"
  }

  /// Rows of x, low, high; nil without a band. A staircase's band keeps its height up to the next x.
  private func bandRows(of one: Series) -> [[Double]]? {
    guard let band = one.band else { return nil }
    var rows: [[Double]] = []
    for (index, range) in band.enumerated() {
      let bounds = [y.placed(range.lowerBound), y.placed(range.upperBound)]
      guard !bounds[0].isNaN, !bounds[1].isNaN, !x.placed(one.x[index]).isNaN else { continue }
      rows.append([x.placed(one.x[index])] + bounds)
      if one.isStaircase, index + 1 < one.x.count, !x.placed(one.x[index + 1]).isNaN {
        rows.append([x.placed(one.x[index + 1])] + bounds)
      }
    }
    return rows.isEmpty ? nil : rows
  }

  private func drawing(of one: Series, index: Int, color: Color) -> String {
    let dash =
      switch one.style {
      // A palette used a second time comes dashed, so that no two curves look alike.
      case .solid: index >= Color.series.count && one.color == nil ? "(24,6)" : "1"
      case .dashed: "(14,8)"
      case .dotted: "(3,6)"
      case .unconnected: "1"
      }
    let line = "linewidth 2.2 dashtype \(dash) linecolor rgb '\(color.hexadecimal)'"
    let points = "pointtype 7 pointsize 0.8"
    let name = one.name.isEmpty ? "notitle" : "title \(Gnuplot.quoted(one.name))"
    if one.style == .unconnected {
      return "with points \(points) linecolor rgb '\(color.hexadecimal)' \(name)"
    }
    if one.isStaircase { return "with steps \(line) \(name)" }
    return one.showsPoints ? "with linespoints \(line) \(points) \(name)" : "with lines \(line) \(name)"
  }

  private var legendCommand: String {
    let look = "Left reverse samplen 2.4 spacing 1.25 width 1 textcolor rgb '\(ChartStyle.ink.hexadecimal)'\n"
    switch legend {
    case .automatic:
      return series.filter { !$0.name.isEmpty }.count > 1
        ? "set key outside right top vertical \(look)" : "unset key\n"
    case .hidden: return "unset key\n"
    case .topLeft: return "set key inside left top vertical opaque \(look)"
    case .topRight: return "set key inside right top vertical opaque \(look)"
    case .bottomLeft: return "set key inside left bottom vertical opaque \(look)"
    case .bottomRight: return "set key inside right bottom vertical opaque \(look)"
    }
  }

  /// Lines across and labelled points. Text goes to the side where there is room.
  private func marks(middle: Double) -> String {
    let quiet = ChartStyle.quietInk.hexadecimal
    let rule = "nohead front linewidth 1.2 dashtype (12,8) linecolor rgb '\(quiet)'"
    // Labels need explicit tags: gnuplot would take a text such as '960' for one.
    var tag = 0
    var script = ""
    for (index, mark) in verticalLines.enumerated() {
      let place = x.placed(mark.value)
      guard !place.isNaN else { continue }
      script += "set arrow from first \(place), graph 0 to first \(place), graph 1 \(rule)\n"
      guard !mark.label.isEmpty else { continue }
      // Neighbouring lines have their texts at different heights.
      let height = 0.965 - 0.06 * Double(index % 4)
      let side = place > middle ? "right offset -0.8,0" : "left offset 0.8,0"
      tag += 1
      script += "set label \(tag) \(Gnuplot.quoted(mark.label)) at first \(place), graph \(height) \(side) "
      script += "boxed front textcolor rgb '\(quiet)'\n"
    }
    for mark in horizontalLines {
      let place = y.placed(mark.value)
      guard !place.isNaN else { continue }
      script += "set arrow from graph 0, first \(place) to graph 1, first \(place) \(rule)\n"
      guard !mark.label.isEmpty else { continue }
      tag += 1
      script +=
        "set label \(tag) \(Gnuplot.quoted(mark.label)) at graph 0.012, first \(place) left offset 0,0.75 "
      script += "boxed front textcolor rgb '\(quiet)'\n"
    }
    for point in points {
      let (px, py) = (x.placed(point.x), y.placed(point.y))
      guard !px.isNaN, !py.isNaN else { continue }
      let color = ChartStyle.color(point.color).hexadecimal
      let dot = "front point pointtype 7 pointsize 1.5 linecolor rgb '\(color)'"
      tag += 1
      script += "set label \(tag) '' at first \(px), first \(py) \(dot)\n"
      guard !point.label.isEmpty else { continue }
      let side = px > middle ? "right offset -0.9,0.9" : "left offset 0.9,0.9"
      tag += 1
      script +=
        "set label \(tag) \(Gnuplot.quoted(point.label)) at first \(px), first \(py) \(side) boxed front "
      script += "textcolor rgb '\(color)'\n"
    }
    return script
  }
}
