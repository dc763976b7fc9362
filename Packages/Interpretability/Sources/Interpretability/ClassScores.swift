import AutoDiffLite
import NNLayers
import TensorCore

/// A model as explainers see it: images and classes to scores and their gradients, so many rows at a time.
struct ClassScores<Model: Layer> {
  let model: Model
  /// How many rows run at once; fixed, so that results do not depend on memory or threads.
  let rowsAtATime = 64

  init(_ model: Model) { self.model = model }

  /// The score of each row's class and its gradient with respect to the row: `[n]`, shaped as `x`.
  ///
  /// - Parameter rule: how ReLUs pass gradients back.
  func scoresAndGradients(
    at x: Tensor, classes: IntTensor, throughReLUs rule: ReLUGradient = .derivative
  ) throws -> (scores: Tensor, gradients: Tensor) {
    var scores: [Tensor] = []
    var gradients: [Tensor] = []
    for rows in chunks(of: x) {
      let leaf = Variable.leaf(x[rows: rows])
      let logits = model(leaf, in: Pass(.evaluation))
      try checkLogits(logits.value)
      let wanted = classes[rows: rows]
      scores.append(logits.value.picked(columns: wanted))
      gradients += logits.gradients(
        withRespectTo: [leaf], upstream: .oneHot(wanted, classes: logits.shape[1]), throughReLUs: rule)
    }
    return (.concatenated(scores), .concatenated(gradients))
  }

  /// The outputs of a layer and the gradients of each row's class score with respect to them, both shaped as these.
  ///
  /// - Throws: `InputError.missing` for an unknown name, `.mismatch` for a layer whose outputs are not images.
  func activationsAndGradients(of layer: String, at x: Tensor, classes: IntTensor) throws
    -> (activations: Tensor, gradients: Tensor)
  {
    let layer = try layerName(layer, in: model, sample: x.shape.removing(axis: 0))
    var activations: [Tensor] = []
    var gradients: [Tensor] = []
    for rows in chunks(of: x) {
      let pass = Pass(.evaluation, keepingAsLeaves: [layer])
      let logits = model(Variable(x[rows: rows]), in: pass)
      let kept = try keptImages(layer, of: pass)
      try checkLogits(logits.value)
      activations.append(kept.value)
      gradients += logits.gradients(
        withRespectTo: [kept], upstream: .oneHot(classes[rows: rows], classes: logits.shape[1]))
    }
    return (.concatenated(activations), .concatenated(gradients))
  }

  /// The outputs of a layer. Throws as `activationsAndGradients` does.
  func activations(of layer: String, at x: Tensor) throws -> Tensor {
    let layer = try layerName(layer, in: model, sample: x.shape.removing(axis: 0))
    return .concatenated(
      try chunks(of: x).map { rows in
        let pass = Pass(.evaluation, keeping: [layer])
        _ = model(Variable(x[rows: rows]), in: pass)
        return try keptImages(layer, of: pass).value
      })
  }

  private func keptImages(_ layer: String, of pass: Pass) throws -> Variable {
    try pass.checkRequested()
    guard let kept = pass.activations[layer], kept.shape.rank == 4 else {
      throw InputError(
        .mismatch, "layer \"\(layer)\"", expected: "outputs [n, channels, height, width]",
        found: "\(pass.activations[layer]?.shape ?? [])", remedy: "Choose a layer before the flattening.")
    }
    return kept
  }

  private func chunks(of x: Tensor) -> [Range<Int>] {
    stride(from: 0, to: x.shape[0], by: rowsAtATime).map { $0..<min(x.shape[0], $0 + rowsAtATime) }
  }
}

/// A model made ready for many forward passes: the logits of changed copies of one image.
struct ChangedImages {
  private let plan: EvaluationPlan
  private let rowsAtATime = 64

  init(_ model: some Layer, sample: Shape) throws { plan = try model.prepared(for: sample) }

  /// The logits of `count` images: `[count, classes]`.
  ///
  /// - Parameter change: images `[range.count, …]` for the numbers in a range.
  func logits(count: Int, _ change: (Range<Int>) -> Tensor) throws -> Tensor {
    .concatenated(
      try stride(from: 0, to: count, by: rowsAtATime).map { start in
        let logits = plan.logits(change(start..<min(count, start + rowsAtATime)))
        try checkLogits(logits)
        return logits
      })
  }
}

/// Checks that what a model returned can be explained.
func checkLogits(_ logits: Tensor) throws {
  precondition(logits.rank == 2, "Explainer: expected logits [n, classes], got \(logits.shape)")
  guard logits.isFinite else {
    throw InputError(
      .outOfRange, "the model's logits", expected: "finite numbers", found: "NaN or infinity",
      remedy: "Load weights that did not diverge.")
  }
}

/// Checks the shapes of what an explainer is given.
func checkImages(_ x: Tensor, classes: IntTensor, keys: [RandomKey], for explainer: some Explainer) {
  precondition(
    x.rank == 4 && x.shape[0] > 0 && classes.shape == [x.shape[0]] && keys.count == x.shape[0],
    "\(explainer): expected images [n, channels, height, width] with n classes and keys, got \(x.shape), "
      + "\(classes.shape) classes and \(keys.count) keys")
}
