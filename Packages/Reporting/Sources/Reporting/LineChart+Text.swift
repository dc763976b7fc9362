import Foundation

extension LineChart {
  /// The chart in letters, for a terminal: each series has a sign of its own at its points, small dots lie on the straight
  /// lines between them, and the legend names the signs. Where two series meet the earlier one is seen.
  ///
  ///     100 % |          o
  ///      50 % |    ..o...
  ///       0 % |o...
  ///           +-----------
  ///            0   0.5   1
  ///
  /// Bands, points and lines across are left out; the axes show the ends and the middle of their ranges.
  ///
  /// - Parameters:
  ///   - columns: how many letters wide the inner part is.
  ///   - rows: how many lines high it is.
  /// - Precondition: at least 2 columns and 2 rows.
  public func text(columns: Int = 64, rows: Int = 16) -> String {
    precondition(columns > 1 && rows > 1, "LineChart.text: \(columns) columns, \(rows) rows")
    let drawn = series.map { one in
      zip(one.x, one.y).map { (x: x.textPlace($0.0), y: y.textPlace($0.1)) }
    }
    let finite = drawn.joined().filter { $0.x.isFinite && $0.y.isFinite }
    guard !finite.isEmpty else { return title + "\n(nothing to draw)\n" }
    let (horizontal, vertical) = (x.textRange(finite.map(\.x)), y.textRange(finite.map(\.y)))
    var picture = TextPicture(columns: columns, rows: rows)
    let cells = drawn.map { points in
      points.map { point -> (column: Double, row: Double)? in
        guard horizontal.contains(point.x), vertical.contains(point.y) else { return nil }
        return (
          horizontal.share(of: point.x) * Double(columns - 1), vertical.share(of: point.y) * Double(rows - 1)
        )
      }
    }
    for (one, cells) in zip(series, cells) where one.style != .unconnected {
      for case (let start?, let end?) in zip(cells, cells.dropFirst()) { picture.connect(start, end) }
    }
    for (place, cells) in cells.enumerated().reversed() {
      for case let cell? in cells { picture.set(cell, Self.sign(place)) }
    }
    let labels = [(rows - 1, 1.0), ((rows - 1) / 2, Double((rows - 1) / 2) / Double(rows - 1)), (0, 0.0)].map
    {
      (row: $0.0, text: y.text(at: vertical, share: $0.1))
    }
    let margin = (labels.map(\.text.count).max() ?? 0) + 1
    var lines = [title, y.title]
    for row in (0..<rows).reversed() {
      let label = labels.first { $0.row == row }?.text ?? ""
      lines.append(label.padded(to: margin - 1) + " |" + picture.line(row))
    }
    lines.append(String(repeating: " ", count: margin) + "+" + String(repeating: "-", count: columns))
    let ends = [0.0, 0.5, 1].map { x.text(at: horizontal, share: $0) }
    let gap = max(2, columns - ends.reduce(0) { $0 + $1.count })
    lines.append(
      String(repeating: " ", count: margin + 1) + ends[0] + String(repeating: " ", count: gap / 2) + ends[1]
        + String(repeating: " ", count: gap - gap / 2) + ends[2])
    lines.append(String(repeating: " ", count: margin + 1) + x.title)
    for (place, one) in series.enumerated() where !one.name.isEmpty {
      lines.append("\(Self.sign(place))  \(one.name)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func sign(_ place: Int) -> Character {
    let signs: [Character] = ["o", "x", "+", "*", "#", "@", "%", "&"]
    return signs[place % signs.count]
  }
}

/// Rows and columns of letters, row 0 at the bottom.
private struct TextPicture {
  private var cells: [[Character]]

  init(columns: Int, rows: Int) {
    cells = Array(repeating: Array(repeating: " ", count: columns), count: rows)
  }

  mutating func set(_ cell: (column: Double, row: Double), _ sign: Character) {
    cells[Int(cell.row.rounded())][Int(cell.column.rounded())] = sign
  }

  mutating func connect(_ start: (column: Double, row: Double), _ end: (column: Double, row: Double)) {
    let steps = Int(max(abs(end.column - start.column), abs(end.row - start.row)).rounded(.up))
    for step in 0..<max(1, steps) {
      let share = Double(step) / Double(max(1, steps))
      set(
        (start.column + share * (end.column - start.column), start.row + share * (end.row - start.row)), ".")
    }
  }

  func line(_ row: Int) -> String {
    let text = String(cells[row])
    return String(text.reversed().drop { $0 == " " }.reversed())
  }
}

extension Axis {
  /// Where a value stands, in steps of equal length; NaN where the axis cannot show it.
  fileprivate func textPlace(_ value: Double) -> Double {
    guard value.isFinite, scale == .linear || value > 0 else { return .nan }
    return scale == .logarithmic ? log10(value) : value
  }

  fileprivate func textRange(_ places: [Double]) -> ClosedRange<Double> {
    let (least, most) = (places.min() ?? 0, places.max() ?? 0)
    let lower = range.map { textPlace($0.lowerBound) }.flatMap { $0.isNaN ? nil : $0 } ?? least
    let upper = range.map { textPlace($0.upperBound) }.flatMap { $0.isNaN ? nil : $0 } ?? most
    return lower < upper ? lower...upper : lower...(lower + 1)
  }

  /// The value at a share of a range, as people read it.
  fileprivate func text(at range: ClosedRange<Double>, share: Double) -> String {
    let place = range.lowerBound + share * (range.upperBound - range.lowerBound)
    let value = scale == .logarithmic ? pow(10, place) : place
    return unit == .percent
      ? NumberText.significant(100 * value) + " %" : NumberText.significant(value)
  }
}

extension ClosedRange<Double> {
  fileprivate func share(of value: Double) -> Double { (value - lowerBound) / (upperBound - lowerBound) }
}

extension String {
  fileprivate func padded(to length: Int) -> String {
    String(repeating: " ", count: Swift.max(0, length - count)) + self
  }
}
