import ImageCodecs

/// Charts one above the other in one picture.
public struct StackedCharts: Sendable {
  /// The charts, from the top.
  public var charts: [any Chart]

  /// A stack.
  ///
  /// - Precondition: there is at least one chart.
  public init(_ charts: [any Chart]) {
    precondition(!charts.isEmpty, "StackedCharts: no charts")
    self.charts = charts
  }

  /// Draws all charts; narrower ones stand at the left on white.
  ///
  /// - Throws: `InputError` when gnuplot is missing or fails.
  public func image() throws -> Image {
    let parts = try charts.map { try Image(pngData: $0.pngData(), name: "chart") }
    let width = parts.map(\.width).max() ?? 0
    var pixels: [UInt8] = []
    for part in parts {
      for row in 0..<part.height {
        for column in 0..<width {
          let start = (row * part.width + column) * part.channels
          if column >= part.width {
            pixels += [255, 255, 255]
          } else if part.channels >= 3 {
            pixels += part.pixels[start..<(start + 3)]
          } else {
            pixels += [UInt8](repeating: part.pixels[start], count: 3)
          }
        }
      }
    }
    return Image(width: width, height: parts.reduce(0) { $0 + $1.height }, channels: 3, pixels: pixels)
  }
}
