import TensorCore

/// Grey images and labels as files hold them.
public struct ImageBytes: Hashable, Sendable {
  /// `[n, height, width]`, 0 is background, 255 ink.
  public let pixels: ByteTensor
  /// `[n]`, class indices.
  public let labels: ByteTensor

  /// Images with their labels, after a check that they fit each other.
  ///
  /// - Parameter name: where they come from, for error messages.
  /// - Throws: `InputError.mismatch` unless the pixels have three axes and as many rows as there are labels.
  public init(pixels: ByteTensor, labels: ByteTensor, name: String) throws {
    guard pixels.shape.rank == 3, labels.shape.rank == 1 else {
      throw InputError(
        .mismatch, name, expected: "pixels [n, height, width] and labels [n]",
        found: "\(pixels.shape) and \(labels.shape)")
    }
    guard pixels.shape[0] == labels.shape[0] else {
      throw InputError(
        .mismatch, name, expected: "as many labels as images",
        found: "\(labels.shape[0]) labels for \(pixels.shape[0]) images")
    }
    self.pixels = pixels
    self.labels = labels
  }

  /// How many images there are.
  public var count: Int { labels.count }

  /// Images `range` of these.
  func rows(_ range: Range<Int>, name: String) throws -> ImageBytes {
    let area = pixels.shape[1] * pixels.shape[2]
    return try ImageBytes(
      pixels: ByteTensor(
        shape: pixels.shape.replacing(axis: 0, with: range.count),
        scalars: Array(pixels.scalars[(range.lowerBound * area)..<(range.upperBound * area)])),
      labels: ByteTensor(shape: [range.count], scalars: Array(labels.scalars[range])), name: name)
  }

  /// These images and then the others.
  func joined(with other: ImageBytes, name: String) throws -> ImageBytes {
    guard pixels.shape.removing(axis: 0) == other.pixels.shape.removing(axis: 0) else {
      throw InputError(
        .mismatch, name, expected: "images of one size",
        found: "\(pixels.shape.removing(axis: 0)) and \(other.pixels.shape.removing(axis: 0))")
    }
    return try ImageBytes(
      pixels: ByteTensor(
        shape: pixels.shape.replacing(axis: 0, with: count + other.count),
        scalars: pixels.scalars + other.pixels.scalars),
      labels: ByteTensor(shape: [count + other.count], scalars: labels.scalars + other.labels.scalars),
      name: name)
  }
}
