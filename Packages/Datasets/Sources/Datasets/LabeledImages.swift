import Foundation
import TensorCore

/// Images in memory with their labels.
///
/// Pixels are kept as bytes and become floats in [0, 1] as batches are made: a quarter of the memory, and of the time
/// that shuffled batches spend waiting for it.
public struct LabeledImages: LabeledSource {
  /// `[n, channels, height, width]`, or `[n, pixels]` once flattened; a pixel is its byte divided by 255.
  public let pixels: ByteTensor
  /// `[n]`, class indices.
  public let labels: IntTensor
  /// What each class is called; a label is an index into it.
  public let classNames: [String]
  /// Whether the images were drawn by a program because there were no real ones.
  public let isSynthetic: Bool

  /// Images whose pixels are bytes: each pixel is the byte divided by 255, rounded once, `[n, 1, height, width]`.
  ///
  /// - Parameter name: where they come from, for error messages.
  /// - Throws: `InputError.outOfRange` for a label that is no index into `classNames`.
  public init(_ bytes: ImageBytes, classNames: [String], isSynthetic: Bool = false, name: String) throws {
    if let row = bytes.labels.scalars.firstIndex(where: { Int($0) >= classNames.count }) {
      throw InputError(
        .outOfRange, "label \(row) of \(name)", expected: "0 to \(classNames.count - 1)",
        found: "\(bytes.labels.scalars[row])")
    }
    let shape = bytes.pixels.shape
    pixels = ByteTensor(shape: [shape[0], 1, shape[1], shape[2]], scalars: bytes.pixels.scalars)
    labels = IntTensor(shape: bytes.labels.shape, scalars: bytes.labels.scalars.map(Int32.init))
    self.classNames = classNames
    self.isSynthetic = isSynthetic
  }

  /// Images of any number of channels.
  ///
  /// - Parameters:
  ///   - pixels: `[n, channels, height, width]`.
  ///   - labels: `[n]`, indices into `classNames`.
  ///   - name: where they come from, for error messages.
  /// - Throws: `InputError.mismatch` for other shapes, `.outOfRange` for a label that is no class.
  public init(
    pixels: ByteTensor, labels: IntTensor, classNames: [String], isSynthetic: Bool = false, name: String
  ) throws {
    guard pixels.shape.rank == 4, labels.shape == [pixels.shape[0]] else {
      throw InputError(
        .mismatch, name, expected: "pixels [n, channels, height, width] and labels [n]",
        found: "\(pixels.shape) and \(labels.shape)")
    }
    if let row = labels.scalars.firstIndex(where: { !classNames.indices.contains(Int($0)) }) {
      throw InputError(
        .outOfRange, "label \(row) of \(name)", expected: "0 to \(classNames.count - 1)",
        found: "\(labels.scalars[row])")
    }
    self.pixels = pixels
    self.labels = labels
    self.classNames = classNames
    self.isSynthetic = isSynthetic
  }

  private init(pixels: ByteTensor, labels: IntTensor, of original: LabeledImages) {
    self.pixels = pixels
    self.labels = labels
    classNames = original.classNames
    isSynthetic = original.isSynthetic
  }

  /// How many images there are.
  public var count: Int { labels.count }

  /// All images as floats in [0, 1], shaped as `pixels`; made anew at each call.
  public var images: Tensor { pixels.pixels(rows: Array(0..<count)) }

  /// The shape of one image.
  public var inputShape: Shape { pixels.shape.removing(axis: 0) }

  /// How many classes there are.
  public var classCount: Int { classNames.count }

  /// The same images as rows of pixels, `[n, channels · height · width]`; no copy.
  public var flattened: LabeledImages {
    LabeledImages(
      pixels: ByteTensor(shape: [count, inputShape.count], scalars: pixels.scalars), labels: labels, of: self)
  }

  /// The first images. All of them when there are fewer.
  public func prefix(_ length: Int) -> LabeledImages {
    precondition(length >= 0, "prefix: length \(length) is negative")
    let rows = 0..<min(length, count)
    let first = pixels.scalars[..<(rows.upperBound * inputShape.count)]
    return LabeledImages(
      pixels: ByteTensor(shape: pixels.shape.replacing(axis: 0, with: rows.count), scalars: Array(first)),
      labels: labels[rows: rows], of: self)
  }

  /// The images with these indices, in this order.
  ///
  /// - Precondition: every index is one of an image.
  public func batch(at indices: [Int], epoch: Int) -> Batch {
    Batch(inputs: pixels.pixels(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
  }
}
