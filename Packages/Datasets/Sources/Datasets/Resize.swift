import ImageCodecs
import TensorCore

/// A new size, bilinear and antialiased; the sides' ratio is not kept. See `Image.resized(width:height:)`.
public struct Resize: ImageTransform, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int

  /// A size.
  ///
  /// - Precondition: both are positive.
  public init(width: Int, height: Int) {
    precondition(width > 0 && height > 0, "Resize: size \(width) × \(height) is not positive")
    self.width = width
    self.height = height
  }

  /// A square.
  public init(_ side: Int) { self.init(width: side, height: side) }

  /// The picture in this size; nothing is random.
  public func callAsFunction(_ image: Image, key: RandomKey) -> Image {
    image.resized(width: width, height: height)
  }

  /// In words.
  public var description: String { "resize to \(width) × \(height), bilinear with antialiasing" }
}
