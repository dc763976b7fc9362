import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct TrainingCheckpointTests {
  /// A run whose every part carries something from epoch to epoch.
  struct Run<Updater: Optimizer> {
    var optimizer: Updater
    var loop: TrainingLoop
    let training = Samples.clouds(count: 40)
    let validation = Samples.clouds(count: 30, seed: 12)

    init(_ optimizer: Updater, epochs: Int = 6) {
      self.optimizer = optimizer
      loop = TrainingLoop(epochs: epochs, batchSize: 8, key: RandomKey(seed: 6))
      loop.schedule = CosineAnnealing(period: 6)
      loop.earlyStopping = EarlyStopping(on: .validationAccuracy, restoresBest: false)
    }

    var start: TrainingState<MLP, Updater> {
      TrainingState(model: MLP(widths: [2, 6, 3], key: RandomKey(seed: 5)), optimizer: optimizer)
    }

    func uninterrupted() throws -> TrainingState<MLP, Updater> {
      var state = start
      try loop.run(&state, on: training, validation: validation)
      return state
    }

    /// A run with a file that ends, as by `kill -9`, within epoch 4, after its second step.
    func killed(_ checkpoint: TrainingCheckpoint) throws {
      var state = start
      try loop.run(
        &state, on: training, validation: validation, checkpoint: checkpoint,
        afterStep: { epoch, step, _ in if epoch == 4 && step == 2 { kill(getpid(), SIGKILL) } })
    }

    func continued(_ checkpoint: TrainingCheckpoint) throws -> TrainingState<MLP, Updater> {
      var state = start
      var epochs: [Int] = []
      try loop.run(
        &state, on: training, validation: validation, checkpoint: checkpoint,
        afterEpoch: { epochs.append($0.history.epochs.count) })
      #expect(epochs == [4, 5, 6])
      return state
    }
  }

  private static func checkpoint(_ path: String, fingerprint: String = "run 1") -> TrainingCheckpoint {
    TrainingCheckpoint(url: URL(fileURLWithPath: path), fingerprint: fingerprint, interval: 0)
  }

  private func withFile<Result>(_ body: (String) async throws -> Result) async rethrows -> Result {
    let url = temporaryFile("mlp.training.safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(url.path)
  }

  // Whatever a state needs and the file lacks (a velocity, a moment, the step count, the best weights, the epoch) shows
  // as other bits.
  @Test func killedRunsContinueBitForBit() async throws {
    try await withFile { path in
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
        try Run(SGD(learningRate: 0.1, momentum: 0.9)).killed(TrainingCheckpointTests.checkpoint(path))
      }
      try check(Run(SGD(learningRate: 0.1, momentum: 0.9)), path)
    }
    try await withFile { path in
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
        try Run(Adam(learningRate: 0.05, decoupledDecay: 0.01)).killed(
          TrainingCheckpointTests.checkpoint(path))
      }
      try check(Run(Adam(learningRate: 0.05, decoupledDecay: 0.01)), path)
    }
  }

  private func check(_ run: Run<some Optimizer>, _ path: String) throws {
    let (resumed, whole) = (try run.continued(Self.checkpoint(path)), try run.uninterrupted())
    #expect(resumed.model.weightsDigest == whole.model.weightsDigest)
    #expect(resumed.history.numbers == whole.history.numbers)
    #expect(resumed.best?.epoch == whole.best?.epoch)
    #expect(resumed.best?.model.weightsDigest == whole.best?.model.weightsDigest)
    #expect(resumed.optimizer.state.stepCount == 30)
  }

  // A finished run is only read; one that early stopping ended stays ended, with its best weights.
  @Test func finishedRunsAreOnlyRead() async throws {
    try await withFile { path in
      // margins of a sample of class 1, best in epoch 2, and of one of class 0
      let samples = Samples(
        inputs: Tensor([[0, 1, 2, 1, 1, 3], [0, -1, -1, -1, -1, -1]]), labels: IntTensor([1, 0]),
        classCount: 2)
      var loop = TrainingLoop(epochs: 5, batchSize: 2, key: RandomKey(seed: 1))
      loop.earlyStopping = EarlyStopping(on: .validationLoss, patience: 2)
      var first = TrainingState(model: Scripted(), optimizer: Clock())
      try loop.run(&first, on: samples, validation: samples, checkpoint: Self.checkpoint(path))
      let watched = WatchedSamples(samples)
      var second = TrainingState(model: Scripted(), optimizer: Clock())
      try loop.run(&second, on: watched, validation: watched, checkpoint: Self.checkpoint(path))
      #expect(watched.requests.isEmpty && second.stoppedEarly)
      #expect(second.history == first.history && second.history.epochs.count == 4)
      #expect(second.model.time.value.item == 2 && second.best?.epoch == 2)
    }
  }

  @Test func anotherRunsFileIsNotContinued() async throws {
    try await withFile { path in
      let run = Run(SGD(learningRate: 0.1), epochs: 2)
      try Self.checkpoint(path).save(run.uninterrupted())
      var state = run.start
      #expect(try !Self.checkpoint(path, fingerprint: "run 2").restore(&state))
      #expect(state.model.bits == run.start.model.bits && state.history.epochs.isEmpty)
      #expect(try !Self.checkpoint(path + ".absent").restore(&state))
    }
  }

  // The interval saves time, not the result: the end of a run is saved whatever it is.
  @Test func theEndIsAlwaysSaved() async throws {
    try await withFile { path in
      let run = Run(SGD(learningRate: 0.1), epochs: 3)
      var state = run.start
      var checkpoint = Self.checkpoint(path)
      checkpoint.interval = 3600
      var present: [Bool] = []
      try run.loop.run(
        &state, on: run.training, validation: run.validation, checkpoint: checkpoint,
        afterEpoch: { _ in present.append(FileManager.default.fileExists(atPath: path)) })
      #expect(present == [false, false, true])
    }
  }

  // A class without validation samples has no accuracy: NaN, which JSON has no number for.
  @Test func historiesWithNaN() async throws {
    try await withFile { path in
      var state = TrainingState(
        model: MLP(widths: [2, 3], key: RandomKey(seed: 5)), optimizer: SGD(learningRate: 0.1))
      let samples = Samples.clouds(count: 12)
      let twoClasses = Samples(
        inputs: samples.inputs[rows: 0..<2], labels: samples.labels[rows: 0..<2], classCount: 3)
      try TrainingLoop(epochs: 1, batchSize: 4, key: RandomKey(seed: 6))
        .run(&state, on: samples, validation: twoClasses, checkpoint: Self.checkpoint(path))
      var restored = TrainingState(model: state.model, optimizer: SGD(learningRate: 0.1))
      #expect(try Self.checkpoint(path).restore(&restored))
      let accuracies = try #require(restored.history.epochs.first?.validationClassAccuracies)
      #expect(
        accuracies[2].isNaN
          && accuracies.prefix(2) == state.history.epochs[0].validationClassAccuracies!.prefix(2))
    }
  }

  // Cut short anywhere, the file is refused, and the state stays as it was.
  @Test func damagedFilesAreRefused() async throws {
    try await withFile { path in
      let run = Run(Adam(), epochs: 2)
      let checkpoint = Self.checkpoint(path)
      try checkpoint.save(run.uninterrupted())
      let whole = try Data(contentsOf: checkpoint.url)
      let lengths = Array(0..<10) + Array(stride(from: 10, to: whole.count, by: 61)) + [whole.count - 1]
      for length in lengths {
        try whole.prefix(length).write(to: checkpoint.url)
        var state = run.start
        #expect(throws: InputError.self) { _ = try checkpoint.restore(&state) }
        #expect(state.model.bits == run.start.model.bits)
      }
    }
  }

  // Metadata that contradict the rest: an epoch that the history has not would be an index out of range later.
  @Test(arguments: [
    ("best_epoch", "9"), ("best_epoch", "0"), ("best_epoch", "x"), ("step_count", "-"), ("history", "{"),
  ])
  func contradictionsAreRefused(key: String, value: String) async throws {
    try await withFile { path in
      let run = Run(Adam(), epochs: 2)
      let checkpoint = Self.checkpoint(path)
      try checkpoint.save(run.uninterrupted())
      var file = try SafeTensors(contentsOf: checkpoint.url)
      #expect(file.metadata[key] != nil)
      file.metadata[key] = value
      try file.write(to: checkpoint.url)
      var state = run.start
      let error = try #require(throws: InputError.self) { _ = try checkpoint.restore(&state) }
      #expect(error.kind == .damaged)
    }
  }

  @Test func anotherModelsFileIsRefused() async throws {
    try await withFile { path in
      try Self.checkpoint(path).save(Run(Adam(), epochs: 2).uninterrupted())
      var state = TrainingState(model: MLP(widths: [2, 7, 3], key: RandomKey(seed: 5)), optimizer: Adam())
      let error = try #require(throws: InputError.self) { _ = try Self.checkpoint(path).restore(&state) }
      #expect(error.kind == .mismatch)
    }
  }
}
