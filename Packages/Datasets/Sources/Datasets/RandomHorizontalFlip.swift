import ImageCodecs
import TensorCore

/// Mirrors some pictures, left and right exchanged.
public struct RandomHorizontalFlip: ImageTransform, Hashable {
  /// How likely a picture is mirrored, 0 to 1.
  public let probability: Double

  /// A flip.
  ///
  /// - Precondition: 0 ≤ probability ≤ 1.
  public init(probability: Double = 0.5) {
    precondition(
      (0...1).contains(probability), "RandomHorizontalFlip: probability \(probability) is outside 0...1")
    self.probability = probability
  }

  /// The picture or its mirror image.
  public func callAsFunction(_ image: Image, key: RandomKey) -> Image {
    key.uniforms(count: 1)[0] < probability ? image.mirrored() : image
  }

  /// In words.
  public var description: String { "horizontal flip with probability \(probability)" }
}
