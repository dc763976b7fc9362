import Foundation
import ImageCodecs
import TensorCore

/// Drawn colour pictures of ten classes, for tests and trial runs where photographs are not at hand.
///
/// A class is a shape: disc, square, triangle, ring, cross, diamond, bars across, bars down, checks, crescent. Place,
/// size, turn, both colours, the slope of the light and the noise are random, so that only the shape tells. A
/// classifier learns them, but its numbers say nothing about photographs: `isSynthetic` is set, and reports say so.
public enum SyntheticScenes {
  /// How many shapes there are.
  public static let classCount = 10

  /// One picture for each label, `[n, 3, side, side]`.
  ///
  /// Picture i depends on the key, i, its label and the side alone, so a longer set begins with the shorter one.
  ///
  /// - Parameters:
  ///   - labels: the shapes, 0 to 9.
  ///   - classNames: what the shapes are called here.
  ///   - side: pixels in a row and rows.
  ///   - key: where everything random comes from.
  /// - Precondition: labels are shapes and indices into `classNames`, and the side is positive.
  public static func images(labels: [Int], classNames: [String], side: Int, key: RandomKey) -> LabeledImages {
    precondition(side > 0, "SyntheticScenes: side \(side) is not positive")
    precondition(
      labels.allSatisfy { (0..<min(classCount, classNames.count)).contains($0) },
      "SyntheticScenes: a label is outside 0 ..< \(min(classCount, classNames.count))")
    do {
      let pixels = try PlanarImages.made(count: labels.count, shape: [3, side, side]) {
        picture(of: labels[$0], side: side, key: key.derived($0))
      } checking: { _, _ in
      }
      return try LabeledImages(
        pixels: pixels, labels: IntTensor(labels), classNames: classNames, isSynthetic: true,
        name: "synthetic scenes")
    } catch {
      preconditionFailure("synthetic scenes: \(error)")
    }
  }

  private static func picture(of label: Int, side: Int, key: RandomKey) -> Image {
    var source = RandomSource(key: key)
    func uniform(_ range: ClosedRange<Double>) -> Double {
      range.point(at: Double(source.nextWord() >> 8) * 0x1p-24)
    }
    let centre = (x: uniform(-0.2...0.2), y: uniform(-0.2...0.2))
    let size = uniform(0.5...0.8)
    let turn = uniform(-0.3...0.3)
    let (cosine, sine) = (cos(turn) / size, sin(turn) / size)
    let light = (x: uniform(-30...30), y: uniform(-30...30))
    let noise = uniform(4...16)
    let background = (0..<3).map { _ in uniform(0...255) }
    // At least 80 steps away in each channel, up or down, whichever side has room.
    let foreground = background.map { $0 < 128 ? $0 + uniform(80...127) : $0 - uniform(80...127) }
    var samples: [UInt8] = []
    samples.reserveCapacity(side * side * 3)
    let step = 2 / Double(side)
    for row in 0..<side {
      for column in 0..<side {
        let (x, y) = ((Double(column) + 0.5) * step - 1, (Double(row) + 0.5) * step - 1)
        // Four places a pixel, for smooth edges.
        var cover = 0.0
        for (dx, dy) in [(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)] {
          let (u, v) = (x + dx * step - centre.x, y + dy * step - centre.y)
          if contains(label, cosine * u + sine * v, cosine * v - sine * u) { cover += 0.25 }
        }
        for channel in 0..<3 {
          let value =
            background[channel] + cover * (foreground[channel] - background[channel]) + light.x * x + light.y
            * y
            + uniform(-noise...noise)
          samples.append(UInt8(min(max(value, 0), 255)))
        }
      }
    }
    return Image(width: side, height: side, channels: 3, pixels: samples)
  }

  /// Whether a shape of about radius 1 covers the point, x to the right and y down.
  private static func contains(_ label: Int, _ x: Double, _ y: Double) -> Bool {
    let (width, height) = (abs(x), abs(y))
    let radius = (x * x + y * y).squareRoot()
    let isInFrame = max(width, height) < 0.9
    // Bars of width 0.36.
    func isBar(_ coordinate: Double) -> Bool { Int(((coordinate + 0.9) / 0.36).rounded(.down)) % 2 == 0 }
    switch label {
    case 0: return radius < 0.9
    case 1: return max(width, height) < 0.8
    case 2: return y < 0.75 && y > 2 * width - 0.95
    case 3: return radius < 0.95 && radius > 0.6
    case 4: return max(width, height) < 0.95 && min(width, height) < 0.25
    case 5: return width + height < 1
    case 6: return isInFrame && isBar(y)
    case 7: return isInFrame && isBar(x)
    case 8: return isInFrame && isBar(x) == isBar(y)
    default: return radius < 0.95 && ((x - 0.4) * (x - 0.4) + y * y).squareRoot() > 0.7
    }
  }
}
