import Foundation
import TensorCore

/// Drawn digits, 28 × 28, for tests and trial runs where MNIST is not at hand.
///
/// Each is a few pen strokes under a random shift, turn, slant, size, pen width and unsteadiness. A classifier
/// learns them, but its numbers say nothing about MNIST: `isSynthetic` is set, and reports say so.
public enum SyntheticDigits {
  /// `count` digits, class i mod 10 at index i, `[count, 1, 28, 28]`.
  ///
  /// Image i depends on the key and on i alone, so a longer set begins with the shorter one.
  ///
  /// - Precondition: `count` is not negative.
  public static func images(count: Int, key: RandomKey) -> LabeledImages {
    let bytes = bytes(count: count, key: key)
    do {
      return try LabeledImages(
        bytes, classNames: (0...9).map(String.init), isSynthetic: true, name: "synthetic digits")
    } catch {
      preconditionFailure("synthetic digits: \(error)")
    }
  }

  /// The same digits as bytes, for writing them as IDX files.
  public static func bytes(count: Int, key: RandomKey) -> ImageBytes {
    precondition(count >= 0, "SyntheticDigits: count \(count) is negative")
    let pixels = [UInt8](unsafeUninitializedCapacity: count * side * side) { target, initialized in
      target.initialize(repeating: 0)
      ThreadPool.run(count: count, inChunksOf: 16) { range in
        for i in range {
          let image = UnsafeMutableBufferPointer(
            rebasing: target[(i * side * side)..<((i + 1) * side * side)])
          draw(i % 10, on: image, key: key.derived(i))
        }
      }
      initialized = count * side * side
    }
    do {
      return try ImageBytes(
        pixels: ByteTensor(shape: [count, side, side], scalars: pixels),
        labels: ByteTensor(shape: [count], scalars: (0..<count).map { UInt8($0 % 10) }),
        name: "synthetic digits")
    } catch {
      preconditionFailure("synthetic digits: \(error)")
    }
  }

  private static let side = 28

  private struct Point {
    var x: Float
    var y: Float
  }

  /// The strokes of each digit as chains of points (x to the right, y down) in the unit square.
  private static let strokes: [[[Point]]] = [
    [ellipse(0.5, 0.5, 0.28, 0.42)],
    [chain(0.34, 0.26, 0.55, 0.08, 0.55, 0.92)],
    [chain(0.22, 0.28, 0.30, 0.12, 0.50, 0.07, 0.70, 0.13, 0.76, 0.30, 0.68, 0.47, 0.22, 0.92, 0.80, 0.92)],
    [
      chain(0.24, 0.14, 0.50, 0.07, 0.72, 0.16, 0.74, 0.32, 0.62, 0.45, 0.42, 0.48),
      chain(0.42, 0.48, 0.68, 0.54, 0.78, 0.70, 0.70, 0.86, 0.48, 0.94, 0.22, 0.85),
    ],
    [chain(0.64, 0.92, 0.64, 0.08, 0.20, 0.64, 0.84, 0.64)],
    [
      chain(
        0.74, 0.08, 0.30, 0.08, 0.26, 0.45, 0.50, 0.40, 0.72, 0.50, 0.76, 0.70, 0.66, 0.88, 0.44, 0.93, 0.22,
        0.85)
    ],
    [
      chain(
        0.66, 0.08, 0.40, 0.26, 0.26, 0.55, 0.28, 0.80, 0.48, 0.93, 0.70, 0.83, 0.74, 0.66, 0.60, 0.52, 0.40,
        0.53, 0.27, 0.66)
    ],
    [chain(0.20, 0.08, 0.80, 0.08, 0.42, 0.92)],
    [ellipse(0.5, 0.28, 0.20, 0.20), ellipse(0.5, 0.70, 0.26, 0.23)],
    [ellipse(0.48, 0.32, 0.24, 0.24), chain(0.72, 0.32, 0.68, 0.65, 0.54, 0.92)],
  ]

  private static func chain(_ numbers: Float...) -> [Point] {
    stride(from: 0, to: numbers.count, by: 2).map { Point(x: numbers[$0], y: numbers[$0 + 1]) }
  }

  private static func ellipse(_ x: Float, _ y: Float, _ width: Float, _ height: Float) -> [Point] {
    (0...12).map { step in
      let angle = Float(step) / 12 * 2 * .pi
      return Point(x: x + width * sin(angle), y: y - height * cos(angle))
    }
  }

  private static func draw(_ digit: Int, on image: UnsafeMutableBufferPointer<UInt8>, key: RandomKey) {
    var source = RandomSource(key: key)
    func uniform(_ range: ClosedRange<Float>) -> Float {
      range.lowerBound + (range.upperBound - range.lowerBound) * Float(source.nextWord() >> 8) * 0x1p-24
    }
    let centre = Point(x: 13.5 + uniform(-2...2), y: 13.5 + uniform(-2...2))
    let width = 20 * uniform(0.8...1.1)
    let height = 20 * uniform(0.85...1.1)
    let turn = uniform(-0.2...0.2)
    let slant = uniform(-0.25...0.25)
    let pen = uniform(0.8...1.6)
    let ink = uniform(0.8...1)
    for stroke in strokes[digit] {
      let points = stroke.map { point in
        let y = (point.y - 0.5 + uniform(-0.025...0.025)) * height
        let x = (point.x - 0.5 + uniform(-0.025...0.025)) * width - slant * y
        return Point(
          x: centre.x + x * cos(turn) - y * sin(turn), y: centre.y + x * sin(turn) + y * cos(turn))
      }
      for (a, b) in zip(points, points.dropFirst()) { line(from: a, to: b, pen: pen, ink: ink, on: image) }
    }
  }

  /// Darkens the pixels near a line: full within the pen's radius, fading over one pixel.
  private static func line(
    from a: Point, to b: Point, pen: Float, ink: Float, on image: UnsafeMutableBufferPointer<UInt8>
  ) {
    let reach = pen + 1
    func pixels(_ low: Float, _ high: Float) -> Range<Int> {
      let first = min(max(Int((low - reach).rounded(.up)), 0), side)
      return first..<max(first, min(Int((high + reach).rounded(.down)) + 1, side))
    }
    let along = Point(x: b.x - a.x, y: b.y - a.y)
    let squaredLength = max(along.x * along.x + along.y * along.y, 1e-6)
    for row in pixels(min(a.y, b.y), max(a.y, b.y)) {
      for column in pixels(min(a.x, b.x), max(a.x, b.x)) {
        let x = Float(column) - a.x
        let y = Float(row) - a.y
        let t = min(max((x * along.x + y * along.y) / squaredLength, 0), 1)
        let distance = ((x - t * along.x) * (x - t * along.x) + (y - t * along.y) * (y - t * along.y))
          .squareRoot()
        let value = UInt8(255 * ink * min(max(pen + 0.5 - distance, 0), 1))
        image[row * side + column] = max(image[row * side + column], value)
      }
    }
  }
}
