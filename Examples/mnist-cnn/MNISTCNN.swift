import ProgramSupport
import Reporting
import TensorCore

/// Document 0: a convolutional network on MNIST, its clean accuracy, and what projected gradient does to it.
@main
enum MNISTCNN {
  static let description = ProgramDescription(
    name: "mnist-cnn",
    summary: """
      Document 0: trains a small convolutional network on MNIST's 70,000 images with and without clipping of the
      gradient's norm, attacks it by projected gradient, carries the changed images over to a perceptron, and trains the
      network against the attack.
      """)

  static func main() {
    runProgram(description) { options in
      let plan = Plan(options)
      var report = try options.openReport(
        title: "A convolutional network on MNIST under attack", settings: plan.settings,
        isSynthetic: options.dataFolder == nil)
      let study = Study(try PooledDigits(options), options, plan)
      try describeData(study, &report)

      let clipped = try (0..<plan.seeds).map { try study.trainNet(.clipped, repetition: $0) }
      let unclipped = try (0..<plan.seeds).map { try study.trainNet(.unclipped, repetition: $0) }
      try compareVariants(clipped, unclipped, study, &report)
      try judgeClean(clipped[0], study, &report)

      let attacked = try [clipped[0], unclipped[0]].map { try Robustness($0, study) }
      try judgeRobustness(attacked, study, &report)
      try drawExamples(attacked[0], study, &report)
      let transfers = try carryOver(attacked, study, &report)
      let hardened = try trainAdversarially(against: attacked[1], study, &report)
      try repeatGradientSign(clipped[0].model, study, &report)
      try summarize(clipped, unclipped, attacked[0], hardened, transfers, study, &report)
      try options.close(report)
    }
  }
}

/// How much each part of the study computes.
struct Plan {
  let epochs: Int
  let adversarialEpochs: Int
  let seeds: Int
  /// How many test images are attacked.
  let attackedImages: Int
  /// The attack's radii in 255ths; its headline is the one at `headlineRadius`.
  let radii = [8, 16, 32, 64]
  let headlineRadius = 32
  let attackSteps = 50

  init(_ options: ProgramOptions) {
    let isFull = options.profile == .full
    epochs = options.epochs ?? (isFull ? 10 : 3)
    adversarialEpochs = options.epochs ?? (isFull ? 20 : 4)
    seeds = isFull ? 5 : 1
    attackedImages = isFull ? 1_000 : 300
  }

  var settings: JSONObject {
    [
      "optimizer": "SGD 0.001, momentum 0.9", "batch_size": 64, "epochs": .integer(epochs),
      "gradient_norm_limit": .number(Variant.limit), "seeds": .integer(seeds),
      "attack": .string(
        "projected gradient, L-infinity, \(attackSteps) steps of a tenth of the radius, random start"),
      "radii_in_255ths": .array(radii.map { .integer($0) }), "attacked_images": .integer(attackedImages),
      "adversarial_epochs": .integer(adversarialEpochs),
      "adversarial_training": "last quarter of a batch, 10 steps of a fifth of the radius 32/255",
    ]
  }
}
