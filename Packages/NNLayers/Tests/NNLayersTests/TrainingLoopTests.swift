import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct TrainingLoopTests {
  private static let key = RandomKey(seed: 42)
  private static func network() -> Sequential {
    let key = key.derived("model")
    return Sequential(
      Linear(inputs: 2, outputs: 8, key: key.derived(0)), Noise(deviation: 0.1), ReLU(),
      Linear(inputs: 8, outputs: 3, key: key.derived(3)))
  }
  private static let samples = Samples.clouds(count: 50)

  private struct Stop: Error {}

  // The three clouds lie two to three deviations from the borders between them; an untrained network knows a third.
  @Test(arguments: [false, true]) func learns(adam: Bool) throws {
    let loop = TrainingLoop(epochs: 30, batchSize: 16, key: Self.key)
    let (training, validation) = (Samples.clouds(count: 150), Samples.clouds(count: 90, seed: 12))
    func run(_ optimizer: some Optimizer) throws -> TrainingHistory {
      var state = TrainingState(model: MLP(widths: [2, 16, 3], key: Self.key), optimizer: optimizer)
      try loop.run(&state, on: training, validation: validation)
      return state.history
    }
    let history = try adam ? run(Adam(learningRate: 0.02)) : run(SGD(learningRate: 0.1, momentum: 0.9))
    #expect(history.epochs.count == 30)
    let last = try #require(history.epochs.last)
    #expect(last.validationAccuracy! > 0.88 && last.trainingAccuracy > 0.88)
    #expect(last.trainingLoss < history.epochs[0].trainingLoss / 2)
    #expect(last.validationClassAccuracies?.count == 3)
    #expect(history.epochs.map(\.epoch) == Array(1...30))
  }

  // Everything that may carry time from one epoch to the next: momentum, moments, the schedule, decay, noise.
  private static func fullLoop(epochs: Int) -> TrainingLoop {
    var loop = TrainingLoop(epochs: epochs, batchSize: 8, key: key.derived("loop"))
    loop.schedule = LinearWarmUp(duration: 2, start: 0.1, then: CosineAnnealing(period: 4, minimum: 1e-3))
    loop.updatesRateEveryStep = true
    loop.penalty = L2Penalty(lambda: 1e-3)
    loop.gradientNormLimit = 0.5
    loop.loss = CrossEntropy(labelSmoothing: 0.1)
    return loop
  }

  private static func trained(_ optimizer: some Optimizer, epochs: Int = 6) throws -> TrainingState<
    Sequential, some Optimizer
  > {
    var state = TrainingState(model: network(), optimizer: optimizer)
    try fullLoop(epochs: epochs).run(&state, on: samples, validation: samples)
    return state
  }

  @Test func sameSeedSameBits() throws {
    let (a, b) = (try Self.trained(Adam(learningRate: 0.02)), try Self.trained(Adam(learningRate: 0.02)))
    #expect(a.model.bits == b.model.bits)
    #expect(a.history.numbers == b.history.numbers)
  }

  // Batches prepared in the background, late or early, are the same ones; an error still names its step.
  @Test(arguments: [1, 3]) func prefetchingLeavesTheBitsAlone(ahead: Int) throws {
    var loop = Self.fullLoop(epochs: 3)
    loop.prefetchedBatches = ahead
    var state = TrainingState(model: Self.network(), optimizer: Adam(learningRate: 0.02))
    try loop.run(&state, on: Self.samples)
    #expect(try state.model.bits == Self.trained(Adam(learningRate: 0.02), epochs: 3).model.bits)

    var diverging = TrainingState(model: Self.network(), optimizer: SGD(learningRate: 1e30))
    var short = TrainingLoop(epochs: 3, batchSize: 25, key: Self.key)
    short.prefetchedBatches = ahead
    let error = try #require(throws: InputError.self) { try short.run(&diverging, on: Self.samples) }
    #expect(error.subject.contains("epoch 1, step 2"))
  }

  // Another key gives another order and other noise, from the same start.
  @Test func otherKeyOtherBits() throws {
    var loop = Self.fullLoop(epochs: 2)
    loop.key = RandomKey(seed: 43)
    var state = TrainingState(model: Self.network(), optimizer: SGD(learningRate: 0.1))
    try loop.run(&state, on: Self.samples)
    #expect(try state.model.bits != Self.trained(SGD(learningRate: 0.1), epochs: 2).model.bits)
  }

  private static let optimizers: [any Optimizer] = [
    SGD(learningRate: 0.1, momentum: 0.9, nesterov: true, coupledDecay: 1e-3), Adam(learningRate: 0.02),
    Adam(learningRate: 0.02, decoupledDecay: 0.01),
  ]

  // After any epoch, by reaching a shorter run's end or by an error in the callback, with a fresh optimizer that gets
  // nothing but the saved state: each must give the weights and the history of the uninterrupted run.
  @Test(arguments: optimizers.indices, [1, 2, 5]) func continuingGivesTheSameBits(_ index: Int, stop: Int)
    throws
  {
    func check(_ optimizer: some Optimizer) throws {
      let whole = try Self.trained(optimizer)
      var paused = TrainingState(model: Self.network(), optimizer: optimizer)
      try Self.fullLoop(epochs: stop).run(&paused, on: Self.samples, validation: Self.samples)
      var interrupted = TrainingState(model: Self.network(), optimizer: optimizer)
      #expect(throws: Stop.self) {
        try Self.fullLoop(epochs: 6).run(&interrupted, on: Self.samples, validation: Self.samples) { state in
          if state.history.epochs.count == stop { throw Stop() }
        }
      }
      for saved in [paused, interrupted] {
        var fresh = optimizer
        fresh.state = saved.optimizer.state
        var resumed = TrainingState(model: saved.model, optimizer: fresh)
        resumed.history = saved.history
        try Self.fullLoop(epochs: 6).run(&resumed, on: Self.samples, validation: Self.samples)
        #expect(resumed.model.bits == whole.model.bits)
        #expect(resumed.history.numbers == whole.history.numbers)
      }
    }
    try check(Self.optimizers[index])
  }

  // The bits may not depend on how the work was shared; sizes are such that every kernel is cut into several tasks.
  @Test func threadsLeaveTheBitsAlone() async {
    await #expect(processExitsWith: .success) {
      func digest(threads: Int) throws -> String {
        ThreadPool.threadCount = threads
        let key = RandomKey(seed: 5)
        let samples = Samples.clouds(count: 640, features: 784)
        var state = TrainingState(
          model: MLP(widths: [784, 256, 10], key: key), optimizer: Adam(learningRate: 1e-3))
        var loop = TrainingLoop(epochs: 1, batchSize: 160, key: key)
        loop.penalty = L2Penalty(lambda: 1e-4)
        loop.gradientNormLimit = 1
        try loop.run(&state, on: samples)
        var hash = SHA256()
        for (_, parameter) in state.model.parameters { hash.update(parameter.value) }
        return hash.hexadecimal
      }
      let one = try digest(threads: 1)
      #expect(one.count == 64)
      for threads in [2, 4, 8] { #expect(try digest(threads: threads) == one, "\(threads) threads") }
      #expect(try digest(threads: 1) == one)
    }
  }

  @Test func everySampleOncePerEpochInANewOrder() throws {
    let watched = WatchedSamples(Self.samples)
    var state = TrainingState(model: MLP(widths: [2, 3], key: Self.key), optimizer: SGD(learningRate: 0.1))
    var steps: [[Int]] = []
    try TrainingLoop(epochs: 2, batchSize: 16, key: Self.key)
      .run(&state, on: watched, afterStep: { steps.append([$0, $1, $2]) })
    let requests = watched.requests
    #expect(requests.map(\.epoch) == [0, 0, 0, 0, 1, 1, 1, 1])
    #expect(requests.map(\.indices.count) == [16, 16, 16, 2, 16, 16, 16, 2])
    #expect(
      steps == [
        [1, 1, 4], [1, 2, 4], [1, 3, 4], [1, 4, 4], [2, 1, 4], [2, 2, 4], [2, 3, 4], [2, 4, 4],
      ])
    let (first, second) = (requests[0..<4].flatMap(\.indices), requests[4..<8].flatMap(\.indices))
    #expect(first.sorted() == Array(0..<50) && second.sorted() == Array(0..<50))
    #expect(first != second && first != Array(0..<50))
  }

  @Test func partialBatchIsDroppedOnRequest() throws {
    let watched = WatchedSamples(Self.samples)
    var state = TrainingState(model: MLP(widths: [2, 3], key: Self.key), optimizer: SGD(learningRate: 0.1))
    var loop = TrainingLoop(epochs: 1, batchSize: 16, key: Self.key)
    loop.dropsPartialBatch = true
    try loop.run(&state, on: watched)
    #expect(watched.requests.map(\.indices.count) == [16, 16, 16])
  }

  // At rate 0 the model stays, so the epoch's loss and accuracy are those of the evaluation however the samples were
  // batched; a mean of batch means would give the last two samples the weight of sixteen.
  @Test func trainingLossIsAMeanOverSamples() throws {
    var state = TrainingState(model: MLP(widths: [2, 8, 3], key: Self.key), optimizer: SGD(learningRate: 0))
    try TrainingLoop(epochs: 1, batchSize: 16, key: Self.key).run(
      &state, on: Self.samples, validation: Self.samples)
    let record = try #require(state.history.epochs.first)
    #expect(abs(record.trainingLoss - record.validationLoss!) < 1e-6)
    #expect(record.trainingAccuracy == record.validationAccuracy)
    #expect(record.penalty == 0 && record.largestGradientNorm == nil)
  }

  // The penalty is no part of the training loss, but stands beside it; it takes part in the norm that is clipped.
  @Test func penaltyStandsBesideTheLoss() throws {
    func record(_ penalty: L2Penalty?) throws -> EpochRecord {
      let model = MLP(widths: [2, 8, 3], key: Self.key)
      var state = TrainingState(model: model, optimizer: SGD(learningRate: 0))
      var loop = TrainingLoop(epochs: 1, batchSize: 50, key: Self.key)
      loop.penalty = penalty
      loop.gradientNormLimit = 1e9
      try loop.run(&state, on: Self.samples)
      return try #require(state.history.epochs.first)
    }
    let (without, with) = (try record(nil), try record(L2Penalty(lambda: 10)))
    #expect(without.trainingLoss == with.trainingLoss && without.penalty == 0)
    let weights = MLP(widths: [2, 8, 3], key: Self.key).parameters.filter { $0.parameter.value.rank == 2 }
    let sum = weights.reduce(0) { $0 + $1.parameter.value.sumOfSquares() }
    #expect(abs(with.penalty - 10 * sum) < 1e-9 * sum)
    #expect(with.largestGradientNorm! > 2 * without.largestGradientNorm!)
  }

  @Test func gradientNormLimit() throws {
    func norms(_ limit: Double?) throws -> (norms: [Double], record: EpochRecord) {
      var state = TrainingState(
        model: MLP(widths: [2, 3], key: Self.key), optimizer: SignDescent(learningRate: 1e-3))
      var loop = TrainingLoop(epochs: 1, batchSize: 10, key: Self.key)
      loop.gradientNormLimit = limit
      try loop.run(&state, on: Self.samples)
      return (state.optimizer.norms, try #require(state.history.epochs.first))
    }
    let (free, _) = try norms(nil)
    let (limited, record) = try norms(0.05)
    #expect(free.allSatisfy { $0 > 0.05 } && limited.allSatisfy { $0 <= 0.05 && $0 > 0.0499 })
    // SignDescent ignores lengths, so both runs met the same gradients
    #expect(abs(record.largestGradientNorm! - free.max()!) < 1e-6)
  }

  // Two warm-up epochs of two steps each, then stairs: asked before every epoch, or before every step.
  @Test(arguments: [
    (false, [Float(0.0), 0, 0.5, 0.5, 1, 1, 0.25, 0.25]),
    (true, [Float(0.0), 0.25, 0.5, 0.75, 1, 1, 0.25, 0.25]),
  ]) func scheduleByEpochOrStep(everyStep: Bool, expected: [Float]) throws {
    var state = TrainingState(
      model: MLP(widths: [2, 3], key: Self.key), optimizer: SignDescent(learningRate: 0.5))
    var loop = TrainingLoop(epochs: 4, batchSize: 25, key: Self.key)
    loop.schedule = LinearWarmUp(duration: 2, then: StepDecay(interval: 1, factor: 0.25))
    loop.updatesRateEveryStep = everyStep
    try loop.run(&state, on: Self.samples)
    #expect(state.optimizer.rates == expected.map { 0.5 * $0 })
    // the base stays for a run that goes on
    #expect(state.optimizer.learningRate == 0.5)
    #expect(state.history.epochs.map(\.learningRate) == [0, 0.25, 0.5, 0.125])
  }

  // Steps differ in their keys; what is trained on is what comes back.
  @Test func transformReplacesTheBatch() throws {
    let keys = KeyCollection()
    var state = TrainingState(model: MLP(widths: [2, 3], key: Self.key), optimizer: SGD(learningRate: 0.1))
    let before = state.model.bits
    var loop = TrainingLoop(epochs: 2, batchSize: 25, key: Self.key)
    loop.transform = { model, batch, key in
      keys.append(key)
      #expect(model.parameters.allSatisfy { $0.parameter.variable.isConstant })
      return Batch(inputs: .zeros(shape: batch.inputs.shape), labels: batch.labels, indices: batch.indices)
    }
    try loop.run(&state, on: Self.samples)
    #expect(Set(keys.all).count == 4)
    // inputs of zero have no weight gradient
    #expect(
      state.model.bits["0.weight"] == before["0.weight"] && state.model.bits["0.bias"] != before["0.bias"])
  }

  // Targets that name the next class are learned as labels of the next class would be, while accuracy counts the labels.
  @Test func targetsReplaceLabelsInTheLoss() throws {
    func run(_ change: @escaping @Sendable (Batch, IntTensor) -> Batch) throws -> EpochRecord {
      var state = TrainingState(
        model: MLP(widths: [2, 16, 3], key: Self.key), optimizer: SGD(learningRate: 0.1, momentum: 0.9))
      var loop = TrainingLoop(epochs: 20, batchSize: 10, key: Self.key)
      loop.transform = { _, batch, _ in
        change(batch, IntTensor((0..<batch.count).map { (batch.labels[$0] + 1) % 3 }))
      }
      try loop.run(&state, on: Self.samples)
      return try #require(state.history.epochs.last)
    }
    let byLabels = try run { Batch(inputs: $0.inputs, labels: $1, indices: $0.indices) }
    let byTargets = try run {
      Batch(
        inputs: $0.inputs, labels: $0.labels, indices: $0.indices, targets: .oneHot($1, classes: 3))
    }
    #expect(abs(byTargets.trainingLoss - byLabels.trainingLoss) < 1e-3)
    #expect(byLabels.trainingAccuracy > 0.8 && byTargets.trainingAccuracy < 0.2)
  }

  // The rate throws the weights to 1e30 in the first step, so the second loss overflows.
  @Test func lossThatIsNotFiniteNamesEpochAndStep() throws {
    var state = TrainingState(
      model: MLP(widths: [2, 8, 3], key: Self.key), optimizer: SGD(learningRate: 1e30))
    let loop = TrainingLoop(epochs: 3, batchSize: 50, key: Self.key)
    let error = try #require(throws: InputError.self) { try loop.run(&state, on: Self.samples) }
    #expect(error.kind == .outOfRange && error.subject.contains("epoch 2, step 1"))
    #expect(state.history.epochs.count == 1)
    #expect(state.optimizer.learningRate == 1e30)

    var other = TrainingState(
      model: MLP(widths: [2, 8, 3], key: Self.key), optimizer: SGD(learningRate: 1e30))
    let second = try #require(throws: InputError.self) {
      try TrainingLoop(epochs: 3, batchSize: 25, key: Self.key).run(&other, on: Self.samples)
    }
    #expect(second.subject.contains("epoch 1, step 2") && other.history.epochs.isEmpty)
  }

  // D0.26: a softmax at the model's end is found before the first step, the weights as they were.
  @Test func modelsThatAnswerWithProbabilitiesAreRefused() throws {
    let model = Sequential(Linear(inputs: 2, outputs: 3, key: Self.key), Softmax())
    var state = TrainingState(model: model, optimizer: SGD(learningRate: 0.1))
    let error = try #require(throws: InputError.self) {
      try TrainingLoop(epochs: 1, batchSize: 10, key: Self.key).run(&state, on: Self.samples)
    }
    #expect(error.kind == .outOfRange && "\(error)".contains("probabilities"))
    #expect(state.model.bits == model.bits && state.history.epochs.isEmpty)
  }

  @Test func errorsOfSourceAndStepCallbackPass() throws {
    var broken = Self.samples
    broken.failure = InputError(.damaged, "sample 7", expected: "an image", found: "noise")
    var state = TrainingState(model: MLP(widths: [2, 3], key: Self.key), optimizer: SGD(learningRate: 0.1))
    var loop = TrainingLoop(epochs: 1, batchSize: 10, key: Self.key)
    loop.schedule = LinearWarmUp(duration: 1, start: 0.5)
    #expect(throws: InputError.self) { try loop.run(&state, on: broken) }
    #expect(throws: Stop.self) {
      try loop.run(&state, on: Self.samples, afterStep: { _, step, _ in if step == 3 { throw Stop() } })
    }
    #expect(state.history.epochs.isEmpty)
    // the schedule's rate must not stay as the base of a next attempt
    #expect(state.optimizer.learningRate == 0.1)
  }

  @Test func outsideLayerAndOptimizerLearn() throws {
    let model = Sequential(Scale(features: 2), Linear(inputs: 2, outputs: 3, key: Self.key))
    var state = TrainingState(model: model, optimizer: SignDescent(learningRate: 0.02))
    try TrainingLoop(epochs: 15, batchSize: 10, key: Self.key).run(&state, on: Self.samples)
    #expect(try state.model.value("0.factor") != .ones(shape: [2]))
    #expect(try #require(state.history.epochs.last).trainingAccuracy > 0.88)
    #expect(state.optimizer.state.stepCount == 75)
  }

  @Test func historySurvivesJSON() throws {
    let history = try Self.trained(SGD(learningRate: 0.1), epochs: 2).history
    #expect(try JSONDecoder().decode(TrainingHistory.self, from: JSONEncoder().encode(history)) == history)
  }

  @Test func emptyBatchesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = TrainingLoop(epochs: 1, batchSize: 0, key: RandomKey(seed: 1))
    }
    await #expect(processExitsWith: .failure) {
      _ = TrainingLoop(epochs: -1, batchSize: 1, key: RandomKey(seed: 1))
    }
  }
}

/// Collects the keys that a transform was given.
private final class KeyCollection: @unchecked Sendable {
  var all: [RandomKey] = []
  func append(_ key: RandomKey) { all.append(key) }
}
