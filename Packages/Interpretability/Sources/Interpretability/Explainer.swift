import NNLayers
import TensorCore

/// A method that shows where in an image the evidence for a class lies.
///
///     let maps = try GradCAM(layer: "features[-2]").maps(of: model, at: images, classes: model.predictions(images))
///
/// What is explained is a class's score, its logit in evaluation mode. Images are in pixel units; a model that normalises
/// its input (`Normalized`) is explained together with that step.
public protocol Explainer: Sendable, CustomStringConvertible {
  /// One map an image, as large as the image and not normalised; larger is more evidence. Samples do not mix.
  ///
  /// - Parameters:
  ///   - model: maps `[n, channels, height, width]` to logits.
  ///   - x: `[n, channels, height, width]`.
  ///   - classes: `[n]`, the class whose score is explained.
  ///   - keys: `[n]`, the only source of each image's randomness.
  /// - Returns: `[n, height, width]`.
  /// - Throws: `InputError.missing` for a layer that the model does not have, listing those it has with their shapes;
  ///   `InputError.outOfRange` for logits that are not finite.
  /// - Precondition: these shapes, and classes that the logits have.
  func maps(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws -> Tensor
}

extension Explainer {
  /// One map an image, `[n, height, width]`; image i draws from `key.derived(i)`, where the method draws at all.
  public func maps(
    of model: some Layer, at x: Tensor, classes: IntTensor, key: RandomKey = RandomKey(seed: 0)
  ) throws -> Tensor {
    try maps(of: model, at: x, classes: classes, keys: rowKeys(key, count: classes.count))
  }
}

/// An explainer that gives every element of the input a share; its map joins those of a pixel's channels.
public protocol Attribution: Explainer {
  /// How a pixel's channels become one number.
  var reduction: ChannelReduction { get }
  /// A share for every element, signed: `[n, channels, height, width] → [n, channels, height, width]`. Parameters as in
  /// `maps`.
  func attributions(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws
    -> Tensor
}

extension Attribution {
  /// A share for every element, shaped as `x`; image i draws from `key.derived(i)`, where the method draws at all.
  public func attributions(
    of model: some Layer, at x: Tensor, classes: IntTensor, key: RandomKey = RandomKey(seed: 0)
  ) throws -> Tensor {
    try attributions(of: model, at: x, classes: classes, keys: rowKeys(key, count: classes.count))
  }

  /// The attributions with each pixel's channels joined by `reduction`.
  public func maps(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws -> Tensor
  {
    reduction(try attributions(of: model, at: x, classes: classes, keys: keys))
  }
}

/// How the channels of a pixel become one number.
public enum ChannelReduction: String, Sendable, Hashable, CaseIterable {
  /// maxᶜ |aᶜ|, as saliency maps are drawn (Simonyan et al.); never negative.
  case largestMagnitude
  /// Σᶜ |aᶜ|; never negative.
  case sumOfMagnitudes
  /// Σᶜ aᶜ, signed: a pixel's share of the score, for methods whose shares add up to one.
  case sum

  /// `[n, channels, height, width] → [n, height, width]`.
  public func callAsFunction(_ attributions: Tensor) -> Tensor {
    switch self {
    case .largestMagnitude: attributions.absolute().max(alongAxis: 1)
    case .sumOfMagnitudes: attributions.absolute().sum(alongAxis: 1)
    case .sum: attributions.sum(alongAxis: 1)
    }
  }
}

private func rowKeys(_ key: RandomKey, count: Int) -> [RandomKey] { (0..<count).map { key.derived($0) } }
