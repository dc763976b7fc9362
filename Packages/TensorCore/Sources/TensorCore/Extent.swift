/// A size on an image, in pixels: height and width. An integer stands for a square.
public struct Extent: Hashable, Sendable, ExpressibleByIntegerLiteral {
  /// Along the second-last axis of `[n, channels, height, width]`.
  public var height: Int
  /// Along the last axis.
  public var width: Int

  /// A rectangle.
  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// A square.
  public init(_ both: Int) { self.init(height: both, width: both) }

  /// A square.
  public init(integerLiteral both: Int) { self.init(both) }
}

extension Extent: CustomStringConvertible {
  /// Height × width.
  public var description: String { "\(height)×\(width)" }
}
