import Attacks
import Defenses
import ProgramSupport
import Reporting
import TensorCore

/// How much the program computes. The document gives no numbers; these are those of Docs/ExperimentFacts.md.
struct Plan {
  let batchSize = 128
  let learningRate: Float = 1e-3
  /// Of standard training and of training under noise.
  let epochs: Int
  let adversarialEpochs: Int

  /// What the attacks may do in the headline, in pixel units.
  let radius = (l2: Float(5), lInf: Float(0.3))
  /// Steps of the stronger check by projected gradient.
  let steps = 40
  /// How many test images projected gradient attacks; nil takes all.
  let strongImages: Int?

  /// The noise's standard deviation, in pixel units.
  let sigma: Float = 1
  let certification: CertificationSettings
  /// How many test images are certified, the first ones; nil takes all.
  let certifiedImages: Int?
  /// The soundness check: from how many certified images (nil takes all), how many changed ones altogether, how many of
  /// the worst are estimated again, and with how many draws.
  let challenge: (images: Int?, points: Int, finalists: Int, finalDraws: Int)

  /// A further training method, beside the document's.
  let method: Method?
  let isWide: Bool
  let isSweep: Bool
  /// The noise levels of the sweep, certified as Cohen et al. do, on images spread over the test set.
  let sweepSigmas: [Float] = [0.25, 0.5, 1]
  let sweepCertification: CertificationSettings
  let sweepImages: Int
  let sweepRadii = (l2: [Float(0.5), 1, 1.5, 2], lInf: [Float(0.1), 0.2, 0.3])

  init(_ options: ProgramOptions) throws {
    let isFull = options.profile == .full
    epochs = options.epochs ?? 1
    adversarialEpochs = options.epochs ?? 2
    strongImages = isFull ? nil : 1_000
    watchedImages = isFull ? 1_000 : 200
    certification =
      isFull ? CertificationSettings() : CertificationSettings(selectionDraws: 100, estimationDraws: 1_000)
    certifiedImages = try options.number(of: "--images", least: 1) ?? (isFull ? nil : 300)
    challenge = isFull ? (nil, 1_000_000, 100, 100_000) : (10, 500, 10, 5_000)
    method = try options.choice(of: "--method")
    if let method, let subcommand = options.subcommand,
      ![method.variant.command, "compare"].contains(subcommand)
    {
      throw options.usageError(
        "\(subcommand) has no method \(method.rawValue); \(method.variant.command) has")
    }
    isWide = options.has("--wide")
    isSweep = options.has("--sweep")
    sweepCertification = CertificationSettings(
      selectionDraws: 100, estimationDraws: isFull ? 100_000 : 10_000, failureProbability: 0.001)
    sweepImages = try options.number(of: "--images", least: 1) ?? (isFull ? 500 : 20)
  }

  /// How many of the first test images are attacked after each epoch of adversarial training.
  let watchedImages: Int

  /// Noise as training and certification use it: clamped, as a part of the base classifier.
  func noise(_ sigma: Float? = nil) throws -> SmoothingNoise {
    try SmoothingNoise(standardDeviation: sigma ?? self.sigma)
  }

  /// Settings that all parts share.
  func settings(_ others: JSONObject) -> JSONObject {
    var settings: JSONObject = [
      "network": .string(isWide ? "WideConvNN" : "ConvNN"), "optimizer": "Adam 0.001",
      "batch_size": .integer(batchSize), "l2_radius": .number(Double(radius.l2)),
      "l_inf_radius": .number((Double(radius.lInf) * 1e6).rounded() / 1e6), "pgd_steps": .integer(steps),
    ]
    for (name, value) in others.members { settings[name] = value }
    return settings
  }
}
