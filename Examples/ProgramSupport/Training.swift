import Foundation
import NNLayers
import Reporting
import TensorCore

extension TrainingLoop {
  /// Trains with a progress line, from the checkpoint where it holds this run; `recordsSteps` as in the loop itself.
  public func run<Model: Layer, Updater: Optimizer>(
    _ label: String, _ state: inout TrainingState<Model, Updater>, on training: some BatchSource,
    validation: (any BatchSource)? = nil, recordsSteps: Bool = false, checkpoint: TrainingCheckpoint
  ) throws {
    let steps = (training.count + batchSize - 1) / batchSize
    let progress = ProgressLine(label, total: epochs * steps, unit: "steps")
    // a continued run begins in the middle
    var done = 0
    try run(
      &state, on: training, validation: validation, recordsSteps: recordsSteps, checkpoint: checkpoint,
      afterStep: { epoch, step, steps in
        let reached = (epoch - 1) * steps + step
        progress.advance(by: reached - done)
        done = reached
      })
    let last = state.history.epochs.last
    progress.finish(last.map { "loss \(Table.Cell.number($0.trainingLoss, decimals: 4).text)" })
  }
}

extension ReportFolder {
  /// Writes loss, accuracy and learning rate of each epoch, and recorded steps, to `tensorboard/<name>/`, in place of an earlier run's.
  public func logToTensorBoard(_ history: TrainingHistory, name: String) throws {
    let folder = fileURL("tensorboard/\(name)")
    try? FileManager.default.removeItem(at: folder)
    let writer = try TensorBoardWriter(folder: folder)
    for record in history.epochs {
      var scalars: [(tag: String, value: Double?)] = [
        ("loss/train", record.trainingLoss), ("accuracy/train", record.trainingAccuracy),
        ("learning_rate", record.learningRate),
      ]
      scalars += [
        ("loss/validation", record.validationLoss), ("accuracy/validation", record.validationAccuracy),
      ]
      for (tag, value) in scalars {
        if let value { try writer.addScalar(tag, Float(value), step: record.epoch) }
      }
    }
    for (place, step) in history.steps.enumerated() {
      try writer.addScalar("loss/step", Float(step.loss), step: place + 1)
      try writer.addScalar("accuracy/step", Float(step.accuracy), step: place + 1)
    }
    try writer.close()
  }
}
