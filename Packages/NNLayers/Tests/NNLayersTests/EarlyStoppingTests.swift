import Foundation
import NNLayers
import TensorCore
import Testing

/// A scripted model shows any course of validation numbers, so each rule is checked on its own.
@Suite struct EarlyStoppingTests {
  /// Ten samples of class 1 of which `tenths[e − 1]` are right after epoch e, with margins of ±1.
  private static func accuracies(_ tenths: [Int]) -> Samples {
    let rows = (0..<10).map { sample in [Float(0)] + tenths.map { sample < $0 ? 1 : -1 } }
    return Samples(inputs: Tensor(rows), labels: IntTensor([Int](repeating: 1, count: 10)), classCount: 2)
  }

  /// One sample of class 1 with these margins after each epoch: its loss is log(1 + exp(−margin)).
  private static func margins(_ margins: [Float]) -> Samples {
    Samples(inputs: Tensor([[0] + margins]), labels: IntTensor([1]), classCount: 2)
  }

  private static func loop(_ samples: Samples, _ rule: EarlyStopping?) -> TrainingLoop {
    var loop = TrainingLoop(
      epochs: samples.inputShape[0] - 1, batchSize: samples.count, key: RandomKey(seed: 1))
    loop.earlyStopping = rule
    return loop
  }

  private static func run(_ samples: Samples, _ rule: EarlyStopping?) throws -> TrainingState<Scripted, Clock>
  {
    var state = TrainingState(model: Scripted(), optimizer: Clock())
    try loop(samples, rule).run(&state, on: samples, validation: samples)
    return state
  }

  private func time(_ model: Scripted?) -> Float? { model?.time.value.item }

  // Epoch 2 is best; epochs 3 and 4 only equal it, so patience 2 ends the run after epoch 4.
  @Test func tiesKeepTheEarlierEpoch() throws {
    let state = try Self.run(
      Self.accuracies([5, 6, 6, 6, 9]), EarlyStopping(on: .validationAccuracy, patience: 2))
    #expect(state.history.epochs.map(\.validationAccuracy) == [0.5, 0.6, 0.6, 0.6])
    #expect(state.stoppedEarly && state.best?.epoch == 2)
    #expect(time(state.model) == 2)
    #expect(state.history.highestValidationAccuracy?.epoch == 2)
  }

  // Each better epoch starts the count anew: 3 is better than 1 after one bad epoch, 4 and 5 use up the patience.
  @Test func patienceStartsAnewAtEachBetterEpoch() throws {
    let state = try Self.run(
      Self.accuracies([5, 4, 6, 5, 5, 9]), EarlyStopping(on: .validationAccuracy, patience: 2))
    #expect(state.history.epochs.count == 5 && state.best?.epoch == 3 && time(state.model) == 3)
  }

  // A loss is better when it is lower.
  @Test func lossesAreWatchedDownwards() throws {
    let samples = Self.margins([0, 2, 2, 1, 3])
    let state = try Self.run(samples, EarlyStopping(on: .validationLoss, patience: 2))
    #expect(state.history.epochs.count == 4 && state.best?.epoch == 2 && time(state.model) == 2)
    #expect(state.history.lowestValidationLoss?.epoch == 2)
    #expect(abs(state.history.epochs[1].validationLoss! - log(1 + exp(-2))) < 1e-6)
  }

  @Test func lastWeightsOnRequest() throws {
    let state = try Self.run(
      Self.accuracies([5, 6, 6, 6, 9]),
      EarlyStopping(on: .validationAccuracy, patience: 2, restoresBest: false))
    #expect(time(state.model) == 4 && time(state.best?.model) == 2)
  }

  // Without patience every epoch runs, and the best weights still come back.
  @Test func withoutPatienceNothingStops() throws {
    let state = try Self.run(Self.accuracies([5, 7, 6, 6, 6, 5]), EarlyStopping(on: .validationAccuracy))
    #expect(state.history.epochs.count == 6 && !state.stoppedEarly && time(state.model) == 2)
    let plain = try Self.run(Self.accuracies([5, 7, 6, 6, 6, 5]), nil)
    #expect(plain.history.epochs.count == 6 && plain.best == nil && time(plain.model) == 6)
  }

  // The clock counts in place: a best model that shared memory with the training one would count on.
  @Test func bestWeightsAreACopy() throws {
    var state = TrainingState(model: Scripted(), optimizer: Clock())
    let samples = Self.accuracies([5, 6, 5, 5])
    var times: [[Float?]] = []
    try Self.loop(samples, EarlyStopping(on: .validationAccuracy)).run(
      &state, on: samples, validation: samples
    ) {
      times.append([time($0.model), time($0.best?.model)])
    }
    #expect(times == [[1, 1], [2, 2], [3, 2], [4, 2]])
  }

  // The same with weights that an optimizer updates in one pass over memory.
  @Test(arguments: [false, true]) func restoredWeightsDifferFromTheLastOnes(adam: Bool) throws {
    func check(_ optimizer: some Optimizer) throws {
      let samples = Samples.clouds(count: 30)
      var state = TrainingState(model: MLP(widths: [2, 6, 3], key: RandomKey(seed: 2)), optimizer: optimizer)
      var loop = TrainingLoop(epochs: 8, batchSize: 10, key: RandomKey(seed: 3))
      loop.earlyStopping = EarlyStopping(on: .validationAccuracy)
      var models: [MLP] = []
      try loop.run(&state, on: samples, validation: samples) { models.append($0.model) }
      let best = try #require(state.best?.epoch)
      #expect(best < 8)
      #expect(state.model.bits == models[best - 1].bits && state.model.bits != models[7].bits)
      let judged = try state.model.evaluate(on: samples)
      #expect(judged.accuracy == state.history.epochs[best - 1].validationAccuracy)
    }
    // rates that overshoot, so that the last epoch is not the best
    try adam ? check(Adam(learningRate: 1)) : check(SGD(learningRate: 8, momentum: 0.9))
  }

  // A run that goes on from what the callback saw counts its patience from there.
  @Test(arguments: 1...3) func patienceSurvivesAPause(stop: Int) throws {
    struct Stop: Error {}
    let samples = Self.accuracies([5, 6, 6, 6, 9, 9])
    let loop = Self.loop(samples, EarlyStopping(on: .validationAccuracy, patience: 2))
    var state = TrainingState(model: Scripted(), optimizer: Clock())
    #expect(throws: Stop.self) {
      try loop.run(&state, on: samples, validation: samples) {
        if $0.history.epochs.count == stop { throw Stop() }
      }
    }
    try loop.run(&state, on: samples, validation: samples)
    #expect(state.history.epochs.count == 4 && state.best?.epoch == 2 && time(state.model) == 2)
    // and a finished run stays finished
    try loop.run(&state, on: samples, validation: samples)
    #expect(state.history.epochs.count == 4 && time(state.model) == 2)
  }

  @Test func impossibleRulesAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = EarlyStopping(on: .validationLoss, patience: 0) }
    await #expect(processExitsWith: .failure) {
      let samples = EarlyStoppingTests.accuracies([5])
      var state = TrainingState(model: Scripted(), optimizer: Clock())
      try EarlyStoppingTests.loop(samples, EarlyStopping(on: .validationLoss)).run(&state, on: samples)
    }
  }
}
