import Attacks
import Datasets
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// How the network is trained: as the document's numbers came about, or as its text says.
enum Variant: String {
  /// The norm of each step's gradients is at most 1, as in the code behind the document.
  case clipped
  /// The gradients as they are.
  case unclipped

  /// The largest allowed norm of the clipped variant.
  static let limit = 1.0
}

/// The data, the settings, and the one way in which all networks of the document are trained.
final class Study {
  let data: PooledDigits
  let options: ProgramOptions
  let plan: Plan
  let classNames = (0..<10).map(String.init)
  /// Seconds spent in training steps, those of resumed runs included.
  private(set) var seconds = 0.0

  init(_ data: PooledDigits, _ options: ProgramOptions, _ plan: Plan) {
    self.data = data
    self.options = options
    self.plan = plan
  }

  /// The indices of the attacked test images among all images.
  var attackedSamples: [Int] { Array(data.test.sourceIndices.prefix(plan.attackedImages)) }

  /// A trained network and how it does on the test images.
  struct Run<Model: Layer> {
    let name: String
    let history: TrainingHistory
    let model: Model
    let test: Evaluation
  }

  /// Trains the document's network; runs of the same number share the first weights and the order of images.
  func trainNet(_ variant: Variant, repetition: Int) throws -> Run<Net> {
    try train("net-\(variant.rawValue)", variant, epochs: plan.epochs, repetition: repetition) {
      Net(key: $0)
    }
  }

  /// Trains a network with the document's settings, or reads it from its checkpoint.
  func train<Model: Layer>(
    _ name: String, _ variant: Variant, epochs: Int, repetition: Int = 0,
    defense: AdversarialTraining<ProjectedGradient<LInfBall>>? = nil, _ model: (RandomKey) -> Model
  ) throws -> Run<Model> {
    let key = RandomKey(seed: options.seed).derived("run").derived(repetition)
    var loop = TrainingLoop(epochs: epochs, batchSize: 64, key: key)
    loop.gradientNormLimit = variant == .clipped ? Variant.limit : nil
    if let defense { loop.loss = defense }
    var state = TrainingState(
      model: model(key.derived("weights")), optimizer: SGD(learningRate: 0.001, momentum: 0.9))
    let network = "\(name), \(defense?.description ?? "no defense")"
    let checkpoint = options.checkpoint(
      "\(name)_run-\(repetition)",
      fingerprint: trainingFingerprint(loop, state.optimizer, network: network, data: data.digest))
    try loop.run(
      "\(name), run \(repetition)", &state, on: data.training, validation: data.validation,
      checkpoint: checkpoint)
    seconds += state.history.seconds
    let test = try state.model.evaluate(on: data.test)
    if repetition == 0 {
      try state.model.saveWeights(
        to: options.weightsFile(name),
        metadata: [
          "architecture": "\(Model.self)", "preprocessing": "pixels in [0, 1]", "variant": variant.rawValue,
          "defense": defense?.description ?? "none", "epochs": "\(epochs)", "seed": "\(options.seed)",
          "test_accuracy": "\(test.accuracy)",
        ])
    }
    return Run(name: name, history: state.history, model: state.model, test: test)
  }
}
