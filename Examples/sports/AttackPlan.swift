import Attacks
import Datasets
import Foundation
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// How much `attack` computes.
struct AttackPlan {
  /// The document's radii, in pixel units.
  let radii: [Float] = [0.01, 0.03, 0.05, 0.1]
  /// The radius of all but the single steps, and a smaller one at which undefended networks do not all fall.
  let radius: Float = 0.03
  let smallRadius: Float = 1 / 255
  let stepSize: Float = 0.01
  let steps = 40
  /// The document's target, basketball.
  let target = 1
  /// How many images the document takes.
  let documented = 20
  /// How many test images are attacked; nil takes all.
  let samples: Int?
  /// How many training images are attacked besides.
  let trainingSamples: Int
  /// How many of the test images serve the searches that take thousands of passes an image.
  let costly: Int
  /// Queries of Square and, at most, of HopSkipJump.
  let queries: (square: Int, hopSkipJump: Int)
  /// Carlini-Wagner's halvings and steps.
  let carliniWagner: (searches: Int, steps: Int)
  /// Steps of the gradient attack and queries of Square in the checks.
  let checks: (steps: Int, queries: Int)
  /// How many images have their maps compared.
  let explained: Int
  /// Epochs of the copies that the attack through a surrogate trains.
  let surrogateEpochs: Int
  let isShort: Bool

  init(_ options: ProgramOptions) throws {
    let isFull = options.profile == .full
    isShort = !isFull
    samples = try options.number(of: "--samples", least: 1) ?? (isFull ? nil : 10)
    trainingSamples = try options.number(of: "--training-samples", least: 1) ?? (isFull ? 1_000 : 20)
    costly = isFull ? 20 : 2
    queries = isFull ? (5_000, 2_000) : (100, 100)
    carliniWagner = isFull ? (5, 100) : (1, 10)
    checks = isFull ? (20, 500) : (5, 20)
    explained = isFull ? 50 : 10
    surrogateEpochs = options.epochs ?? (isFull ? 10 : 1)
  }

  /// AutoAttack's standard list; in a quick run the same attacks cut short.
  func autoAttack(_ radius: Float) -> WorstCase<LInfBall> {
    let ball = LInfBall(radius: radius)
    guard isShort else { return AutoAttack.standard(budget: ball) }
    return WorstCase([
      AutoProjectedGradient(budget: ball, steps: 10),
      AutoProjectedGradient(
        budget: ball, objective: .targetedDifferenceOfLogitsRatio(classes: 2), steps: 10),
      WithinBudget(
        FastAdaptiveBoundary(norm: .lInf, targetClasses: 2, steps: 5, radius: radius), budget: ball),
      SquareAttack(budget: ball, queries: queries.square),
    ])
  }

  var settings: JSONObject {
    [
      "radii": .array(radii.map { .number($0) }), "pgd_radius": .number(radius),
      "pgd_step": .number(stepSize), "pgd_steps": .integer(steps), "target": .integer(target),
      "small_radius": "1/255", "autoattack": isShort ? "cut short" : "standard",
      "training_images": .integer(trainingSamples), "square_queries": .integer(queries.square),
      "hop_skip_jump_queries": .integer(queries.hopSkipJump),
      "carlini_wagner": .string("\(carliniWagner.searches) searches of \(carliniWagner.steps) steps"),
    ]
  }
}

/// The images of a preset, as places of the data set that they come from, one of each class in turn.
struct AttackedSamples {
  /// What numbers refer to: the places are its indices.
  let source: any LabeledSource
  let places: [Int]
  let isTraining: Bool

  var count: Int { places.count }

  init(_ subset: Subset, limit: Int?, isTraining: Bool) {
    source = subset.source
    places = subset.placesInTurn.prefix(limit ?? subset.count).map { subset.sourceIndices[$0] }
    self.isTraining = isTraining
  }

  /// The first so many.
  func batch(_ limit: Int? = nil) throws -> Batch {
    try source.batch(at: Array(places.prefix(limit ?? count)))
  }

  /// "test images" or "training images".
  var name: String { isTraining ? "training images" : "test images" }
}
