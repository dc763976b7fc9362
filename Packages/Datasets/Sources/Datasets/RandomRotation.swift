import ImageCodecs
import TensorCore

/// Turns each picture about its centre by an angle of its own; see `Image.rotated`.
///
/// Source: torchvision's `RandomRotation`, whose interpolation is the nearest pixel too unless another is asked for.
public struct RandomRotation: ImageTransform, Hashable {
  /// The range of angles in degrees, counterclockwise, all equally likely.
  public let degrees: ClosedRange<Double>
  /// How values between pixels are found.
  public let interpolation: Interpolation
  /// Every channel's value where the turned picture leaves corners empty.
  public let fill: UInt8

  /// Angles of a range.
  public init(degrees: ClosedRange<Double>, interpolation: Interpolation = .nearest, fill: UInt8 = 0) {
    self.degrees = degrees
    self.interpolation = interpolation
    self.fill = fill
  }

  /// Angles of at most `degrees` to either side.
  ///
  /// - Precondition: `degrees` is not negative.
  public init(degrees: Double, interpolation: Interpolation = .nearest, fill: UInt8 = 0) {
    precondition(degrees >= 0, "RandomRotation: \(degrees) degrees are negative")
    self.init(degrees: -degrees...degrees, interpolation: interpolation, fill: fill)
  }

  /// The turned picture, in its own size.
  public func callAsFunction(_ image: Image, key: RandomKey) -> Image {
    image.rotated(
      degrees: degrees.point(at: key.uniforms(count: 1)[0]), interpolation: interpolation, fill: fill)
  }

  /// In words.
  public var description: String {
    "rotation by \(degrees.lowerBound)° to \(degrees.upperBound)°, \(interpolation), corners \(fill)"
  }
}
