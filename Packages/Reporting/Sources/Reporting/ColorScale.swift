import ImageCodecs
import TensorCore

/// A colour map over a range of values: one scale for many tiles, so that equal colours mean equal numbers.
public struct ColorScale: Sendable, Hashable {
  /// The colours from the lower end to the upper one.
  public let map: ColorMap
  /// The values at the two ends; beyond them the ends' colours go on.
  public let range: ClosedRange<Float>

  /// A scale.
  public init(_ map: ColorMap, over range: ClosedRange<Float>) {
    self.map = map
    self.range = range
  }

  /// Blue-white-red, symmetric around zero up to the largest finite |value| of all the tensors: white is exactly zero,
  /// and both signs use the same steps. All zero gives −1 to 1.
  public static func diverging(for tensors: [Tensor]) -> ColorScale {
    let largest = extent(of: tensors).map { max(abs($0.lowerBound), abs($0.upperBound)) } ?? 0
    return ColorScale(.blueWhiteRed, over: largest > 0 ? -largest...largest : -1...1)
  }

  /// A sequential map from the smallest to the largest finite value of all the tensors.
  public static func sequential(for tensors: [Tensor], map: ColorMap = .embers) -> ColorScale {
    ColorScale(map, over: extent(of: tensors) ?? 0...1)
  }

  private static func extent(of tensors: [Tensor]) -> ClosedRange<Float>? {
    var low = Float.infinity
    var high = -Float.infinity
    for tensor in tensors {
      tensor.withUnsafeBufferPointer { values in
        for value in values where value.isFinite {
          low = min(low, value)
          high = max(high, value)
        }
      }
    }
    return low <= high ? low...high : nil
  }

  /// The colour of one value.
  public func color(of value: Float) -> Color {
    let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
    // A range of one value has its colour in the middle.
    return map.color(at: high > low ? (Double(value) - low) / (high - low) : value.isNaN ? .nan : 0.5)
  }

  /// The values as an RGB picture.
  ///
  /// - Parameter values: `[height, width]` or `[1, height, width]`.
  /// - Precondition: one of these shapes.
  public func image(_ values: Tensor) -> Image {
    precondition(
      values.rank == 2 || values.rank == 3 && values.shape[0] == 1,
      "ColorScale: expected [height, width] or [1, height, width], got \(values.shape)")
    let pixels = values.withUnsafeBufferPointer { $0.flatMap { color(of: $0).samples } }
    return Image(
      width: values.shape[values.rank - 1], height: values.shape[values.rank - 2], channels: 3, pixels: pixels
    )
  }
}
