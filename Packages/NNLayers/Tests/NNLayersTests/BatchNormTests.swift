import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct BatchNormTests {
  private static let shapes: [String: [Shape]] = [
    "images": [[4, 3, 5, 6], [2, 3, 5, 6], [1, 3, 4, 4]], "rows": [[6, 5], [3, 5], [2, 5]],
  ]

  private static func input(_ name: String, _ shape: Shape) -> Tensor {
    ModelFixture.noise(name, shape) * 2 + 1
  }

  // Three steps, each with its batch: the output follows the batch alone, running values move as PyTorch's do.
  @Test(arguments: ["images", "rows"]) func severalSteps(kind: String) throws {
    var layer =
      kind == "images" ? BatchNorm(channels: 3, momentum: 0.25, epsilon: 1e-3) : BatchNorm(channels: 5)
    layer = ModelFixture.filled(layer)
    let shapes = try #require(Self.shapes[kind])
    for (step, shape) in shapes.enumerated() {
      let pass = Pass(.training)
      let y = layer(Variable(Self.input("batch \(step)", shape)), in: pass)
      let prefix = "batchNorm/\(kind)/\(step)/"
      expectClose(y.value, try ModelFixture.tensor(prefix + "output"))
      #expect(layer.batchCount == step)
      layer.applyUpdates(of: pass)
      expectClose(layer.runningMean, try ModelFixture.tensor(prefix + "running_mean"))
      expectClose(layer.runningVariance, try ModelFixture.tensor(prefix + "running_var"))
      #expect(try layer.batchCount == ModelFixture.integer(prefix + "num_batches_tracked"))
    }
    let y = layer.logits(ModelFixture.noise("batch", shapes[0]))
    expectClose(y, try ModelFixture.tensor("batchNorm/\(kind)/evaluation"))
  }

  private static let network = Sequential(
    Convolution(inputs: 1, outputs: 4, kernel: 3, padding: 1, hasBias: false, key: RandomKey(seed: 1)),
    BatchNorm(channels: 4), ReLU(), MaxPool(2), Flatten(),
    Linear(inputs: 16, outputs: 3, key: RandomKey(seed: 2)))

  // The file that PyTorch's users write, 64-bit counter and all: read, used, and written again with the same bytes.
  @Test func stateDictBothWays() throws {
    let url = try Reference.url("state-dict.safetensors")
    var model = Self.network
    try model.loadWeights(from: url)
    #expect(model.counters.map(\.name) == ["1.num_batches_tracked"] && model.counters[0].value == 3)
    expectClose(
      model.logits(try ModelFixture.tensor("stateDict/inputs")), try ModelFixture.tensor("stateDict/logits"))
    #expect(try model.weights().data() == Data(contentsOf: url))
    #expect(model.weightsDigest != Self.network.weightsDigest)
  }

  // A forward pass never changes a model; what evaluation sees must not become a running value.
  @Test func onlyAppliedPassesMoveRunningValues() {
    var model = Self.network
    let x = ModelFixture.noise("x", [5, 1, 4, 4])
    let before = model.weightsDigest
    let training = Pass(.training)
    _ = model(Variable(x), in: training)
    _ = model.logits(x)
    let evaluation = Pass(.evaluation)
    _ = gradient(at: x) { model($0, in: evaluation).sum() }
    model.applyUpdates(of: evaluation)
    #expect(model.weightsDigest == before)
    model.applyUpdates(of: training)
    #expect(model.weightsDigest != before)
  }

  // Two calls of one layer in one pass are two batches, in order.
  @Test func twoBatchesInOnePass() {
    var (once, twice) = (BatchNorm(channels: 3), BatchNorm(channels: 3))
    let pass = Pass(.training)
    for step in 0..<2 {
      let x = Variable(Self.input("batch \(step)", [4, 3, 5, 6]))
      _ = once(x, in: pass)
      let own = Pass(.training)
      _ = twice(x, in: own)
      twice.applyUpdates(of: own)
    }
    once.applyUpdates(of: pass)
    #expect(once.runningMean == twice.runningMean && once.runningVariance == twice.runningVariance)
    #expect(once.batchCount == 2 && twice.batchCount == 2)
  }

  // Every step of the loop counts once, and the state of an interrupted run comes back with its counter.
  @Test func trainingLoopAppliesThem() throws {
    let samples = Samples(
      inputs: ModelFixture.noise("samples", [12, 1, 4, 4]), labels: IntTensor((0..<12).map { $0 % 3 }),
      classCount: 3)
    func state() -> TrainingState<Sequential, SGD> {
      TrainingState(model: Self.network, optimizer: SGD(learningRate: 0.05))
    }
    let loop = TrainingLoop(epochs: 3, batchSize: 5, key: RandomKey(seed: 3))
    var whole = state()
    try loop.run(&whole, on: samples)
    #expect(whole.model.counters[0].value == 9)
    #expect(whole.model.buffers.allSatisfy { $0.value != Tensor.zeros(shape: [4]) })

    let checkpoint = TrainingCheckpoint(url: temporaryFile("bn.training.safetensors"), fingerprint: "bn")
    defer { try? FileManager.default.removeItem(at: checkpoint.url) }
    var first = state()
    try TrainingLoop(epochs: 2, batchSize: 5, key: RandomKey(seed: 3)).run(
      &first, on: samples, checkpoint: checkpoint)
    var resumed = state()
    try loop.run(&resumed, on: samples, checkpoint: checkpoint)
    #expect(resumed.model.weightsDigest == whole.model.weightsDigest)
  }

  @Test func fusedWithReLU() {
    let layer = ModelFixture.filled(BatchNorm(channels: 3))
    let x = Self.input("x", [4, 3, 5, 6])
    for mode in [Pass.Mode.training, .evaluation] {
      let plain = layer(Variable(x), in: Pass(mode)).relu().value
      #expect(plain.min() == 0 && plain.max() > 0)
      #expect(layer(Variable(x), in: Pass(mode), thenReLU: true).value == plain)
      #expect(Sequential(layer, ReLU())(Variable(x), in: Pass(mode)).value == plain)
    }
  }

  // One value a channel has no variance; PyTorch refuses it, too. A wrong channel count would read beyond the weights.
  @Test func refusals() async {
    await #expect(processExitsWith: .failure) {
      _ = BatchNorm(channels: 3)(Variable(.ones(shape: [1, 3])), in: Pass(.training))
    }
    await #expect(processExitsWith: .failure) {
      _ = BatchNorm(channels: 3)(Variable(.ones(shape: [1, 3, 1, 1])), in: Pass(.training))
    }
    await #expect(processExitsWith: .failure) { _ = BatchNorm(channels: 3).logits(.ones(shape: [2, 4])) }
    // an update under a name that the walk has not would be lost in silence
    await #expect(processExitsWith: .failure) {
      struct Misnamed: Layer {
        var norm = BatchNorm(channels: 2)
        func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { pass.enter("norm", norm, x) }
        mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) { norm.visitBuffers(visit) }
      }
      var model = Misnamed()
      let pass = Pass(.training)
      _ = model(Variable(.ones(shape: [4, 2])), in: pass)
      model.applyUpdates(of: pass)
    }
  }

  // One sample in evaluation, and none.
  @Test func smallBatches() {
    let layer = ModelFixture.filled(BatchNorm(channels: 3))
    let x = Self.input("x", [4, 3, 2, 2])
    #expect(layer.logits(x[rows: 1..<2]) == layer.logits(x)[rows: 1..<2])
    #expect(layer.logits(x[rows: 0..<0]).shape == [0, 3, 2, 2])
  }
}
