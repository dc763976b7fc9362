import NNLayers
import TensorCore

/// Grad-CAM whose channel weights count each position by how much of the class's evidence it explains, so that several
/// objects of a class all show.
///
///     map = Σₖ wₖ Aₖ,  wₖ = Σᵢⱼ αᵢⱼ max(gᵢⱼ, 0),  αᵢⱼ = gᵢⱼ² / (2 gᵢⱼ² + gᵢⱼ³ Σ Aₖ + 10⁻⁶),  g = ∂s / ∂Aₖ
///
/// Source: Chattopadhyay, Sarkar, Howlader, Balasubramanian, "Grad-CAM++: Generalized Gradient-based Visual Explanations
/// for Deep Convolutional Networks", WACV 2018, equation 19; the small number in the denominator is that of
/// pytorch-grad-cam.
public struct GradCAMPlusPlus: ClassActivationMap {
  /// The layer's name.
  public var layer: String

  /// The method at a layer.
  public init(layer: String) { self.layer = layer }

  /// The weighted sums: `[n, rows, columns]`.
  public func layerMaps(of model: some Layer, at x: Tensor, classes: IntTensor) throws -> Tensor {
    let (a, g) = try ClassScores(model).activationsAndGradients(of: layer, at: x, classes: classes)
    let squares = g.squared()
    let sums = a.sum(alongAxis: 3).sum(alongAxis: 2)
    let shares = squares / (2 * squares + (squares * g).scaledRows(by: sums) + 1e-6)
    let weights = (shares * g.relu()).sum(alongAxis: 3).sum(alongAxis: 2)
    return a.scaledRows(by: weights).sum(alongAxis: 1)
  }

  /// The method with its layer.
  public var description: String { "Grad-CAM++ at \(layer)" }
}
