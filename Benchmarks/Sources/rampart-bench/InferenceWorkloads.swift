import NNLayers
import TensorCore

extension Workload {
  /// The logits of one batch by a model that was prepared for evaluation.
  static let inference = [1, 16, 256].flatMap { batchSize in
    [
      Workload(name: "convnn.infer.b\(batchSize)") { inferenceStep(convNN(), digitShape, batchSize) },
      Workload(name: "simplecnn.infer.b\(batchSize)") { inferenceStep(simpleCNN(), pictureShape, batchSize) },
      Workload(name: "resnet.infer.b\(batchSize)") { inferenceStep(resNetSmall(), pictureShape, batchSize) },
    ]
  }
}

private func inferenceStep(_ model: some Layer, _ sample: Shape, _ batchSize: Int) -> () -> Void {
  let plan = prepared(model, for: sample)
  let x = randomImages(batchSize, sample)
  return { _ = plan.logits(x) }
}
