import NNLayers
import TensorCore

/// An explainer that adds up a convolutional layer's channels, each weighted by what it means for the class.
///
/// Its maps are as coarse as the layer (8 × 8 for the last layers of both networks of document 4) and are enlarged to the
/// image.
public protocol ClassActivationMap: Explainer {
  /// The layer's name, `features.10`, also written `features[10]` or `features[-2]`, counted from the end.
  var layer: String { get }
  /// The weighted sums, signed, as large as the layer's outputs: `[n, channels, height, width] → [n, rows, columns]`.
  /// Parameters and errors as in `maps`; a layer whose outputs are no images is an `InputError.mismatch`.
  func layerMaps(of model: some Layer, at x: Tensor, classes: IntTensor) throws -> Tensor
}

extension ClassActivationMap {
  /// The layer's maps without their negative parts, enlarged to the image: `[n, height, width]`.
  public func maps(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws -> Tensor
  {
    checkImages(x, classes: classes, keys: keys, for: self)
    return try layerMaps(of: model, at: x, classes: classes).relu()
      .resizedMaps(to: Extent(height: x.shape[2], width: x.shape[3]))
  }
}
