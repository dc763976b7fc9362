import AutoDiffLite
import NNLayers
import TensorCore

/// What a model that is linear in its input looks for: one template a class, which is also the saliency of every image.
///
///     score of class k = Σⱼ templateₖⱼ xⱼ + offsetₖ
///
/// Templates are in pixel units: normalisation inside the model is part of them.
public struct LinearTemplates: Sendable {
  /// `[classes, …]`, the rest shaped as an input: `[10, 1, 28, 28]`.
  public let templates: Tensor
  /// The scores of an input of zeros, `[classes]`.
  public let offsets: Tensor

  /// The templates of a model.
  ///
  /// - Parameter input: the shape of one input, without the batch.
  /// - Throws: `InputError.mismatch` for a model that is not linear; `InputError.outOfRange` for logits that are not
  ///   finite.
  public init(of model: some Layer, input: Shape) throws {
    offsets = model.logits(.zeros(shape: input.inserting(axis: 0)))[row: 0]
    let classes = offsets.count
    let leaf = Variable.leaf(.zeros(shape: Shape([classes] + input.dimensions)))
    let logits = model(leaf, in: Pass(.evaluation))
    try checkLogits(logits.value)
    let everyClass = Tensor.oneHot(IntTensor(Array(0..<classes)), classes: classes)
    templates = logits.gradients(withRespectTo: [leaf], upstream: everyClass)[0]
    let probes = Tensor.uniform(
      shape: Shape([4] + input.dimensions), key: RandomKey(seed: 0).derived("linear templates"))
    let difference = model.logits(probes).mismatch(with: scores(probes), relativeToLargest: 1e-3)
    if let difference {
      throw InputError(
        .mismatch, "the model", expected: "scores linear in the input", found: difference,
        remedy: "Use Saliency, which depends on the image.")
    }
  }

  /// What the templates say of inputs: `[n, …] → [n, classes]`.
  public func scores(_ x: Tensor) -> Tensor {
    let classes = offsets.count
    return x.reshaped(to: [x.shape[0], x.count / max(1, x.shape[0])]).linear(
      weight: templates.reshaped(to: [classes, templates.count / max(1, classes)]), bias: offsets)
  }
}
