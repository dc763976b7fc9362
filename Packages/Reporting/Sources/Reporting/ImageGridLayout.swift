import ImageCodecs

/// Where the parts of an image grid stand, in pixels.
struct ImageGridLayout {
  private static let margin = 16
  private static let gap = 20
  private static let barWidth = 18
  private static let ink = Color(0x222222)
  private static let hairline = Color(0xC8C8C8)

  private let grid: ImageGrid
  private let scale: Int
  private let columnWidths: [Int]
  private let rowHeights: [(above: Int, image: Int, below: Int)]
  private let left: Int
  private let top: Int

  init(_ grid: ImageGrid) {
    let tiles = grid.rows.joined().compactMap { $0 }
    let columns = grid.rows.map(\.count).max() ?? 0
    precondition(!tiles.isEmpty, "ImageGrid: \"\(grid.title)\" has no tiles")
    precondition(
      grid.columnTitles.count <= columns && grid.rowTitles.count <= grid.rows.count,
      "ImageGrid: \(grid.columnTitles.count) column and \(grid.rowTitles.count) row titles for \(columns) columns "
        + "and \(grid.rows.count) rows")
    let size = grid.textSize
    let largest = tiles.map { max($0.image.width, $0.image.height) }.max() ?? 1
    let scale = max(1, grid.scale ?? (112 + largest - 1) / largest)

    self.grid = grid
    self.scale = scale
    columnWidths = (0..<columns).map { column in
      let inColumn = grid.rows.compactMap { column < $0.count ? $0[column] : nil }
      let title = column < grid.columnTitles.count ? grid.columnTitles[column] : ""
      return inColumn.map { tile in
        max(tile.image.width * scale, Self.width(of: tile.above, size), Self.width(of: tile.below, size))
      }.reduce(Self.width(of: title, size), max)
    }
    rowHeights = grid.rows.map { row in
      let inRow = row.compactMap { $0 }
      return (
        above: inRow.map { Self.height(of: $0.above, size) }.max() ?? 0,
        image: inRow.map { $0.image.height * scale }.max() ?? 0,
        below: inRow.map { Self.height(of: $0.below, size) }.max() ?? 0
      )
    }
    let rowTitleWidth = grid.rowTitles.map { Self.width(of: $0, size) }.max() ?? 0
    left = Self.margin + (rowTitleWidth > 0 ? rowTitleWidth + Self.gap : 0)
    let titleHeight = grid.title.isEmpty ? 0 : Self.height(of: grid.title, .large) + 8
    let columnTitleHeight = grid.columnTitles.map { Self.height(of: $0, size) }.max() ?? 0
    top = Self.margin + titleHeight + (columnTitleHeight > 0 ? columnTitleHeight + 6 : 0)
  }

  private static func lines(of text: String) -> [String] {
    text.isEmpty ? [] : text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  private static func width(of text: String, _ size: TextSize) -> Int {
    lines(of: text).map { size.width(of: $0) }.max() ?? 0
  }

  /// Of the lines and the space that sets them off from the picture.
  private static func height(of text: String, _ size: TextSize) -> Int {
    text.isEmpty ? 0 : lines(of: text).count * size.lineHeight + 5
  }

  private var gridWidth: Int { columnWidths.reduce(0, +) + Self.gap * (columnWidths.count - 1) }

  private var gridHeight: Int {
    rowHeights.reduce(0) { $0 + $1.above + $1.image + $1.below } + Self.gap * (rowHeights.count - 1)
  }

  private var barLabels: [(text: String, share: Double)] {
    guard let range = grid.colorBar?.range else { return [] }
    let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
    return [(high, 0), ((low + high) / 2, 0.5), (low, 1)].map {
      (NumberText.significant($0.0), $0.1)
    }
  }

  func draw() -> Image {
    let size = grid.textSize
    let barSpace =
      grid.colorBar == nil
      ? 0 : Self.gap + Self.barWidth + 8 + (barLabels.map { size.width(of: $0.text) }.max() ?? 0)
    let width =
      max(left + gridWidth + barSpace, Self.margin + Self.width(of: grid.title, .large)) + Self.margin
    var canvas = Canvas(width: width, height: top + gridHeight + Self.margin)

    for (index, line) in Self.lines(of: grid.title).enumerated() {
      canvas.write(
        line, x: Self.margin, y: Self.margin + index * TextSize.large.lineHeight, size: .large, isBold: true,
        Self.ink)
    }
    var x = left
    for (column, columnWidth) in columnWidths.enumerated() {
      if column < grid.columnTitles.count {
        let text = grid.columnTitles[column]
        write(text, centerX: x + columnWidth / 2, y: top - 6 - Self.height(of: text, size), on: &canvas)
      }
      x += columnWidth + Self.gap
    }
    var y = top
    for (index, row) in grid.rows.enumerated() {
      let height = rowHeights[index]
      if index < grid.rowTitles.count {
        let lines = Self.lines(of: grid.rowTitles[index])
        let start = y + height.above + (height.image - lines.count * size.lineHeight) / 2
        for (number, line) in lines.enumerated() {
          canvas.write(line, x: Self.margin, y: start + number * size.lineHeight, size: size, Self.ink)
        }
      }
      draw(row, y: y, height: height, on: &canvas)
      y += height.above + height.image + height.below + Self.gap
    }
    drawColorBar(on: &canvas)
    return canvas.image
  }

  private func draw(
    _ row: [ImageGrid.Tile?], y: Int, height: (above: Int, image: Int, below: Int), on canvas: inout Canvas
  ) {
    var x = left
    for (column, tile) in row.enumerated() {
      if let tile {
        let center = x + columnWidths[column] / 2
        let (tileWidth, tileHeight) = (tile.image.width * scale, tile.image.height * scale)
        let tileLeft = center - tileWidth / 2
        let tileTop = y + height.above + (height.image - tileHeight) / 2
        canvas.draw(tile.image, x: tileLeft, y: tileTop, scale: scale)
        canvas.frame(
          x: tileLeft, y: tileTop, width: tileWidth, height: tileHeight, thickness: tile.frame == nil ? 1 : 4,
          tile.frame ?? Self.hairline)
        // Captions stand next to their picture, also where a neighbour has more lines.
        write(
          tile.above, centerX: center, y: y + height.above - Self.height(of: tile.above, grid.textSize),
          on: &canvas)
        write(tile.below, centerX: center, y: y + height.above + height.image + 7, on: &canvas)
      }
      x += columnWidths[column] + Self.gap
    }
  }

  private func write(_ text: String, centerX: Int, y: Int, on canvas: inout Canvas) {
    for (index, line) in Self.lines(of: text).enumerated() {
      let left = centerX - grid.textSize.width(of: line) / 2
      canvas.write(line, x: left, y: y + index * grid.textSize.lineHeight, size: grid.textSize, Self.ink)
    }
  }

  private func drawColorBar(on canvas: inout Canvas) {
    guard let scale = grid.colorBar else { return }
    let x = left + gridWidth + Self.gap
    let (low, high) = (Double(scale.range.lowerBound), Double(scale.range.upperBound))
    for row in 0..<gridHeight {
      let share = gridHeight > 1 ? Double(row) / Double(gridHeight - 1) : 0
      canvas.fill(
        x: x, y: top + row, width: Self.barWidth, height: 1,
        scale.color(of: Float(high + (low - high) * share)))
    }
    canvas.frame(x: x, y: top, width: Self.barWidth, height: gridHeight, thickness: 1, Self.hairline)
    let textHeight = 7 * grid.textSize.scale
    for (text, share) in barLabels {
      let y = top + Int(Double(gridHeight - textHeight) * share)
      canvas.write(text, x: x + Self.barWidth + 8, y: y, size: grid.textSize, Self.ink)
    }
  }
}
