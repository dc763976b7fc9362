import ImageCodecs

/// An RGB picture to draw on. Everything outside it is cut off.
struct Canvas {
  let width: Int
  let height: Int
  private var pixels: [UInt8]

  init(width: Int, height: Int, background: Color = .white) {
    self.width = width
    self.height = height
    pixels = []
    pixels.reserveCapacity(width * height * 3)
    for _ in 0..<(width * height) { pixels += background.samples }
  }

  /// The finished picture.
  var image: Image { Image(width: width, height: height, channels: 3, pixels: pixels) }

  mutating func set(x: Int, y: Int, _ color: Color) {
    guard x >= 0, x < width, y >= 0, y < height else { return }
    let start = (y * width + x) * 3
    pixels[start] = color.red
    pixels[start + 1] = color.green
    pixels[start + 2] = color.blue
  }

  mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
    let rows = (y..<(y + height)).clamped(to: 0..<self.height)
    let columns = (x..<(x + width)).clamped(to: 0..<self.width)
    for row in rows { for column in columns { set(x: column, y: row, color) } }
  }

  /// The edges of a box, `thickness` pixels outwards.
  mutating func frame(x: Int, y: Int, width: Int, height: Int, thickness: Int, _ color: Color) {
    fill(x: x - thickness, y: y - thickness, width: width + 2 * thickness, height: thickness, color)
    fill(x: x - thickness, y: y + height, width: width + 2 * thickness, height: thickness, color)
    fill(x: x - thickness, y: y, width: thickness, height: height, color)
    fill(x: x + width, y: y, width: thickness, height: height, color)
  }

  /// A picture, each pixel as a square of `scale`; transparency is laid over white.
  mutating func draw(_ image: Image, x: Int, y: Int, scale: Int) {
    for row in 0..<image.height {
      for column in 0..<image.width {
        let start = (row * image.width + column) * image.channels
        func sample(_ channel: Int) -> UInt8 {
          let value = Int(image.pixels[start + (image.channels == 1 ? 0 : channel)])
          guard image.channels == 4 else { return UInt8(value) }
          let alpha = Int(image.pixels[start + 3])
          return UInt8((value * alpha + 255 * (255 - alpha) + 127) / 255)
        }
        let color = Color(red: sample(0), green: sample(1), blue: sample(2))
        fill(x: x + column * scale, y: y + row * scale, width: scale, height: scale, color)
      }
    }
  }

  /// One line of text with its box's top left corner at (x, y).
  mutating func write(_ text: String, x: Int, y: Int, size: TextSize, isBold: Bool = false, _ color: Color) {
    for (index, character) in BitmapFont.spelled(text).enumerated() {
      let glyph = size == .large ? Canvas.doubled(BitmapFont.glyph(character)) : BitmapFont.glyph(character)
      let left = x + index * BitmapFont.advance * size.scale
      for (row, line) in glyph.enumerated() {
        for (column, hasInk) in line.enumerated() where hasInk {
          fill(x: left + column, y: y + row, width: isBold ? 2 : 1, height: 1, color)
        }
      }
    }
  }

  /// A letter at twice the size. Where two strokes meet at a corner of an empty pixel and leave the pixel between them
  /// empty too, the quarter at that corner is filled: diagonals become smooth, square corners stay square.
  private static func doubled(_ glyph: [[Bool]]) -> [[Bool]] {
    let (rows, columns) = (glyph.count, glyph[0].count)
    func ink(_ row: Int, _ column: Int) -> Bool {
      row >= 0 && row < rows && column >= 0 && column < columns && glyph[row][column]
    }
    var result = [[Bool]](repeating: [Bool](repeating: false, count: columns * 2), count: rows * 2)
    for row in 0..<(rows * 2) {
      for column in 0..<(columns * 2) {
        let (y, x) = (row / 2, column / 2)
        let (vertical, horizontal) = (row % 2 == 0 ? y - 1 : y + 1, column % 2 == 0 ? x - 1 : x + 1)
        let closesDiagonal = ink(vertical, x) && ink(y, horizontal) && !ink(vertical, horizontal)
        result[row][column] = ink(y, x) || closesDiagonal
      }
    }
    return result
  }
}

/// How large the letters of an image grid are.
public enum TextSize: Sendable, Hashable {
  /// 5 × 7 pixels.
  case small
  /// 10 × 14 pixels, diagonals smoothed.
  case large

  var scale: Int { self == .large ? 2 : 1 }

  /// Pixels that a line of text takes.
  var lineHeight: Int { (BitmapFont.height + 1) * scale }

  /// Pixels from the first letter's left edge to the last one's right edge.
  func width(of text: String) -> Int {
    let count = BitmapFont.spelled(text).count
    return count == 0 ? 0 : (count * BitmapFont.advance - 1) * scale
  }
}
