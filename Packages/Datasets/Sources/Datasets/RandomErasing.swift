import Foundation
import ImageCodecs
import TensorCore

/// Paints over a rectangle of some pictures.
///
/// The rectangle's area is a share of the picture's, its height over its width is drawn evenly on a logarithmic scale,
/// and its place is any at which it fits. After ten rectangles that do not fit the picture stays as it is.
///
/// Source: Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, as torchvision's `RandomErasing` has it.
public struct RandomErasing: ImageTransform, Hashable {
  /// How likely a picture loses a rectangle, 0 to 1.
  public let probability: Double
  /// The range of the rectangle's share of the area.
  public let area: ClosedRange<Double>
  /// The range of its height over its width.
  public let ratio: ClosedRange<Double>
  /// Every channel's value in the rectangle.
  public let fill: UInt8

  /// An erasing.
  ///
  /// - Precondition: 0 ≤ probability ≤ 1, areas lie in 0...1, ratios are positive.
  public init(
    probability: Double = 0.5, area: ClosedRange<Double> = 0.02...0.33,
    ratio: ClosedRange<Double> = 0.3...3.3,
    fill: UInt8 = 0
  ) {
    precondition((0...1).contains(probability), "RandomErasing: probability \(probability) is outside 0...1")
    precondition(
      area.lowerBound >= 0 && area.upperBound <= 1 && ratio.lowerBound > 0,
      "RandomErasing: area \(area) is outside 0...1, or ratio \(ratio) is not positive")
    self.probability = probability
    self.area = area
    self.ratio = ratio
    self.fill = fill
  }

  /// The picture, with its rectangle painted over or not.
  public func callAsFunction(_ image: Image, key: RandomKey) -> Image {
    guard key.uniforms(count: 1)[0] < probability else { return image }
    var source = RandomSource(key: key.derived("rectangle"))
    let logarithms = log(ratio.lowerBound)...log(ratio.upperBound)
    func share() -> Double { Double(source.nextWord() >> 8) * 0x1p-24 }
    for _ in 0..<10 {
      let pixels = Double(image.width * image.height) * area.point(at: share())
      let shape = exp(logarithms.point(at: share()))
      let height = Int((pixels * shape).squareRoot().rounded(.toNearestOrEven))
      let width = Int((pixels / shape).squareRoot().rounded(.toNearestOrEven))
      if height < image.height && width < image.width {
        let y = source.index(below: image.height - height + 1)
        let x = source.index(below: image.width - width + 1)
        return image.erased(x: x, y: y, width: width, height: height, fill: fill)
      }
    }
    return image
  }

  /// In words.
  public var description: String {
    "erasing with probability \(probability): area \(area.lowerBound) to \(area.upperBound), "
      + "ratio \(ratio.lowerBound) to \(ratio.upperBound), value \(fill)"
  }
}

extension Image {
  /// The picture with a rectangle, which lies inside, painted over.
  fileprivate func erased(x: Int, y: Int, width: Int, height: Int, fill: UInt8) -> Image {
    var result = self
    for row in y..<(y + height) {
      let start = (row * self.width + x) * channels
      for i in start..<(start + width * channels) { result.pixels[i] = fill }
    }
    return result
  }
}
