import ImageCodecs
import TensorCore

extension Image {
  /// The part of the picture that begins at this pixel; what lies outside of the picture is `fill`.
  ///
  /// - Precondition: the size is positive.
  public func cropped(x: Int, y: Int, width newWidth: Int, height newHeight: Int, fill: UInt8 = 0) -> Image {
    var result = Image(
      width: newWidth, height: newHeight, repeating: [UInt8](repeating: fill, count: channels))
    let columns = max(0, -x)..<max(max(0, -x), min(newWidth, width - x))
    for row in 0..<newHeight where (0..<height).contains(y + row) && !columns.isEmpty {
      let source = ((y + row) * width + x + columns.lowerBound) * channels
      let target = (row * newWidth + columns.lowerBound) * channels
      let count = columns.count * channels
      result.pixels.replaceSubrange(target..<(target + count), with: pixels[source..<(source + count)])
    }
    return result
  }
}

/// Cuts out a part of each picture at a place of its own, all places equally likely.
///
/// Source: torchvision's `RandomCrop` with constant padding.
public struct RandomCrop: ImageTransform, Hashable {
  /// Pixels in a row of the part.
  public let width: Int
  /// Rows of the part.
  public let height: Int
  /// How many pixels of `fill` are put around the picture before the cut.
  public let padding: Int
  /// Every channel's value in the padding.
  public let fill: UInt8

  /// A crop.
  ///
  /// - Precondition: the size is positive and the padding not negative.
  public init(width: Int, height: Int, padding: Int = 0, fill: UInt8 = 0) {
    precondition(
      width > 0 && height > 0 && padding >= 0,
      "RandomCrop: size \(width) × \(height) is not positive, or padding \(padding) is negative")
    self.width = width
    self.height = height
    self.padding = padding
    self.fill = fill
  }

  /// The part.
  ///
  /// - Precondition: the padded picture is at least as large.
  public func callAsFunction(_ image: Image, key: RandomKey) -> Image {
    let (rangeX, rangeY) = (image.width + 2 * padding - width, image.height + 2 * padding - height)
    precondition(
      rangeX >= 0 && rangeY >= 0,
      "RandomCrop: \(width) × \(height) does not fit into \(image.width) × \(image.height), padding \(padding)"
    )
    var source = RandomSource(key: key)
    let x = source.index(below: rangeX + 1) - padding
    let y = source.index(below: rangeY + 1) - padding
    return image.cropped(x: x, y: y, width: width, height: height, fill: fill)
  }

  /// In words.
  public var description: String {
    "random crop to \(width) × \(height)" + (padding == 0 ? "" : " after padding by \(padding) with \(fill)")
  }
}
