import AutoDiffLite
import NNLayers
import TensorCore

extension TrainingStep {
  /// `[n]`, the randomness of an attack on each sample of a batch.
  func attackKeys(of batch: Batch) -> [RandomKey] { batch.indices.map { transformKey.derived($0) } }
}

extension StepOutcome {
  /// Differentiates a loss of clean and attacked samples, which pass in this order, each in a pass of its own.
  ///
  /// - Parameters:
  ///   - attacked: the batch's inputs after the attack.
  ///   - loss: the scalar loss from the logits of both, and the logits to count.
  init<Model: Layer>(
    of model: Model, on batch: Batch, and attacked: Tensor, at step: TrainingStep,
    _ loss: (_ clean: Variable, _ adversarial: Variable) -> (loss: Variable, logits: Variable)
  ) {
    let passes = [step.pass(samples: batch.indices), step.pass("adversarial", samples: batch.indices)]
    self.init(of: model, in: passes, labels: batch.labels) { bound in
      let clean = bound(Variable(batch.inputs), in: passes[0])
      return loss(clean, bound(Variable(attacked), in: passes[1]))
    }
  }
}
