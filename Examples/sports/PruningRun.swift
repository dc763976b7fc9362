import Compression
import Datasets
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// A network pruned by one ranking over all its weights, before and after fine-tuning.
struct PrunedNetwork {
  /// The share of convolution and linear weights that are 0, in per cent.
  let percent: Int
  /// Masked, with the original's remaining weights.
  let pruned: any Layer
  /// Fine-tuned; the masks are still there.
  let tuned: any Layer
  let history: TrainingHistory
  let before: Answers
  let after: Answers
  /// The layers' zeros after fine-tuning, when the masks are gone.
  let report: SparsityReport
  /// Whether the same places hold zeros before and after fine-tuning (requirement D4.139).
  let keptZeros: Bool
}

/// One network's pruning to every sparsity.
struct PruningRun {
  let original: Study.Network
  let answers: Answers
  let networks: [PrunedNetwork]
  let images: PruningImages

  var architecture: Architecture { original.architecture }
  var title: String { architecture.title }
  var name: String { architecture.rawValue }
  var sample: Shape { images.test.inputShape }

  /// The network with this sparsity.
  subscript(percent: Int) -> PrunedNetwork {
    guard let network = networks.first(where: { $0.percent == percent }) else {
      preconditionFailure("PruningRun: no network of \(percent) %")
    }
    return network
  }

  /// Loads the original network, refused when it is not what its file says (requirement D4.138), prunes it to each
  /// sparsity from the dense one, and fine-tunes.
  init(_ original: Study.Network, _ study: Study, _ plan: PrunePlan) throws {
    let images = PruningImages(study, plan)
    self.images = images
    self.original = original
    answers = try Answers(original.model, images)
    networks = try plan.percents.map { percent in
      var pruned = original.model
      try Pruner().prune(&pruned, to: Double(percent) / 100)
      let name = "\(original.architecture.rawValue)-pruned-\(percent)"
      let (tuned, history) = try study.fineTuned(
        pruned, name, plan.fineTuning(study.options), rate: plan.learningRate, on: images.training)
      // made permanent: what is saved and counted has no masks (requirement D4.84)
      var permanent = tuned
      permanent.removeMasks()
      let after = try Answers(permanent, images)
      try permanent.saveWeights(
        to: study.options.weightsFile(name),
        metadata: [
          "architecture": original.architecture.title, "variant": "pruned-\(percent)",
          "preprocessing": "pixels in [0, 1], then (x - mean) / deviation of ImageNet's channels",
          "seed": "\(study.options.seed)", "data": study.data.digest,
          "synthetic": "\(study.data.isSynthetic)", "test_accuracy": "\(after.testAccuracy.estimate)",
        ])
      return PrunedNetwork(
        percent: percent, pruned: pruned, tuned: tuned, history: history,
        before: try Answers(pruned, images), after: after, report: SparsityReport(of: permanent),
        keptZeros: pruned.zeroPlaces == permanent.zeroPlaces)
    }
  }
}

extension Layer {
  /// Which weights of rank 2 or more are 0, layer by layer.
  fileprivate var zeroPlaces: [Tensor] {
    parameters.filter { ParameterGroup.isWeight($0.name, $0.parameter) }.map {
      $0.parameter.value .== Tensor(0)
    }
  }
}
