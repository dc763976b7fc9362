import NNLayers
import TensorCore

/// Weighs every position of every channel by its own gradient, where Grad-CAM takes the channel's mean: it shows only
/// places that the class's score rests on.
///
///     map = Σₖ ∂s / ∂Aₖ ⊙ Aₖ
///
/// Source: Draelos and Carin, "Use HiResCAM instead of Grad-CAM for Faithful Explanations of Convolutional Neural
/// Networks", 2020.
public struct HiResCAM: ClassActivationMap {
  /// The layer's name.
  public var layer: String

  /// The method at a layer.
  public init(layer: String) { self.layer = layer }

  /// The sums of products, signed: `[n, rows, columns]`.
  public func layerMaps(of model: some Layer, at x: Tensor, classes: IntTensor) throws -> Tensor {
    let (a, slopes) = try ClassScores(model).activationsAndGradients(of: layer, at: x, classes: classes)
    return (a * slopes).sum(alongAxis: 1)
  }

  /// The method with its layer.
  public var description: String { "HiResCAM at \(layer)" }
}
