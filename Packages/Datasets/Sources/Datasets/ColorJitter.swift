import ImageCodecs
import TensorCore

/// Changes brightness, contrast, saturation and hue a little, each picture by factors of its own and in an order of its
/// own. An amount of 0 leaves its step out.
///
/// Source: torchvision's `ColorJitter`, the same ranges and the random order.
public struct ColorJitter: ImageTransform, Hashable {
  /// The brightness factor lies in [max(0, 1 − brightness), 1 + brightness], all values equally likely.
  public let brightness: Double
  /// The same for contrast.
  public let contrast: Double
  /// The same for saturation.
  public let saturation: Double
  /// The hue's shift lies in [−hue, hue], in turns of the colour circle.
  public let hue: Double

  /// A jitter.
  ///
  /// - Precondition: no amount is negative, and hue ≤ 0.5.
  public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
    precondition(
      min(brightness, contrast, saturation) >= 0 && (0...0.5).contains(hue),
      "ColorJitter: brightness \(brightness), contrast \(contrast), saturation \(saturation) must not be negative, "
        + "and hue \(hue) must be in 0...0.5")
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
  }

  /// The picture in other colours.
  public func callAsFunction(_ image: Image, key: RandomKey) -> Image {
    let draws = key.derived("factors").uniforms(count: 4)
    func factor(_ amount: Double, _ draw: Double) -> Double {
      (max(0, 1 - amount)...(1 + amount)).point(at: draw)
    }
    return key.derived("order").permutation(count: 4).reduce(image) { image, step in
      switch step {
      case 0: brightness == 0 ? image : image.adjustingBrightness(by: factor(brightness, draws[0]))
      case 1: contrast == 0 ? image : image.adjustingContrast(by: factor(contrast, draws[1]))
      case 2: saturation == 0 ? image : image.adjustingSaturation(by: factor(saturation, draws[2]))
      default: hue == 0 ? image : image.adjustingHue(by: (-hue...hue).point(at: draws[3]))
      }
    }
  }

  /// In words.
  public var description: String {
    "colour jitter: brightness \(brightness), contrast \(contrast), saturation \(saturation), hue \(hue)"
  }
}
