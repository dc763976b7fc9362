import NNLayers
import TensorCore

/// The image times the gradient of a class's score: for a model linear in the image, each element's share of the score.
///
///     aⱼ = xⱼ · ∂s(x) / ∂xⱼ,  map = Σᶜ aᶜ
///
/// Source: Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box: Learning Important Features Through
/// Propagating Activation Differences", 2016. Black elements have no share, whatever the gradient.
public struct InputTimesGradient: Attribution {
  /// How a pixel's channels become one number.
  public var reduction: ChannelReduction

  /// The method.
  public init(reduction: ChannelReduction = .sum) { self.reduction = reduction }

  /// The products, shaped as `x`.
  public func attributions(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws
    -> Tensor
  {
    checkImages(x, classes: classes, keys: keys, for: self)
    return x * (try ClassScores(model).scoresAndGradients(at: x, classes: classes).gradients)
  }

  /// `input times gradient`.
  public var description: String { "input times gradient" }
}
