import Datasets
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// How much `classify` computes.
struct ClassifyPlan {
  let batchSize = 32
  let learningRate: Float = 1e-3
  let decay: Float = 1e-4
  /// Where the cosine ends; the document does not say.
  let lowestRate = 1e-6
  let patience = 10
  let epochs: Int
  /// Consecutive, the options' own first; the report speaks of that one and compares all.
  let seeds: [UInt64]
  /// How many images get pictures of their maps: the test images, then training images.
  let explained: Int
  /// How many of them serve the tests that take many passes an image.
  let probed: Int
  /// Timed calls, of one image and of a larger batch, and untimed ones before them.
  let timing: (single: Int, batch: Int, warmUps: Int)
  static let timedBatches = [1, 16, 32]

  init(_ options: ProgramOptions) throws {
    let isFull = options.profile == .full
    epochs = options.epochs ?? (isFull ? 50 : 2)
    let count = try options.number(of: "--seeds", least: 1) ?? (isFull ? 5 : 1)
    seeds = (0..<count).map { options.seed &+ UInt64($0) }
    explained = try options.number(of: "--explained", least: 1) ?? (isFull ? 100 : 10)
    probed = min(explained, isFull ? 50 : 10)
    timing = isFull ? (200, 200, 20) : (100, 10, 3)
  }

  /// One training run's loop, whose key is all that differs between seeds.
  func loop(_ key: RandomKey) -> TrainingLoop {
    var loop = TrainingLoop(epochs: epochs, batchSize: batchSize, key: key)
    loop.schedule = CosineAnnealing(period: epochs, minimum: lowestRate)
    // the last weights are kept too, so the best do not take their place
    loop.earlyStopping = EarlyStopping(on: .validationAccuracy, patience: patience, restoresBest: false)
    loop.prefetchedBatches = 2
    return loop
  }

  var settings: JSONObject {
    [
      "optimizer": "Adam 0.001, coupled decay 0.0001", "batch_size": .integer(batchSize),
      "epochs": .integer(epochs), "schedule": .string("cosine to \(lowestRate) over all epochs"),
      "patience": .integer(patience), "repetitions": .integer(seeds.count),
      "preparation": .string("\(Sports10.preparation)"), "augmentation": .string("\(Sports10.augmentation)"),
      "explained_images": .integer(explained), "timed_runs": .integer(timing.single),
    ]
  }
}
