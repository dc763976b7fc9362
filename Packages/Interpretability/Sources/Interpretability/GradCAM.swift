import NNLayers
import TensorCore

/// Weighs each channel of a layer by the mean gradient of the class's score with respect to it.
///
///     map = Σₖ wₖ Aₖ,  wₖ = mean over the positions of ∂s / ∂Aₖ
///
/// Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
public struct GradCAM: ClassActivationMap {
  /// The layer's name.
  public var layer: String

  /// The method at a layer.
  public init(layer: String) { self.layer = layer }

  /// The weighted sums, signed: `[n, rows, columns]`.
  public func layerMaps(of model: some Layer, at x: Tensor, classes: IntTensor) throws -> Tensor {
    let (a, slopes) = try ClassScores(model).activationsAndGradients(of: layer, at: x, classes: classes)
    let weights = slopes.mean(alongAxis: 3).mean(alongAxis: 2)
    return a.scaledRows(by: weights).sum(alongAxis: 1)
  }

  /// The method with its layer.
  public var description: String { "Grad-CAM at \(layer)" }
}
