import NNLayers
import TensorCore

/// SmoothGrad: the mean of the gradients at noisy copies of the image, which wavers less than the gradient at one point.
///
///     a = 1/m · Σₖ ∇s(x + εₖ),  εₖ ~ N(0, σ² I),  map = maxᶜ |aᶜ|
///
/// Source: Smilkov, Thorat, Kim, Viégas, Wattenberg, "SmoothGrad: Removing Noise by Adding Noise", 2017, who advise noise of
/// 10 to 20 % of the pixels' range and 50 draws. Noisy copies are not clamped. Draw k of an image comes from its key's
/// `derived(k)`, so more draws keep those that fewer have.
public struct SmoothGradient: Attribution {
  /// σ, in pixel units.
  public var standardDeviation: Float
  /// m, how many noisy copies there are.
  public var draws: Int
  /// How a pixel's channels become one number.
  public var reduction: ChannelReduction

  /// The method.
  ///
  /// - Precondition: the deviation is finite and not negative, and there is at least one draw.
  public init(
    standardDeviation: Float = 0.15, draws: Int = 50, reduction: ChannelReduction = .largestMagnitude
  ) {
    precondition(
      standardDeviation >= 0 && standardDeviation.isFinite && draws > 0,
      "SmoothGradient: deviation \(standardDeviation), \(draws) draws")
    self.standardDeviation = standardDeviation
    self.draws = draws
    self.reduction = reduction
  }

  /// The mean gradients, signed, shaped as `x`.
  public func attributions(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws
    -> Tensor
  {
    checkImages(x, classes: classes, keys: keys, for: self)
    return try meanGradients(of: model, classes: classes, count: draws) { image, draw in
      x[row: image]
        + .normal(
          shape: x.shape.removing(axis: 0), standardDeviation: standardDeviation,
          key: keys[image].derived(draw))
    } weight: { _ in
      1 / Float(draws)
    }
  }

  /// The method with its settings.
  public var description: String { "SmoothGrad, deviation \(standardDeviation), \(draws) draws" }
}

/// For each image the weighted sum of the gradients of its class's score at several points: `[n, …]`.
///
/// - Parameters:
///   - count: how many points an image has.
///   - point: point k of image i, without the batch axis.
///   - weight: the weight of point k.
func meanGradients(
  of model: some Layer, classes: IntTensor, count: Int, at point: (_ image: Int, _ k: Int) -> Tensor,
  weight: (_ k: Int) -> Float
) throws -> Tensor {
  let scores = ClassScores(model)
  // Image by image, so that what an image gets does not depend on the others.
  return .stacked(
    try (0..<classes.count).map { image in
      var total: Tensor?
      for start in stride(from: 0, to: count, by: scores.rowsAtATime) {
        let range = start..<min(count, start + scores.rowsAtATime)
        let points = Tensor.stacked(range.map { point(image, $0) })
        let wanted = IntTensor([Int](repeating: classes[image], count: range.count))
        let slopes = try scores.scoresAndGradients(at: points, classes: wanted).gradients
        for (row, k) in range.enumerated() {
          let slope = slopes[row: row]
          if total == nil { total = .zeros(shape: slope.shape) }
          total?.add(slope, scaledBy: weight(k))
        }
      }
      guard let total else { preconditionFailure("meanGradients: \(count) points") }
      return total
    })
}
