import Attacks
import Defenses
import Foundation
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// The three ways of training that document 1 compares.
enum Variant: String, CaseIterable {
  /// On the images as they are.
  case standard
  /// On adversarial examples.
  case adversarial
  /// Under Gaussian noise.
  case smoothed

  /// The subcommand that trains and saves it.
  var command: String {
    switch self {
    case .standard: "train"
    case .adversarial: "adversarial-train"
    case .smoothed: "smooth-train"
    }
  }
}

/// The data, the settings, and the one way in which all networks of the document are trained and read.
final class Study {
  let data: DigitData
  let options: ProgramOptions
  let plan: Plan

  init(_ data: DigitData, _ options: ProgramOptions, _ plan: Plan) {
    self.data = data
    self.options = options
    self.plan = plan
  }

  /// A network with its name in files and tables.
  struct Network {
    let name: String
    let model: any Layer
    /// On the clean test images.
    let test: Evaluation
    /// How it was trained, in words.
    let method: String

    /// The network as attacks see it.
    func classifier(_ study: Study) throws -> PlanClassifier {
      PlanClassifier(try model.prepared(for: study.data.test.inputShape))
    }
  }

  /// `convnn-standard`, `convnn-wide-smoothed-0.25`.
  func fileName(_ name: String) -> String { (plan.isWide ? "convnn-wide-" : "convnn-") + name }

  /// The name of the network trained under noise: that of the headline's σ has none in it.
  func smoothedName(_ sigma: Float) -> String {
    sigma == plan.sigma ? Variant.smoothed.rawValue : "\(Variant.smoothed.rawValue)-\(sigma)"
  }

  /// The test images on which adversarial training is watched.
  var watchedSamples: [Int] { Array(0..<min(data.test.count, plan.watchedImages)) }

  private func untrained(_ key: RandomKey) -> any Layer {
    plan.isWide ? WideConvNN(key: key) : ConvNN(key: key)
  }

  /// Trains a network with the document's settings, or reads it from its checkpoint. All networks have the same first
  /// weights and see the images in the same order.
  ///
  /// - Parameters:
  ///   - method: how, in words; part of the fingerprint.
  ///   - configure: what the loop does with each batch.
  func train(_ name: String, epochs: Int, method: String, _ configure: (inout TrainingLoop) -> Void) throws
    -> (network: Network, history: TrainingHistory)
  {
    let key = RandomKey(seed: options.seed).derived("run")
    var loop = TrainingLoop(epochs: epochs, batchSize: plan.batchSize, key: key)
    configure(&loop)
    func train<Model: Layer>(_ model: Model) throws -> (Network, TrainingHistory) {
      var state = TrainingState(model: model, optimizer: Adam(learningRate: plan.learningRate))
      let fingerprint = data.fingerprint(
        loop, state.optimizer, network: "\(Model.self), \(method), steps recorded")
      try loop.run(
        name, &state, on: data.train, recordsSteps: true,
        checkpoint: options.checkpoint(fileName(name), fingerprint: fingerprint))
      let test = try state.model.evaluate(on: data.test)
      try state.model.saveWeights(
        to: options.weightsFile(fileName(name)),
        metadata: [
          "architecture": "\(Model.self)", "preprocessing": "pixels in [0, 1]", "variant": name,
          "method": method, "epochs": "\(epochs)", "seed": "\(options.seed)",
          "data": data.digest, "test_accuracy": "\(test.accuracy)",
        ])
      return (Network(name: name, model: state.model, test: test, method: method), state.history)
    }
    return try train(untrained(key.derived("weights")))
  }

  /// Reads a trained network and checks that it does on the test images what its file says.
  ///
  /// - Throws: `InputError.missing` naming the file and the command that makes it; `.mismatch` for another network, one
  ///   that was trained on other images, and one that does not reach its recorded accuracy.
  func load(_ name: String, madeBy variant: Variant) throws -> Network {
    func load<Model: Layer>(_ model: Model) throws -> Network {
      var model = model
      let (test, facts) = try options.loadWeights(
        fileName(name), into: &model, data: data.digest, test: data.test, madeBy: variant.command,
        with: ["--wide", "--sweep"])
      return Network(name: name, model: model, test: test, method: facts["method"] ?? "unknown")
    }
    return try load(untrained(RandomKey(seed: options.seed)))
  }

  /// Begins the report of one of the program's parts.
  func openReport(_ options: ProgramOptions, title: String, _ settings: JSONObject) throws -> ReportFolder {
    try options.openReport(title: title, settings: plan.settings(settings), isSynthetic: data.isSynthetic)
  }
}
