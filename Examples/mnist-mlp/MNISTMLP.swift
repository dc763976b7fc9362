import Foundation
import ProgramSupport
import Reporting
import TensorCore

/// Document 3: linear model and perceptrons on MNIST, their templates, and what an L2 penalty does.
@main
enum MNISTMLP {
  static let description = ProgramDescription(
    name: "mnist-mlp",
    summary: """
      Document 3: compares a linear model with perceptrons of several widths and depths on MNIST, draws the linear
      templates, chooses a perceptron and an L2 penalty by the document's protocol and by a sound one, and follows
      every digit over the epochs.
      """)

  static func main() {
    runProgram(description) { options in
      let plan = Plan(options)
      var report = try options.openReport(
        title: "MNIST with a linear model and perceptrons", settings: plan.settings,
        isSynthetic: options.dataFolder == nil)
      let study = Study(try DigitData(options), options, plan)
      report.report.addParagraph(
        "All networks: ReLU, PyTorch's default initialisation, cross-entropy, Adam 5e-4, batches of 200. Losses are means "
          + "over an epoch. Document's protocol: trained on all training images, everything chosen on the test set. "
          + "Sound protocol: chosen on held-out training images, test set touched once.")

      try compareFamilies(study, &report)
      try drawTemplates(study, &report)
      try chooseFamily(study, &report)
      let best = try judgeBest(study, &report)
      let penalty = try studyPenalty(study, &report)
      try followDigits(penalty.chosen, &report)
      try repeatSoundly(study, &report)
      try attackFamilies(study, &report)
      try summarize(best, penalty, study, &report)
      try options.close(report)
    }
  }
}

/// How much each part of the study trains.
struct Plan {
  let widths: [Int]
  let familyEpochs: Int
  let templateEpochs: Int
  let choiceEpochs: Int
  let bestEpochs: Int
  let penaltyEpochs: Int
  let seeds: Int
  let lambdas: [Float]
  /// How many test images are attacked.
  let attackedImages: Int

  init(_ options: ProgramOptions) {
    let isFull = options.profile == .full
    func epochs(full: Int, quick: Int) -> Int { options.epochs ?? (isFull ? full : quick) }
    widths = isFull ? [512, 256, 128, 64] : [128, 64]
    familyEpochs = epochs(full: 100, quick: 2)
    templateEpochs = epochs(full: 30, quick: 2)
    choiceEpochs = epochs(full: 20, quick: 1)
    bestEpochs = epochs(full: 15, quick: 2)
    penaltyEpochs = epochs(full: 100, quick: 2)
    seeds = isFull ? 5 : 2
    lambdas = isFull ? [3e-3, 1e-3, 3e-4, 3e-5, 0] : [3e-3, 3e-5, 0]
    attackedImages = isFull ? 10_000 : 1_000
  }

  var settings: JSONObject {
    [
      "optimizer": "Adam 5e-4", "batch_size": 200, "widths": .array(widths.map { .integer($0) }),
      "family_epochs": .integer(familyEpochs), "template_epochs": .integer(templateEpochs),
      "choice_epochs": .integer(choiceEpochs), "best_epochs": .integer(bestEpochs),
      "penalty_epochs": .integer(penaltyEpochs), "seeds": .integer(seeds),
      "lambdas": .array(lambdas.map { .number($0) }),
    ]
  }
}
