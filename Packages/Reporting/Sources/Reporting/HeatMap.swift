import TensorCore

/// A matrix as coloured cells with numbers in them, first row at the top.
public struct HeatMap: Chart {
  /// The heading.
  public var title: String
  /// Width and height in pixels.
  public var size: (width: Int, height: Int)
  /// One value a cell, `values[row][column]`; NaN leaves a cell grey.
  public var values: [[Double]]
  /// Text in each cell; nil for none.
  public var texts: [[String]]?
  /// Names of the rows, from the top.
  public var rowNames: [String]
  /// Names of the columns, from the left.
  public var columnNames: [String]
  /// What the rows are.
  public var rowTitle: String
  /// What the columns are.
  public var columnTitle: String
  /// The colours. Maps that begin with white suit printed numbers.
  public var colors: ColorMap
  /// The values at the ends of the colours; nil for the smallest and the largest value.
  public var range: ClosedRange<Double>?
  /// What the colours are, written beside the bar, and whether as percentages.
  public var colorAxis: Axis

  /// A heat map.
  ///
  /// - Parameter texts: what to write into the cells; nil for the values with three significant digits.
  /// - Precondition: values and texts are matrices with one row and column a name.
  public init(
    _ title: String, values: [[Double]], texts: [[String]]? = nil, rowNames: [String], columnNames: [String],
    rowTitle: String = "", columnTitle: String = "", colors: ColorMap = .blues,
    range: ClosedRange<Double>? = nil,
    colorAxis: Axis = Axis("")
  ) {
    func fits<Cell>(_ matrix: [[Cell]]) -> Bool {
      matrix.count == rowNames.count && matrix.allSatisfy { $0.count == columnNames.count }
    }
    precondition(
      fits(values) && (texts.map { fits($0) } ?? true) && !rowNames.isEmpty && !columnNames.isEmpty,
      "HeatMap: \(rowNames.count) × \(columnNames.count) names for values in rows of \(values.map(\.count)) and texts "
        + "in rows of \((texts ?? []).map(\.count))")
    self.title = title
    self.values = values
    self.texts = texts ?? values.map { $0.map { NumberText.significant($0) } }
    self.rowNames = rowNames
    self.columnNames = columnNames
    self.rowTitle = rowTitle
    self.columnTitle = columnTitle
    self.colors = colors
    self.range = range
    self.colorAxis = colorAxis
    size = (
      min(max(columnNames.count * 68 + 260, 620), 1400), min(max(rowNames.count * 58 + 190, 460), 1200)
    )
  }

  /// A confusion matrix: counts in the cells, coloured by their share of the true class.
  ///
  /// - Parameter counts: `counts[true][predicted]`.
  /// - Precondition: the matrix is square with one name a class.
  public static func confusion(
    _ counts: [[Int]], classes: [String], title: String = "Confusion matrix"
  ) -> HeatMap {
    let shares = counts.map { row in
      let total = row.reduce(0, +)
      return row.map { total > 0 ? Double($0) / Double(total) : 0 }
    }
    return HeatMap(
      title, values: shares, texts: counts.map { $0.map { "\($0)" } }, rowNames: classes,
      columnNames: classes,
      rowTitle: "True class", columnTitle: "Predicted class", range: 0...1,
      colorAxis: Axis("Share of the true class", unit: .percent))
  }

  /// The cells as gnuplot commands.
  ///
  /// - Throws: `InputError.outOfRange` when no value is finite.
  public func commands() throws -> String {
    let finite = values.joined().filter(\.isFinite)
    guard let smallest = finite.min(), let largest = finite.max() else {
      throw InputError(
        .outOfRange, "chart \"\(title)\"", expected: "a finite value", found: "none in \(rowNames.count) rows"
      )
    }
    var (low, high) = (range?.lowerBound ?? smallest, range?.upperBound ?? largest)
    if low == high { (low, high) = (low - 0.5, high + 0.5) }
    let (rows, columns) = (rowNames.count, columnNames.count)
    let (bottom, right) = (Double(rows) - 0.5, Double(columns) - 0.5)
    let ink = ChartStyle.ink.hexadecimal
    let stops = colors.stops.enumerated().map { "\($0) '\($1.hexadecimal)'" }.joined(separator: ", ")
    let cellWidth = Double(size.width - 260) / Double(columns)
    let isCrowded = Double(columnNames.map(\.count).max() ?? 0) * 8.5 > cellWidth
    func ticks(_ names: [String]) -> String {
      names.enumerated().map { "\(Gnuplot.quotedTick($1)) \($0)" }.joined(separator: ", ")
    }
    var script = """
      set xlabel \(Gnuplot.quoted(columnTitle)) textcolor rgb '\(ink)'
      set ylabel \(Gnuplot.quoted(rowTitle)) textcolor rgb '\(ink)'
      set lmargin \(max(9, (rowNames.map(\.count).max() ?? 0) + 6))
      set cblabel \(Gnuplot.quoted(colorAxis.title)) textcolor rgb '\(ink)' offset 0.3,0
      set xtics (\(ticks(columnNames))) scale 0 \(isCrowded ? "rotate by 40 right" : "norotate") textcolor rgb '\(ink)'
      set ytics (\(ticks(rowNames))) scale 0 textcolor rgb '\(ink)'
      set xrange [-0.5:\(right)]
      set yrange [\(bottom):-0.5]
      set format cb '\(colorAxis.unit == .percent ? "%g %%" : "%g")'
      set cbrange [\(colorAxis.placed(low)):\(colorAxis.placed(high))]
      set palette defined (\(stops)) maxcolors 256
      set colorbox noborder
      set object rectangle from -0.5,-0.5 to \(right),\(bottom) behind fillcolor rgb '#d9d9d9' fillstyle solid noborder
      unset key
      unset grid
      set border 15 linewidth 1 linecolor rgb '\(ChartStyle.border.hexadecimal)'

      """
    // Pale lines set the cells apart.
    let line = "nohead front linewidth 1 linecolor rgb '\(ChartStyle.grid.hexadecimal)'"
    for row in 1..<max(rows, 1) {
      script += "set arrow from -0.5,\(Double(row) - 0.5) to \(right),\(Double(row) - 0.5) \(line)\n"
    }
    for column in 1..<max(columns, 1) {
      script += "set arrow from \(Double(column) - 0.5),-0.5 to \(Double(column) - 0.5),\(bottom) \(line)\n"
    }
    script += textCommands(low: low, high: high, cellWidth: cellWidth)
    script += LineChart.block("cells", values.map { $0.map { colorAxis.placed($0) } })
    return script + "plot $cells matrix using 1:2:3 with image pixels\n"
  }

  private func textCommands(low: Double, high: Double, cellWidth: Double) -> String {
    guard let texts else { return "" }
    let cellHeight = Double(size.height - 190) / Double(rowNames.count)
    let longest = Double(texts.joined().map(\.count).max() ?? 1)
    // A letter is about 0.8 points wide for each point of its size at 96 pixels an inch.
    let points = Int(min(13, cellHeight * 0.4, cellWidth * 0.95 / max(longest, 1) / 0.85))
    guard points >= 5 else { return "" }
    var script = ""
    for (row, line) in texts.enumerated() {
      for (column, text) in line.enumerated() {
        let value = values[row][column]
        let background = value.isFinite ? colors.color(at: (value - low) / (high - low)) : Color(0xD9D9D9)
        script +=
          "set label \(row * columnNames.count + column + 1) \(Gnuplot.quoted(text)) at \(column),\(row) center front font ',\(points)' "
        script += "textcolor rgb '\(background.legibleText.hexadecimal)'\n"
      }
    }
    return script
  }
}
