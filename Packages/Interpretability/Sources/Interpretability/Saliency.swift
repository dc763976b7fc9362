import NNLayers
import TensorCore

/// The gradient of a class's score with respect to the image: how much each element would change the score, for its size.
///
///     aⱼ = ∂s(x) / ∂xⱼ,  map = maxᶜ |aᶜ|
///
/// Source: Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and
/// Saliency Maps", ICLR 2014 workshop.
public struct Saliency: Attribution {
  /// How a pixel's channels become one number.
  public var reduction: ChannelReduction

  /// The method.
  public init(reduction: ChannelReduction = .largestMagnitude) { self.reduction = reduction }

  /// The signed gradients, shaped as `x`.
  public func attributions(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws
    -> Tensor
  {
    checkImages(x, classes: classes, keys: keys, for: self)
    return try ClassScores(model).scoresAndGradients(at: x, classes: classes).gradients
  }

  /// `saliency`.
  public var description: String { "saliency" }
}
