import Foundation
import ImageCodecs

/// How a pixel between others gets its value.
public enum Interpolation: String, Sendable, CaseIterable {
  /// The value of the closest pixel.
  case nearest
  /// The mean of the four pixels around, by distance.
  case bilinear
}

extension Image {
  /// The picture's mirror image, left and right exchanged.
  public func mirrored() -> Image {
    var result = self
    result.pixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, filled in
      pixels.withUnsafeBufferPointer { source in
        for y in 0..<height {
          for x in 0..<width {
            let (from, to) = ((y * width + x) * channels, (y * width + width - 1 - x) * channels)
            for k in 0..<channels { target[to + k] = source[from + k] }
          }
        }
      }
      filled = pixels.count
    }
    return result
  }

  /// The picture turned about its centre, in its own size; what comes from outside is `fill`.
  ///
  /// Source: Pillow 13's `Image.rotate`, to the last bit, with its fixed-point places for `.nearest` and its truncation
  /// of values between bytes for `.bilinear`; torchvision's `rotate` of a Pillow image.
  ///
  /// - Parameters:
  ///   - degrees: counterclockwise.
  ///   - interpolation: how values between pixels are found.
  ///   - fill: every channel's value outside of the picture.
  /// - Precondition: 1 or 3 channels (alpha would have to be multiplied in first) and finite degrees.
  public func rotated(
    degrees: Double, interpolation: Interpolation = .nearest, fill: UInt8 = 0
  ) -> Image {
    precondition(channels != 4, "rotated: expected 1 or 3 channels, got 4")
    precondition(degrees.isFinite, "rotated: \(degrees) degrees")
    let turn = degrees.truncatingRemainder(dividingBy: 360)
    let angle = -(turn < 0 ? turn + 360 : turn) * .pi / 180
    // Rounded so that right angles are exact.
    func rounded(_ value: Double) -> Double { (value * 1e15).rounded(.toNearestOrEven) / 1e15 }
    let (cosine, sine) = (rounded(cos(angle)), rounded(sin(angle)))
    let (x, y) = (Double(width) / 2, Double(height) / 2)
    // The place (u, v) that output (column, row) shows: u = a·column + b·row + c, v = −b·column + a·row + f.
    let place = Place(
      a: cosine, b: sine, c: -cosine * x - sine * y + x, f: sine * x - cosine * y + y)
    var result = self
    result.pixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, filled in
      target.initialize(repeating: fill)
      pixels.withUnsafeBufferPointer { source in
        switch interpolation {
        case .nearest: fillNearest(target, from: source, at: place)
        case .bilinear: fillBilinear(target, from: source, at: place)
        }
      }
      filled = pixels.count
    }
    return result
  }

  private struct Place {
    let a: Double
    let b: Double
    let c: Double
    let f: Double
  }

  private func fillNearest(
    _ target: UnsafeMutableBufferPointer<UInt8>, from source: UnsafeBufferPointer<UInt8>, at place: Place
  ) {
    func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }
    let (a, b) = (fixed(place.a), fixed(place.b))
    // Not −b: rounding half up differs for the two.
    let d = fixed(-place.b)
    var rowU = fixed(place.c + place.a * 0.5 + place.b * 0.5)
    var rowV = fixed(place.f - place.b * 0.5 + place.a * 0.5)
    for row in 0..<height {
      var (u, v) = (rowU, rowV)
      for column in 0..<width {
        let (x, y) = (u >> 16, v >> 16)
        if x >= 0 && x < width && y >= 0 && y < height {
          let (from, to) = ((y * width + x) * channels, (row * width + column) * channels)
          for k in 0..<channels { target[to + k] = source[from + k] }
        }
        u += a
        v += d
      }
      rowU += b
      rowV += a
    }
  }

  private func fillBilinear(
    _ target: UnsafeMutableBufferPointer<UInt8>, from source: UnsafeBufferPointer<UInt8>, at place: Place
  ) {
    for row in 0..<height {
      for column in 0..<width {
        let (s, t) = (Double(column) + 0.5, Double(row) + 0.5)
        let u = place.a * s + place.b * t + place.c
        let v = -place.b * s + place.a * t + place.f
        guard u >= 0 && u < Double(width) && v >= 0 && v < Double(height) else { continue }
        let (x, y) = ((u - 0.5).rounded(.down), (v - 0.5).rounded(.down))
        let (dx, dy) = (u - 0.5 - x, v - 0.5 - y)
        let left = max(Int(x), 0)
        let right = min(Int(x) + 1, width - 1)
        let top = max(Int(y), 0) * width
        let bottom = min(Int(y) + 1, height - 1) * width
        let to = (row * width + column) * channels
        for k in 0..<channels {
          func sample(_ pixel: Int) -> Double { Double(source[pixel * channels + k]) }
          let above = sample(top + left) + (sample(top + right) - sample(top + left)) * dx
          let below = sample(bottom + left) + (sample(bottom + right) - sample(bottom + left)) * dx
          target[to + k] = UInt8(above + (below - above) * dy)
        }
      }
    }
  }
}
