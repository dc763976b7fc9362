import NNLayers
import TensorCore

/// Weighs each channel of a layer by the class's score when the channel, enlarged, masks the image: no gradients, one
/// forward pass a channel.
///
///     map = Σₖ wₖ Aₖ,  w = softmax over k of s(x′ + (x − x′) ⊙ Hₖ),  Hₖ = (Uₖ − min Uₖ) / (max Uₖ − min Uₖ + 10⁻⁸)
///
/// with Uₖ the channel Aₖ enlarged bilinearly, corners on corners. Source: Wang et al., "Score-CAM: Score-Weighted Visual
/// Explanations for Convolutional Neural Networks", CVPR workshops 2020; enlarging and the small number as in
/// pytorch-grad-cam. The softmax does not notice the score of the baseline that the paper subtracts.
public struct ScoreCAM: ClassActivationMap {
  /// The layer's name.
  public var layer: String
  /// x′, what masked pixels show. The paper masks normalised images: there 0 is the data set's mean colour.
  public var baseline: Baseline

  /// The method at a layer.
  public init(layer: String, baseline: Baseline = .constant(0)) {
    self.layer = layer
    self.baseline = baseline
  }

  /// The weighted sums: `[n, rows, columns]`.
  public func layerMaps(of model: some Layer, at x: Tensor, classes: IntTensor) throws -> Tensor {
    let a = try ClassScores(model).activations(of: layer, at: x)
    let images = try ChangedImages(model, sample: x.shape.removing(axis: 0))
    let (start, channels) = (baseline.images(for: x), a.shape[1])
    let way = x - start
    let size = Extent(height: x.shape[2], width: x.shape[3])
    let maps = try (0..<classes.count).map { image in
      let masks = a[row: image].resizedMaps(to: size, aligningCorners: true)
        .scaledToUnitRange(guardingWith: 1e-8)
      let logits = try images.logits(count: channels) { numbers in
        start[row: image] + way[row: image] * masks[rows: numbers].expanded(axis: 1)
      }
      let column = IntTensor([Int](repeating: classes[image], count: channels))
      let weights = logits.picked(columns: column).expanded(axis: 0).softmax().squeezed(axis: 0)
      return a[row: image].scaledRows(by: weights).sum(alongAxis: 0)
    }
    return .stacked(maps)
  }

  /// The method with its layer.
  public var description: String { "Score-CAM at \(layer), \(baseline)" }
}
