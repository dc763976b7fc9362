import NNLayers
import TensorCore

/// Tests maps by what they are to show: hides an image's pixels in the order of its map, or brings them back, and follows
/// the class's probability.
///
/// A good map makes the probability fall fast when the pixels are deleted and rise fast when they are inserted. Source:
/// Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, who delete to a
/// constant and insert into a blurred image.
public struct PixelCurves: Sendable, CustomStringConvertible {
  /// Which way pixels change.
  public enum Direction: String, Sendable, Hashable, CaseIterable {
    /// From the image to the baseline: a small area is good.
    case deletion
    /// From the baseline to the image: a large area is good.
    case insertion
  }

  /// Which way pixels change.
  public var direction: Direction
  /// What a hidden pixel shows.
  public var baseline: Baseline
  /// How many pixels change in a step; the last step may have fewer.
  public var pixelsPerStep: Int

  /// One image's curve.
  public struct Curve: Sendable, Hashable {
    /// The shares of changed pixels, from 0 to 1.
    public let shares: [Double]
    /// The class's probability at each of them.
    public let probabilities: [Double]
    /// The area under the curve by the trapezoid rule, 0 to 1.
    public var area: Double {
      zip(shares.indices, shares.indices.dropFirst()).reduce(0) {
        $0 + (shares[$1.1] - shares[$1.0]) * (probabilities[$1.0] + probabilities[$1.1]) / 2
      }
    }
  }

  /// A test.
  ///
  /// - Precondition: `pixelsPerStep` is positive.
  public init(_ direction: Direction, baseline: Baseline, pixelsPerStep: Int) {
    precondition(pixelsPerStep > 0, "PixelCurves: \(pixelsPerStep) pixels a step")
    self.direction = direction
    self.baseline = baseline
    self.pixelsPerStep = pixelsPerStep
  }

  /// One curve an image. Pixels with the largest values come first, among equals the first in row-major order.
  ///
  /// - Parameters:
  ///   - model: maps `[n, channels, height, width]` to logits.
  ///   - x: `[n, channels, height, width]`.
  ///   - classes: `[n]`, the class whose probability is followed.
  ///   - maps: `[n, height, width]`.
  /// - Throws: `InputError.outOfRange` for logits that are not finite.
  public func curves(of model: some Layer, at x: Tensor, classes: IntTensor, maps: Tensor) throws -> [Curve] {
    precondition(
      x.rank == 4 && classes.shape == [x.shape[0]] && maps.shape == x.shape.removing(axis: 1),
      "PixelCurves: images \(x.shape), classes \(classes.shape), maps \(maps.shape)")
    let area = x.shape[2] * x.shape[3]
    let images = try ChangedImages(model, sample: x.shape.removing(axis: 0))
    let hidden = baseline.images(for: x)
    let (start, end) = direction == .deletion ? (x, hidden) : (hidden, x)
    let steps = (area + pixelsPerStep - 1) / pixelsPerStep
    return try (0..<classes.count).map { image in
      let order = pixelsByValue(maps[row: image].scalars)
      let logits = try images.logits(count: steps + 1) { numbers in
        .stacked(
          numbers.map {
            Self.exchanged(
              start[row: image], with: end[row: image], pixels: order.prefix($0 * pixelsPerStep))
          })
      }
      let column = IntTensor([Int](repeating: classes[image], count: steps + 1))
      return Curve(
        shares: (0...steps).map { Double(min($0 * pixelsPerStep, area)) / Double(area) },
        probabilities: logits.softmax().picked(columns: column).scalars.map(Double.init))
    }
  }

  /// An image `[channels, height, width]` with some pixels from another one.
  private static func exchanged(_ image: Tensor, with other: Tensor, pixels: ArraySlice<Int>) -> Tensor {
    var result = image
    let area = image.shape[1] * image.shape[2]
    result.withUnsafeMutableBufferPointer { target in
      other.withUnsafeBufferPointer { source in
        for channel in 0..<image.shape[0] {
          for pixel in pixels { target[channel * area + pixel] = source[channel * area + pixel] }
        }
      }
    }
    return result
  }

  /// The test with its settings.
  public var description: String { "\(direction.rawValue), \(pixelsPerStep) pixels a step, \(baseline)" }
}
