import Attacks
import NNLayers
import TensorCore

/// Watches adversarial training from outside: at each epoch's end the model meets the attack it trains on, and a stronger one,
/// on held-out samples.
///
///     loop.probe = RobustnessProbe(
///       on: heldOut, samples: Array(0..<500), trainingAttack: FastGradient(budget: L2Ball(radius: 5)),
///       probeAttack: ProjectedGradient(budget: L2Ball(radius: 5), stepSize: 1, steps: 20))
///     loop.earlyStopping = EarlyStopping(on: .probed(RobustnessNames.probeAccuracy))   // brings the best weights back
///     try loop.run(&state, on: training) { state in
///       for collapse in CatastrophicOverfitting.found(in: state.history) { print(collapse) }
///     }
///
/// The model is in evaluation mode; starts are the same after every epoch. A sample counts where it is classified rightly
/// before and after the attack.
public struct RobustnessProbe<Training: Attack, Probe: Attack>: EpochProbe, CustomStringConvertible {
  /// The held-out samples.
  public let source: any BatchSource
  /// Which of them are attacked.
  public let samples: [Int]
  /// The attack that the model trains on.
  public let trainingAttack: Training
  /// The stronger attack.
  public let probeAttack: Probe
  /// The values a valid input's elements may take.
  public let inputRange: ClosedRange<Float>
  /// How many samples are attacked at once.
  public var batchSize = 250

  /// A probe.
  ///
  /// - Precondition: there is a sample.
  public init(
    on source: any BatchSource, samples: [Int], trainingAttack: Training, probeAttack: Probe,
    inputRange: ClosedRange<Float> = 0...1
  ) {
    precondition(!samples.isEmpty, "RobustnessProbe: no samples")
    self.source = source
    self.samples = samples
    self.trainingAttack = trainingAttack
    self.probeAttack = probeAttack
    self.inputRange = inputRange
  }

  /// The three accuracies of `RobustnessNames`.
  ///
  /// - Throws: what the source and `judge` throw.
  public func measure<Model: Layer>(_ model: Model, key: RandomKey) throws -> [String: Double] {
    let classifier = PlanClassifier(try model.prepared(for: source.inputShape), inputRange: inputRange)
    let trained = try judge(
      trainingAttack, against: classifier, on: source, samples: samples, batchSize: batchSize,
      key: key.derived("training attack"))
    let probed = try judge(
      probeAttack, against: classifier, on: source, samples: samples, batchSize: batchSize,
      key: key.derived("probe attack"))
    return [
      RobustnessNames.cleanAccuracy: trained.cleanAccuracy.estimate,
      RobustnessNames.trainingAttackAccuracy: trained.robustAccuracy.estimate,
      RobustnessNames.probeAccuracy: probed.robustAccuracy.estimate,
    ]
  }

  /// Both attacks and the number of samples.
  public var description: String {
    "robustness probe on \(samples.count) samples from \(samples[0]) on: \(trainingAttack) against \(probeAttack)"
  }
}

/// What a `RobustnessProbe` measures, by name.
public enum RobustnessNames {
  /// The accuracy on the samples as they are.
  public static let cleanAccuracy = "clean_accuracy"
  /// The accuracy under the attack that the model trains on.
  public static let trainingAttackAccuracy = "training_attack_accuracy"
  /// The accuracy under the stronger attack.
  public static let probeAccuracy = "probe_accuracy"
}
