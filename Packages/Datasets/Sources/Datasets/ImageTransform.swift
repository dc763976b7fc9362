import ImageCodecs
import TensorCore

/// A change of one picture before it becomes numbers: a value that says in words what it does.
///
/// Pictures are bytes with 1 or 3 channels from the first transform to the last, and each rounds where Pillow does;
/// only then are they divided by 255. What is random follows from the key alone.
public protocol ImageTransform: Sendable, CustomStringConvertible {
  /// The changed picture.
  ///
  /// - Parameters:
  ///   - image: 1 or 3 channels.
  ///   - key: the same key makes the same draws.
  func callAsFunction(_ image: Image, key: RandomKey) -> Image
}

/// Transforms one after the other, each with a key of its own.
///
///     let augmentation = TransformSequence(
///       RandomHorizontalFlip(), RandomRotation(degrees: 15), ColorJitter(brightness: 0.2, contrast: 0.2))
public struct TransformSequence: ImageTransform {
  /// The transforms, the first one first.
  public let transforms: [any ImageTransform]

  /// A sequence, which may be empty.
  public init(_ transforms: any ImageTransform...) { self.transforms = transforms }

  /// A sequence, which may be empty.
  public init(_ transforms: [any ImageTransform]) { self.transforms = transforms }

  /// The picture after all transforms; transform i has the key `key.derived(i)`.
  public func callAsFunction(_ image: Image, key: RandomKey) -> Image {
    transforms.enumerated().reduce(image) { $1.element($0, key: key.derived($1.offset)) }
  }

  /// The transforms' descriptions in a row.
  public var description: String {
    transforms.isEmpty ? "unchanged" : transforms.map(\.description).joined(separator: ", then ")
  }
}

extension RandomKey {
  /// The first `count` uniform numbers of this key's stream, each in [0, 1) with 24 bits.
  func uniforms(count: Int) -> [Double] { words(count: count).map { Double($0 >> 8) * 0x1p-24 } }
}

extension ClosedRange<Double> {
  /// The place at this share of the way from the lower to the upper end.
  func point(at share: Double) -> Double { lowerBound + (upperBound - lowerBound) * share }
}
