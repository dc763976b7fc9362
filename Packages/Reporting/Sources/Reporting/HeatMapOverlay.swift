import ImageCodecs
import TensorCore

extension ColorScale {
  /// The values' colours over a picture of the same size:
  ///
  ///     sample = round((1 − opacity) · picture + opacity · colour)
  ///
  /// - Parameters:
  ///   - values: `[height, width]` or `[1, height, width]`.
  ///   - picture: grey or RGB.
  ///   - opacity: 0 shows the picture alone, 1 the colours alone.
  /// - Precondition: these shapes, and equal sizes.
  public func overlay(_ values: Tensor, on picture: Image, opacity: Double = 0.5) -> Image {
    let colors = image(values)
    precondition(
      colors.width == picture.width && colors.height == picture.height
        && (picture.channels == 1 || picture.channels == 3),
      "ColorScale: values \(values.shape) over a picture of \(picture.height)×\(picture.width) pixels with "
        + "\(picture.channels) channels")
    precondition(opacity >= 0 && opacity <= 1, "ColorScale: opacity \(opacity) is outside 0...1")
    let mixed = colors.pixels.indices.map { place in
      let below = picture.pixels[place / 3 * picture.channels + (picture.channels == 3 ? place % 3 : 0)]
      return UInt8(((1 - opacity) * Double(below) + opacity * Double(colors.pixels[place])).rounded())
    }
    return Image(width: colors.width, height: colors.height, channels: 3, pixels: mixed)
  }
}

extension ImageGrid {
  /// Pictures, heat maps of them, and both laid over each other: one row a picture, all maps on one scale from 0 to 1.
  ///
  /// - Parameters:
  ///   - rows: pictures `[channels, height, width]` in [0, 1] with 1 or 3 channels, maps `[height, width]` in [0, 1], and a
  ///     caption each.
  ///   - mapTitle: what the maps are, the title of their column.
  public static func heatMaps(
    _ rows: [(picture: Tensor, map: Tensor, caption: String)], mapTitle: String, title: String = ""
  ) -> ImageGrid {
    let scale = ColorScale(.embers, over: 0...1)
    var grid = ImageGrid(title: title, columnTitles: ["original", mapTitle, "overlay"], colorBar: scale)
    for row in rows {
      let picture = Image(row.picture)
      grid.append(row: [
        Tile(picture, above: row.caption), Tile(scale.image(row.map)),
        Tile(scale.overlay(row.map, on: picture)),
      ])
    }
    return grid
  }
}
