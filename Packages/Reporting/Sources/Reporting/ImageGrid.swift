import Foundation
import ImageCodecs
import TensorCore

/// Rows of pictures with captions, titles and coloured frames, as one PNG.
///
///     var grid = ImageGrid(title: "Clean, direction, adversarial")
///     grid.append(row: [ImageGrid.Tile(x, above: "7"), ImageGrid.Tile(adversarial, above: "6 (0.83)", frame: .wrong)])
///     try grid.image().writePNG(to: url)
///
/// Small pictures are enlarged by whole factors, each pixel a square, so that 28 × 28 digits can be judged.
public struct ImageGrid: Sendable {
  /// One picture and the lines around it.
  public struct Tile: Sendable {
    /// The picture: grey, RGB, or RGBA over white.
    public var image: Image
    /// Text over the picture; a line feed begins another line.
    public var above: String
    /// Text under the picture.
    public var below: String
    /// The frame's colour, `.right` or `.wrong` for judged answers; nil for a thin grey line.
    public var frame: Color?

    /// A tile with a picture.
    public init(_ image: Image, above: String = "", below: String = "", frame: Color? = nil) {
      self.image = image
      self.above = above
      self.below = below
      self.frame = frame
    }

    /// A tile with a tensor in [0, 1].
    ///
    /// - Parameter tensor: `[height, width]` or `[channels, height, width]` with 1, 3 or 4 channels.
    public init(_ tensor: Tensor, above: String = "", below: String = "", frame: Color? = nil) {
      let image = Image(tensor.rank == 2 ? tensor.expanded(axis: 0) : tensor)
      self.init(image, above: above, below: below, frame: frame)
    }
  }

  /// A heading over everything; empty for none.
  public var title: String
  /// One title over each column, or none at all.
  public var columnTitles: [String]
  /// One title left of each row, or none at all.
  public var rowTitles: [String]
  /// A colour bar with its numbers at the right edge, for tiles that a `ColorScale` coloured.
  public var colorBar: ColorScale?
  /// How many screen pixels wide and high a picture's pixel is; nil makes the larger side of the largest picture at
  /// least 112 pixels.
  public var scale: Int?
  /// Size of captions and titles.
  public var textSize: TextSize
  /// The tiles; nil leaves a place empty.
  public private(set) var rows: [[Tile?]] = []

  /// A grid without rows.
  public init(
    title: String = "", columnTitles: [String] = [], rowTitles: [String] = [], colorBar: ColorScale? = nil,
    scale: Int? = nil, textSize: TextSize = .large
  ) {
    self.title = title
    self.columnTitles = columnTitles
    self.rowTitles = rowTitles
    self.colorBar = colorBar
    self.scale = scale
    self.textSize = textSize
  }

  /// Adds a row; rows may have different lengths.
  public mutating func append(row: [Tile?]) { rows.append(row) }

  /// Draws the grid.
  ///
  /// - Precondition: there is at least one tile, and not more row or column titles than rows or columns.
  public func image() -> Image { ImageGridLayout(self).draw() }

  /// The grid as a PNG file's bytes.
  public func pngData() throws -> Data { try image().pngData() }

  /// Writes the grid as a PNG file, whole or not at all.
  ///
  /// - Throws: `InputError.unwritable` naming the path.
  public func writePNG(to url: URL) throws { try image().writePNG(to: url) }

  /// Signed tensors as tiles on one shared symmetric blue-white-red scale with its colour bar.
  ///
  /// - Parameter rows: tensors `[height, width]` or `[1, height, width]` with a caption each.
  public static func diverging(
    _ rows: [[(values: Tensor, caption: String)]], title: String = "", columnTitles: [String] = [],
    rowTitles: [String] = []
  ) -> ImageGrid {
    let scale = ColorScale.diverging(for: rows.flatMap { $0.map(\.values) })
    var grid = ImageGrid(title: title, columnTitles: columnTitles, rowTitles: rowTitles, colorBar: scale)
    for row in rows { grid.append(row: row.map { Tile(scale.image($0.values), above: $0.caption) }) }
    return grid
  }
}
