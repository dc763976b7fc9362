import AutoDiffLite
import Compression
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct FineTuningTests {
  private static let key = RandomKey(seed: 21)

  /// Fine-tuning on samples moved against the model by the sign of their gradient, as a user would write it.
  private struct SignedStep: TrainingLoss {
    let radius: Float
    func outcome<Model: Layer>(
      of model: Model, on batch: Batch, at step: TrainingStep, carried: inout [String: Tensor]
    ) throws -> StepOutcome {
      let slope = gradient(at: batch.inputs) {
        CrossEntropy()(model($0, in: Pass(.evaluation)), labels: batch.labels)
      }
      let moved = Batch(
        inputs: batch.inputs + radius * slope.sign(), labels: batch.labels, indices: batch.indices)
      return try CrossEntropy().outcome(of: model, on: moved, at: step, carried: &carried)
    }
  }

  /// Writes weights without a look at masks.
  private struct Careless: Optimizer {
    var learningRate: Float
    var state = OptimizerState()
    init(learningRate: Float) { self.learningRate = learningRate }
    mutating func step<Model: Layer>(_ model: inout Model, _ gradients: Gradients) {
      model.visitParameters { name, parameter in
        guard let gradient = gradients[name] else { return }
        parameter.value = parameter.value * 0.999 - learningRate * (gradient + 0.01)
      }
    }
  }

  private static let optimizers: [any Optimizer] = [
    SGD(learningRate: 0.1), SGD(learningRate: 0.1, momentum: 0.9),
    SGD(learningRate: 0.1, momentum: 0.9, nesterov: true, coupledDecay: 0.01),
    SGD(learningRate: 0.1, momentum: 0.9, dampening: 0.5, coupledDecay: 0.1),
    Adam(learningRate: 0.02), Adam(learningRate: 0.02, coupledDecay: 0.1),
    Adam(learningRate: 0.02, decoupledDecay: 0.1), Careless(learningRate: 0.05),
  ]

  private static func network() -> Sequential {
    Sequential(
      Linear(inputs: 2, outputs: 16, key: key), BatchNorm(channels: 16), ReLU(),
      Linear(inputs: 16, outputs: 16, key: key.derived(1)), ReLU(),
      Linear(inputs: 16, outputs: 3, key: key.derived(2)))
  }

  // The optimizer has trained the dense model before, so its velocity and moments pull on what is then pruned.
  @Test(arguments: optimizers.indices, [false, true]) func zerosStay(_ index: Int, adversarial: Bool) throws {
    func check(_ optimizer: some Optimizer) throws {
      let samples = Clouds(count: 60)
      var loop = TrainingLoop(epochs: 4, batchSize: 20, key: Self.key)
      if adversarial { loop.loss = SignedStep(radius: 0.05) }
      loop.penalty = L2Penalty(lambda: 1e-3)
      var state = TrainingState(model: Self.network(), optimizer: optimizer)
      try loop.run(&state, on: samples)
      try Pruner().prune(&state.model, to: 0.6)
      let (masks, zeros, before) = (state.model.masks, state.model.zeros, state.model.weightsDigest)
      let report = SparsityReport(of: state.model)
      #expect(report.rows.map { $0.count - $0.nonzeroCount }.reduce(0, +) == 202)  // 0.6 · (32 + 256 + 48)
      loop.epochs = 8
      try loop.run(&state, on: samples)
      #expect(state.model.weightsDigest != before)
      #expect(state.model.masks == masks && state.model.zeros == zeros)
      #expect(SparsityReport(of: state.model) == report)
    }
    try check(Self.optimizers[index])
  }

  // Fine-tuning must recover what pruning cost, or masked gradients would stop more than they should.
  @Test func fineTuningRecovers() throws {
    let samples = Clouds(count: 300)
    var state = TrainingState(model: Self.network(), optimizer: Adam(learningRate: 0.01))
    var loop = TrainingLoop(epochs: 15, batchSize: 20, key: Self.key)
    try loop.run(&state, on: samples)
    let dense = try state.model.evaluate(on: samples).accuracy
    try Pruner().prune(&state.model, to: 0.9)
    let pruned = try state.model.evaluate(on: samples).accuracy
    loop.epochs = 30
    try loop.run(&state, on: samples)
    let tuned = try state.model.evaluate(on: samples).accuracy
    #expect(dense > 0.9 && pruned < dense - 0.1 && tuned > dense - 0.03, "\(dense) \(pruned) \(tuned)")
  }

  // A file holds weights only; zeros become masks again on request. Permanent pruning keeps zeros until training.
  @Test func masksFromFilesAndForGood() throws {
    var model = Self.network().asTrained()
    try Pruner().prune(&model, to: 0.5)
    var loaded = Self.network()
    try loaded.load(model.weights())
    #expect(loaded.masks.isEmpty && loaded.zeros == model.zeros)
    loaded.maskZeros()
    #expect(loaded.masks == model.masks)
    loaded.removeMasks()
    #expect(loaded.masks.isEmpty && loaded.zeros == model.zeros)
    var state = TrainingState(model: loaded, optimizer: SGD(learningRate: 0.1))
    try TrainingLoop(epochs: 1, batchSize: 20, key: Self.key).run(&state, on: Clouds(count: 60))
    #expect(state.model.zeros != model.zeros)
  }

  // By hand: from 0.2 to 0.8 over 4 epochs from the second on: 0.8 − 0.6 · (1 − t/4)³.
  @Test func cubicSchedule() {
    let schedule = CubicSparsity(from: 0.2, to: 0.8, start: 1, duration: 4)
    for (time, expected) in [(Double, Double)]([
      (0, 0.2), (1, 0.2), (2, 0.8 - 0.6 * 27 / 64), (3, 0.8 - 0.6 / 8), (4, 0.8 - 0.6 / 64), (5, 0.8),
      (9, 0.8),
    ]) {
      #expect(abs(schedule.sparsity(at: time) - expected) < 1e-12)
    }
  }

  // Every epoch trains under its own sparsity, masks grow, and a run that is cut in two ends in the same bits.
  @Test func gradualPruning() throws {
    let samples = Clouds(count: 60)
    let schedule = CubicSparsity(to: 0.9, duration: 4)
    func start() -> TrainingState<Sequential, Adam> {
      TrainingState(model: Self.network().asTrained(), optimizer: Adam(learningRate: 0.01))
    }
    let loop = TrainingLoop(epochs: 6, batchSize: 20, key: Self.key)
    var whole = start()
    var sparsities: [Double] = []
    var masks = Self.network().parameters.filter { $0.parameter.value.rank > 1 }.map { _, p in
      Tensor.ones(shape: p.value.shape)
    }
    try loop.run(&whole, on: samples, pruning: Pruner(), schedule: schedule) { state in
      sparsities.append(SparsityReport(of: state.model).sparsity)
      let newer = state.model.parameters.compactMap(\.parameter.mask)
      if !newer.isEmpty {
        for (old, new) in zip(masks, newer) { #expect(new * old == new) }
        masks = newer
      }
    }
    for (epoch, sparsity) in sparsities.enumerated() {
      let wanted = (336 * schedule.sparsity(at: Double(epoch))).rounded(.toNearestOrEven) / 336
      #expect(abs(sparsity - wanted) < 1e-9)
    }
    #expect(sparsities.count == 6 && abs(sparsities[5] * 336 - 302) < 1e-9)

    var half = loop
    half.epochs = 3
    var split = start()
    try half.run(&split, on: samples, pruning: Pruner(), schedule: schedule)
    try loop.run(&split, on: samples, pruning: Pruner(), schedule: schedule)
    #expect(split.model.weightsDigest == whole.model.weightsDigest)
  }

  @Test func lotteryTickets() throws {
    let samples = Clouds(count: 60)
    let (initial, fresh) = (Self.network(), Self.network().asTrained())
    func train(_ model: inout Sequential) throws {
      var state = TrainingState(model: model, optimizer: SGD(learningRate: 0.1, momentum: 0.9))
      try TrainingLoop(epochs: 3, batchSize: 20, key: Self.key).run(&state, on: samples)
      model = state.model
    }
    var trained = initial
    try train(&trained)
    let sparsities = Pruner.sparsities(removing: 0.2, rounds: 3)
    for (sparsity, expected) in zip(sparsities, [0.2, 0.36, 0.488]) {
      #expect(abs(sparsity - expected) < 1e-12)
    }
    let rounds = try Pruner().iterate(trained, to: sparsities, rewindingTo: initial) { model, _ in
      try train(&model)
    }
    var before = trained
    for (round, sparsity) in zip(rounds, sparsities) {
      // the masks come from the trained weights of the round before, the weights from the beginning
      try Pruner().prune(&before, to: sparsity)
      #expect(round.pruned.masks == before.masks && round.trained.masks == before.masks)
      for (name, parameter) in initial.parameters {
        #expect(try round.pruned.value(name) == parameter.value * (before.masks[name] ?? Tensor(1)))
      }
      #expect(round.trained.weightsDigest != round.pruned.weightsDigest)
      before = round.trained
    }
    let control = fresh.masked(as: rounds[2].pruned)
    #expect(control.masks == rounds[2].pruned.masks)
    #expect(try control.value("1.bias") == fresh.value("1.bias"))
    // without rewinding the trained weights go on
    let tuned = try Pruner().iterate(trained, to: [0.5]) { _, _ in }
    #expect(try tuned[0].pruned.value("0.bias") == trained.value("0.bias"))
  }
}
