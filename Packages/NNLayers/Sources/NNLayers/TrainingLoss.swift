import AutoDiffLite
import TensorCore

/// Where a training run stands when a step begins, and where that step's randomness comes from.
public struct TrainingStep: Sendable {
  /// The epoch, from 0.
  public let epoch: Int
  /// The batch's number within the epoch, from 0.
  public let batch: Int
  /// How many batches an epoch has.
  public let batches: Int
  /// Which step on this batch it is, from 0; above 0 only where `TrainingLoss.replays` is above 1.
  public let replay: Int
  /// The epoch's key. A sample's draws that should depend on neither the order nor the size of batches derive from it and
  /// the sample's index.
  public let epochKey: RandomKey
  /// This step's own key.
  public let key: RandomKey

  /// A place in a run.
  public init(
    epoch: Int, batch: Int, batches: Int, replay: Int = 0, epochKey: RandomKey, key: RandomKey
  ) {
    self.epoch = epoch
    self.batch = batch
    self.batches = batches
    self.replay = replay
    self.epochKey = epochKey
    self.key = key
  }

  /// The time in epochs: 1.5 is the middle of the second epoch.
  public var time: Double { Double(epoch) + Double(batch) / Double(max(1, batches)) }

  /// The key of what changes the batch before the forward pass: augmentation, attacks.
  public var transformKey: RandomKey { key.derived("transform") }

  /// A new pass in training mode. Two forward calls of one step draw alike only under the same label.
  ///
  /// - Parameters:
  ///   - label: tells the step's passes apart.
  ///   - samples: each row's index in its data set.
  public func pass(_ label: String = "pass", samples: [Int]) -> Pass {
    Pass(.training, key: key.derived(label), samples: samples)
  }
}

/// What a training step came to before the optimizer moves: the loss, its gradients, and the model's answers.
public struct StepOutcome {
  /// The loss, averaged over the batch's samples.
  public let loss: Float
  /// Its gradients with respect to the trainable parameters; the loop adds its penalty and limits their norm in place.
  public var gradients: Gradients
  /// The answers that training accuracy counts: `[a, classes]`, a several times the batch where samples are copied.
  public let logits: Tensor
  /// `[a]`, the right answers.
  public let labels: IntTensor
  /// The passes whose buffer updates follow the optimizer's step, in call order.
  public let passes: [Pass]

  /// An outcome from gradients computed elsewhere.
  public init(loss: Float, gradients: Gradients, logits: Tensor, labels: IntTensor, passes: [Pass]) {
    self.loss = loss
    self.gradients = gradients
    self.logits = logits
    self.labels = labels
    self.passes = passes
  }

  /// Differentiates a loss with respect to a model's trainable parameters.
  ///
  /// - Parameters:
  ///   - model: the model as it is.
  ///   - passes: those that `loss` runs the model in, in call order.
  ///   - labels: the right answers.
  ///   - loss: the scalar loss of a bound copy of the model, and the logits to count.
  public init<Model: Layer>(
    of model: Model, in passes: [Pass], labels: IntTensor,
    _ loss: (_ bound: Model) -> (loss: Variable, logits: Variable)
  ) {
    precondition(!passes.isEmpty, "StepOutcome: no pass")
    var logits = Tensor(0)
    let (value, slopes) = NNLayers.gradients(of: model, in: passes[0]) { bound, _ in
      let result = loss(bound)
      logits = result.logits.value
      return result.loss
    }
    self.init(loss: value, gradients: slopes, logits: logits, labels: labels, passes: passes)
  }
}

/// What a training step minimises on a batch. `CrossEntropy` is the plain one; a defence brings its own, and with it what
/// it does to the batch beforehand.
///
///     var loop = TrainingLoop(epochs: 20, batchSize: 128, key: key)
///     loop.loss = CrossEntropy(labelSmoothing: 0.1)
public protocol TrainingLoss: Sendable {
  /// How many steps each batch gets, one after the other; 1 unless the method replays batches.
  var replays: Int { get }

  /// The loss of a batch and its gradients, each optimizer step's once.
  ///
  /// - Parameters:
  ///   - model: as it is, in no tape: an attack on it computes no weight gradients.
  ///   - batch: the samples, labels checked.
  ///   - step: where the run stands, and the only source of randomness.
  ///   - carried: what the method keeps from step to step; empty at the run's start, and saved with the run.
  /// - Throws: `InputError` for samples or a model that the method cannot use.
  func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome
}

extension TrainingLoss {
  /// One step a batch.
  public var replays: Int { 1 }
}

extension CrossEntropy: TrainingLoss {
  /// The loss of a batch's logits, `[n, k]`, to a scalar: against its targets where samples are mixed, else its labels.
  public func callAsFunction(_ logits: Variable, of batch: Batch) -> Variable {
    batch.targets.map { self(logits, targets: $0) } ?? self(logits, labels: batch.labels)
  }

  /// The loss of the samples as they are, in one pass in training mode.
  public func outcome<Model: Layer>(
    of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
  ) throws -> StepOutcome {
    let pass = step.pass(samples: batch.indices)
    return StepOutcome(of: model, in: [pass], labels: batch.labels) { bound in
      let logits = bound(Variable(batch.inputs), in: pass)
      return (self(logits, of: batch), logits)
    }
  }
}
