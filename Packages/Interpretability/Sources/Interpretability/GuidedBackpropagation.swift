import AutoDiffLite
import NNLayers
import TensorCore

/// The gradient of a class's score with negative parts stopped at every ReLU on the way back.
///
///     at a ReLU y = max(x, 0):  dx = max(dy, 0) · [y > 0],  map = maxᶜ |aᶜ|
///
/// Source: Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for Simplicity: The All Convolutional Net", ICLR 2015
/// workshop. The pictures are sharp, but depend little on the class and the trained weights (Adebayo et al., "Sanity
/// Checks for Saliency Maps", NeurIPS 2018): see `ParameterRandomization`. Holds for every ReLU on the tape, also those
/// joined to a convolution, a pooling, a batch norm or a residual sum.
public struct GuidedBackpropagation: Attribution {
  /// How a pixel's channels become one number.
  public var reduction: ChannelReduction

  /// The method.
  public init(reduction: ChannelReduction = .largestMagnitude) { self.reduction = reduction }

  /// The signed results at the image, shaped as `x`.
  public func attributions(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws
    -> Tensor
  {
    checkImages(x, classes: classes, keys: keys, for: self)
    return try ClassScores(model).scoresAndGradients(at: x, classes: classes, throughReLUs: .guided).gradients
  }

  /// `guided backpropagation`.
  public var description: String { "guided backpropagation" }
}
