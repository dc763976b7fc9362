import Foundation
import NNLayers
import TensorCore
import Testing

/// The record of every step, where a run asks for one.
@Suite struct StepRecordTests {
  private static let key = RandomKey(seed: 17)
  private static let samples = Samples.clouds(count: 50)
  private static var start: TrainingState<MLP, SGD> {
    TrainingState(model: MLP(widths: [2, 8, 3], key: key), optimizer: SGD(learningRate: 0))
  }

  // At rate 0 the model stays, so each step's numbers are those of its batch under the first model: not running means,
  // not those of the epoch so far.
  @Test func eachStepSpeaksOfItsOwnBatch() throws {
    let watched = WatchedSamples(Self.samples)
    var state = Self.start
    try TrainingLoop(epochs: 2, batchSize: 16, key: Self.key).run(&state, on: watched, recordsSteps: true)
    #expect(state.history.epochs.map { $0.steps?.count } == [4, 4])
    #expect(watched.requests.count == 8 && state.history.steps.count == 8)
    for (request, step) in zip(watched.requests, state.history.steps) {
      let batch = try Self.samples.batch(at: request.indices)
      let logits = Self.start.model.logits(batch.inputs)
      let loss = logits.crossEntropy(labels: batch.labels).losses.doubleSum() / Double(batch.count)
      #expect(abs(step.loss - loss) < 1e-6)
      #expect(step.accuracy == accuracy(predictions: logits.argmax(alongAxis: 1), labels: batch.labels))
    }
    #expect(Set(state.history.steps.map(\.loss)).count == 8)
  }

  // Recorded steps go through the file; a run that does not ask for them has none and the same bits.
  @Test func stepsAreSavedOnRequest() throws {
    let url = temporaryFile("steps.training.safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    let checkpoint = TrainingCheckpoint(url: url, fingerprint: "steps", interval: 0)
    func run(epochs: Int, recordsSteps: Bool, saved: Bool) throws -> TrainingState<MLP, SGD> {
      var state = Self.start
      state.optimizer.learningRate = 0.1
      let loop = TrainingLoop(epochs: epochs, batchSize: 16, key: Self.key)
      if saved {
        try loop.run(&state, on: Self.samples, recordsSteps: recordsSteps, checkpoint: checkpoint)
      } else {
        try loop.run(&state, on: Self.samples, recordsSteps: recordsSteps)
      }
      return state
    }
    let (whole, plain) = (
      try run(epochs: 3, recordsSteps: true, saved: false),
      try run(epochs: 3, recordsSteps: false, saved: false)
    )
    #expect(plain.history.steps.isEmpty && plain.history.epochs.allSatisfy { $0.steps == nil })
    #expect(plain.model.bits == whole.model.bits)
    _ = try run(epochs: 2, recordsSteps: true, saved: true)
    let resumed = try run(epochs: 3, recordsSteps: true, saved: true)
    #expect(resumed.history.steps == whole.history.steps && whole.history.steps.count == 12)
  }
}
