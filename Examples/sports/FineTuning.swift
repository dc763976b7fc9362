import Datasets
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

extension Study {
  /// Trains a network further with Adam, from its checkpoint where it holds this run. Masks stay in force.
  ///
  /// - Parameters:
  ///   - model: what training begins with; part of the run's fingerprint.
  ///   - name: of the checkpoint, `simple_cnn-pruned-80`.
  ///   - settings: what decides the run beside the loop, the network and the images.
  func fineTuned(
    _ model: any Layer, _ name: String, _ loop: TrainingLoop, rate: Float = 1e-4, coupledDecay: Float = 0,
    on images: Subset, settings: String = ""
  ) throws -> (model: any Layer, history: TrainingHistory) {
    func run<Model: Layer>(_ model: Model) throws -> (model: any Layer, history: TrainingHistory) {
      var state = TrainingState(
        model: model, optimizer: Adam(learningRate: rate, coupledDecay: coupledDecay))
      let fingerprint = trainingFingerprint(
        loop, state.optimizer,
        network: "\(name) \(settings) \(model.weightsDigest) \(images.sourceIndices)", data: data.digest)
      try loop.run(name, &state, on: images, checkpoint: options.checkpoint(name, fingerprint: fingerprint))
      return (state.model, state.history)
    }
    return try run(model)
  }
}

extension TrainingHistory {
  /// The document's log (requirement D4.86).
  func log(_ title: String, test: Proportion) -> String {
    func percent(_ share: Double) -> String { Table.Cell.number(100 * share, decimals: 2).text + "%" }
    let lines = epochs.map { epoch in
      "Epoch \(epoch.epoch)/\(epochs.count): Train Loss: "
        + "\(Table.Cell.number(epoch.trainingLoss, decimals: 4).text), Train Acc: \(percent(epoch.trainingAccuracy))"
    }
    return ([title] + lines + ["Final Test Accuracy: \(percent(test.estimate))"]).joined(separator: "\n")
      + "\n"
  }
}
