import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// The data and options that all problems of the document share, and the one way in which their networks are saved and
/// read.
final class Study {
  let data: SportsData
  let options: ProgramOptions

  init(_ data: SportsData, _ options: ProgramOptions) {
    self.data = data
    self.options = options
  }

  /// A network with its file's facts.
  struct Network {
    let architecture: Architecture
    let model: any Layer
    /// On the test images.
    let test: Evaluation
  }

  /// Which weights of a training run a file has.
  enum Variant: String, CaseIterable {
    /// Of the epoch with the highest accuracy on validation, the earliest of equals.
    case best
    /// Of the last epoch.
    case last
    /// What attacks and pruning begin with: the best.
    case original
  }

  /// `simple_cnn-best`, the name of a weights file.
  static func fileName(_ architecture: Architecture, _ variant: Variant) -> String {
    "\(architecture.rawValue)-\(variant.rawValue)"
  }

  /// Saves weights with what later programs have to know about them.
  func save(_ model: some Layer, _ architecture: Architecture, _ variant: Variant, epoch: Int, seed: UInt64)
    throws
  {
    let test = try model.evaluate(on: data.test)
    let validation = try model.evaluate(on: data.validation)
    try model.saveWeights(
      to: options.weightsFile(Self.fileName(architecture, variant)),
      metadata: [
        "architecture": architecture.title,
        "preprocessing": "pixels in [0, 1], then (x - mean) / deviation of ImageNet's channels",
        "variant": variant.rawValue, "epoch": "\(epoch)", "seed": "\(seed)", "data": data.digest,
        "synthetic": "\(data.isSynthetic)", "test_accuracy": "\(test.accuracy)",
        "validation_accuracy": "\(validation.accuracy)",
      ])
  }

  /// Reads weights and checks that they reach their recorded accuracy, so that no experiment begins with a network that
  /// is not what its file says (requirement D4.138).
  ///
  /// - Throws: `InputError` naming the file and the command that makes it.
  func load(_ architecture: Architecture, _ variant: Variant) throws -> Network {
    func load<Model: Layer>(_ model: Model) throws -> Network {
      var model = model
      let (test, _) = try options.loadWeights(
        Self.fileName(architecture, variant), into: &model, data: data.digest, test: data.test,
        madeBy: "classify", with: ["--separate-test"])
      return Network(architecture: architecture, model: model, test: test)
    }
    return try load(architecture.untrained(RandomKey(seed: options.seed)))
  }
}
