import Datasets
import Foundation
import NNLayers
import TensorCore
import Testing

/// Runs a body with a folder of its own, which is then removed.
func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rampart-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder)
}

/// A small training run that everything takes part in: drawn digits, a perceptron, a penalty, Adam.
struct SmallRun {
  let training: LabeledImages
  let test: LabeledImages
  var loop: TrainingLoop

  init(epochs: Int = 3) {
    let key = RandomKey(seed: 61)
    training = SyntheticDigits.images(count: 600, key: key.derived("train")).flattened
    test = SyntheticDigits.images(count: 300, key: key.derived("test")).flattened
    loop = TrainingLoop(epochs: epochs, batchSize: 150, key: key)
    loop.penalty = L2Penalty(lambda: 1e-5)
    loop.earlyStopping = EarlyStopping(on: .validationAccuracy, restoresBest: false)
  }

  var start: TrainingState<MLP, Adam> {
    TrainingState(
      model: MLP(widths: [784, 256, 64, 10], key: loop.key.derived("weights")),
      optimizer: Adam(learningRate: 2e-3))
  }

  func trained() throws -> TrainingState<MLP, Adam> {
    var state = start
    try loop.run(&state, on: training, validation: test)
    return state
  }

  /// Trains with a checkpoint file, from it where it holds this run.
  func trained(
    from checkpoint: URL, afterStep: ((_ epoch: Int, _ step: Int, _ steps: Int) throws -> Void)? = nil
  ) throws -> TrainingState<MLP, Adam> {
    var state = start
    try loop.run(
      &state, on: training, validation: test,
      checkpoint: TrainingCheckpoint(url: checkpoint, fingerprint: "small run", interval: 0),
      afterStep: afterStep)
    return state
  }
}
