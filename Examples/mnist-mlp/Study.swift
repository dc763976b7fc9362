import Datasets
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// The data, the settings, and the one way in which all networks of the document are trained.
final class Study {
  let data: DigitData
  let options: ProgramOptions
  let plan: Plan
  let classNames = (0..<10).map(String.init)
  let test: LabeledImages
  private let training: LabeledImages
  /// Seconds spent in training steps, those of resumed runs included.
  private(set) var seconds = 0.0

  init(_ data: DigitData, _ options: ProgramOptions, _ plan: Plan) {
    self.data = data
    self.options = options
    self.plan = plan
    training = data.train.flattened
    test = data.test.flattened
  }

  /// Which images a run learns from and is judged by.
  enum Selection: String {
    /// All training images; each epoch is judged on the test set, as in the document.
    case document
    /// Nine tenths of the training images; each epoch is judged on the last tenth, stratified.
    case sound
  }

  /// A trained network, with the weights of its lowest judged loss.
  struct Run {
    let widths: [Int]
    let lambda: Float
    let history: TrainingHistory
    /// The weights after the last epoch.
    let last: MLP
    /// The weights after the epoch with the lowest judged loss.
    let best: MLP

    var lowestLoss: EpochRecord {
      guard let record = history.lowestValidationLoss else { preconditionFailure("a run without epochs") }
      return record
    }
    var highestAccuracy: EpochRecord {
      guard let record = history.highestValidationAccuracy else {
        preconditionFailure("a run without epochs")
      }
      return record
    }
  }

  /// Trains a network, or reads it from its checkpoint.
  ///
  /// - Parameter repetition: runs of the same number share weights' key, order of images and nothing else, so that
  ///   families can be compared in pairs.
  func train(
    _ widths: [Int], lambda: Float = 0, epochs: Int, repetition: Int = 0, by selection: Selection = .document
  ) throws -> Run {
    let key = RandomKey(seed: options.seed).derived("mlp").derived(repetition)
    var loop = TrainingLoop(epochs: epochs, batchSize: 200, key: key)
    loop.penalty = lambda > 0 ? L2Penalty(lambda: lambda) : nil
    loop.earlyStopping = EarlyStopping(on: .validationLoss, restoresBest: false)
    var state = TrainingState(
      model: MLP(widths: widths, key: key.derived("weights")), optimizer: Adam(learningRate: 5e-4))
    let shape = widths.map(String.init).joined(separator: "-")
    let name = "\(shape)_lambda-\(lambda)_\(epochs)-epochs_\(selection.rawValue)_run-\(repetition)"
    let checkpoint = options.checkpoint(
      name, fingerprint: data.fingerprint(loop, state.optimizer, network: name))
    let label = "\(shape), lambda \(lambda), \(selection.rawValue) protocol, run \(repetition)"
    switch selection {
    case .document:
      try loop.run(label, &state, on: training, validation: test, checkpoint: checkpoint)
    case .sound:
      let parts = try training.split(holdingOut: 0.1, key: RandomKey(seed: options.seed).derived("held-out"))
      try loop.run(label, &state, on: parts.kept, validation: parts.heldOut, checkpoint: checkpoint)
    }
    seconds += state.history.seconds
    return Run(
      widths: widths, lambda: lambda, history: state.history, last: state.model,
      best: state.best?.model ?? state.model)
  }

  /// `784-512-10`.
  static func name(_ widths: [Int]) -> String { widths.map(String.init).joined(separator: "-") }
}
