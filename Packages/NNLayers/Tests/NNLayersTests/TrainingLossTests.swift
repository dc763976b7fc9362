import AutoDiffLite
import Foundation
import NNLayers
import Synchronization
import TensorCore
import Testing

/// What a loop asks of losses that are not plain cross-entropy.
@Suite struct TrainingLossTests {
  private static let key = RandomKey(seed: 51)

  /// Notes where each step stands; every sample is answered twice.
  private final class Recorder: TrainingLoss {
    let replays = 3
    let steps = Mutex<[TrainingStep]>([])
    func outcome<Model: Layer>(
      of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
    ) throws -> StepOutcome {
      steps.withLock { $0.append(step) }
      let pass = step.pass(samples: batch.indices)
      let labels = IntTensor(batch.labels.scalars.map(Int.init) + batch.labels.scalars.map(Int.init))
      return StepOutcome(of: model, in: [pass], labels: labels) { bound in
        let logits = bound(Variable(.concatenated([batch.inputs, batch.inputs])), in: pass)
        return (CrossEntropy()(logits, labels: labels), logits)
      }
    }
  }

  // Ten samples in batches of four: three batches, the last with two samples.
  @Test func replaysAndPlaces() throws {
    let recorder = Recorder()
    var loop = TrainingLoop(epochs: 2, batchSize: 4, key: Self.key)
    loop.loss = recorder
    var state = TrainingState(model: MLP(widths: [2, 3], key: Self.key), optimizer: SGD(learningRate: 0.1))
    var batches: [[Int]] = []
    try loop.run(&state, on: Samples.clouds(count: 10)) { _ in
    } afterStep: { epoch, step, steps in
      batches.append([epoch, step, steps])
    }
    let steps = recorder.steps.withLock { $0 }
    #expect(steps.map(\.replay) == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
    #expect(steps.map(\.batch) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    for step in steps { #expect(step.time == Double(step.epoch) + Double(step.batch) / 3) }
    #expect(Set(steps.map(\.key)).count == 18 && Set(steps.map(\.epochKey)).count == 2)
    #expect(batches == [[1, 1, 3], [1, 2, 3], [1, 3, 3], [2, 1, 3], [2, 2, 3], [2, 3, 3]])
    // accuracy is a share of the answers, the loss a mean over samples: neither may count the copies or replays wrongly
    let record = state.history.epochs[1]
    #expect(record.trainingAccuracy <= 1 && record.trainingAccuracy > 0)
    let final = CrossEntropy()(
      Variable(state.model.logits(Samples.clouds(count: 10).inputs)), labels: Samples.clouds(count: 10).labels
    )
    #expect(abs(record.trainingLoss - Double(final.value.item)) < 0.1)
  }

  /// Counts its steps in what it carries, and weighs the loss with the count.
  private struct Counting: TrainingLoss {
    func outcome<Model: Layer>(
      of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
    ) throws -> StepOutcome {
      let count = (carried["count"] ?? .zeros(shape: [1])) + 1
      carried["count"] = count
      let passes = [step.pass(samples: batch.indices), step.pass("again", samples: batch.indices)]
      return StepOutcome(of: model, in: passes, labels: batch.labels) { bound in
        let logits = bound(Variable(batch.inputs), in: passes[0])
        let again = bound(Variable(0.5 * batch.inputs), in: passes[1])
        let sum = CrossEntropy()(logits, labels: batch.labels) + CrossEntropy()(again, labels: batch.labels)
        return (sum * count[0], logits)
      }
    }
  }

  private static func model() -> Sequential {
    Sequential(
      Linear(inputs: 2, outputs: 4, key: key), BatchNorm(channels: 4), Linear(inputs: 4, outputs: 3, key: key)
    )
  }

  // Every pass's buffer updates are applied: two a step. What is carried is there after a restart from the file: a run
  // that forgot it would weigh its steps anew.
  @Test func carriedTensorsSurviveARestart() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "\(UUID().uuidString).training.safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    let samples = Samples.clouds(count: 12)
    func start() -> TrainingState<Sequential, SGD> {
      TrainingState(model: Self.model(), optimizer: SGD(learningRate: 0.01))
    }
    var loop = TrainingLoop(epochs: 4, batchSize: 4, key: Self.key)
    loop.loss = Counting()
    var whole = start()
    try loop.run(&whole, on: samples)
    #expect(whole.carried["count"] == Tensor([12]))
    #expect(whole.model.counters.map(\.value) == [24])

    let checkpoint = TrainingCheckpoint(url: url, fingerprint: "counting", interval: 0)
    var half = loop
    half.epochs = 2
    var first = start()
    try half.run(&first, on: samples, checkpoint: checkpoint)
    var second = start()
    try loop.run(&second, on: samples, checkpoint: checkpoint)
    #expect(second.model.weightsDigest == whole.model.weightsDigest && second.carried == whole.carried)
  }

  /// Answers with the next of a list of numbers.
  private final class Scripted: EpochProbe {
    let values: [Double]
    let keys = Mutex<[RandomKey]>([])
    init(_ values: [Double]) { self.values = values }
    func measure<Model: Layer>(_ model: Model, key: RandomKey) throws -> [String: Double] {
      keys.withLock { keys in
        keys.append(key)
        return ["robust": values[keys.count - 1], "other": -Double(keys.count)]
      }
    }
  }

  // Without validation samples; the best epoch is that of the watched number, and its weights come back.
  @Test func earlyStoppingWatchesAProbe() throws {
    let probe = Scripted([0.2, 0.5, 0.5, 0.1, 0.4])
    var loop = TrainingLoop(epochs: 5, batchSize: 5, key: Self.key)
    loop.probe = probe
    loop.earlyStopping = EarlyStopping(on: .probed("robust"), patience: 2)
    var state = TrainingState(model: MLP(widths: [2, 3], key: Self.key), optimizer: SGD(learningRate: 0.1))
    var weights: [String] = []
    try loop.run(&state, on: Samples.clouds(count: 10)) { weights.append($0.model.weightsDigest) }
    #expect(state.stoppedEarly && state.best?.epoch == 2)
    #expect(state.history.epochs.compactMap { $0.probed?["robust"] } == [0.2, 0.5, 0.5, 0.1])
    #expect(state.history.epochs.compactMap { $0.probed?["other"] } == [-1, -2, -3, -4])
    #expect(state.model.weightsDigest == weights[1] && weights[1] != weights[2])
    #expect(Set(probe.keys.withLock { $0 }).count == 1)
  }

  @Test func earlyStoppingNeedsWhatItWatches() async {
    await #expect(processExitsWith: .failure) {
      var loop = TrainingLoop(epochs: 1, batchSize: 5, key: TrainingLossTests.key)
      loop.earlyStopping = EarlyStopping(on: .probed("robust"))
      var state = TrainingState(
        model: MLP(widths: [2, 3], key: TrainingLossTests.key), optimizer: SGD(learningRate: 0.1))
      try loop.run(&state, on: Samples.clouds(count: 10), validation: Samples.clouds(count: 10))
    }
  }

  // One way back for both: y = w·x has ∂/∂w = x and ∂/∂x = w, exactly.
  @Test func inputGradientBesideThoseOfTheWeights() throws {
    var layer = Linear(inputs: 3, outputs: 1, key: Self.key)
    layer.weight.value = Tensor([[2, -1, 0.5]])
    let x = Tensor([[1, 4, -2], [3, 0.25, 8]])
    let (loss, slopes, slope) = gradients(of: layer, in: Pass(.training), at: x) { bound, x, pass in
      (bound(x, in: pass) * Variable(Tensor([[1], [10]]))).sum()
    }
    let bias = try #require(layer.bias).value[0]
    #expect(loss == (2 - 4 - 1 + bias) + 10 * (6 - 0.25 + 4 + bias))
    #expect(slopes["weight"] == Tensor([[31, 6.5, 78]]) && slopes["bias"] == Tensor([11]))
    #expect(slope == Tensor([[2, -1, 0.5], [20, -10, 5]]))
  }
}
