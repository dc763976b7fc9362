import Attacks
import Datasets
import Defenses
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// How much `prune` computes.
struct PrunePlan {
  /// The document's sparsities, in per cent, which are always measured.
  static let documented = [20, 50, 80]
  /// The sparsity at which allocations, scores and defences are compared.
  static let compared = 80
  /// Of convolution and linear weights, in per cent, ascending.
  let percents: [Int]
  let learningRate: Float = 1e-4
  let batchSize = 32
  /// Of the pruned networks' fine-tuning.
  let epochs: Int
  /// How many training images networks are fine-tuned on and judged by; nil takes all.
  let trainingImages: Int?
  /// How many training images judge each layer's sensitivity, and with which sparsities.
  let scannedImages: Int
  let scannedSparsities: [Double]
  /// Images that 8-bit ranges are taken from.
  let calibrationImages = 64
  /// Of the lottery ticket: rounds of pruning, epochs of each, and how often ticket and control are trained.
  let ticket: (rounds: Int, epochs: Int, repeats: Int)
  /// Timed rounds of each form, and of each layer's ways.
  let timing: (rounds: Int, layerRounds: Int, warmUps: Int)
  /// Where forced sparse is compared with dense.
  let breakEvenSparsities: [Double]
  static let timedBatches = [1, 16]
  static let timedThreads = [1, 2]
  /// How many test images AutoAttack has at the small radius, where most stand and each takes thousands of passes.
  let costly: Int
  /// Radii, steps and target are those of `attack`.
  let attacks: AttackPlan
  /// Queries of Square against each deployment, and the limits of a client's.
  let deploymentQueries: Int
  let deploymentLimits: [Int]
  /// Training and certificates of the deployment with certificates: L2 radii in pixel units.
  let certified: (sigma: Float, epochs: Int, radii: [Double], settings: CertificationSettings)
  let isFull: Bool

  init(_ options: ProgramOptions) throws {
    isFull = options.profile == .full
    let further = try options.numbers(of: "--sparsities", in: 1...99) ?? (isFull ? [90, 95] : [])
    percents = Set(Self.documented + further).sorted()
    epochs = options.epochs ?? (isFull ? 10 : 2)
    trainingImages = try options.number(of: "--fine-tuning-samples", least: 10) ?? (isFull ? nil : 64)
    scannedImages = isFull ? 300 : 20
    scannedSparsities = isFull ? [0.5, 0.8, 0.95] : [0.8]
    let ticketEpochs = options.epochs ?? (isFull ? 15 : 1)
    ticket = isFull ? (5, ticketEpochs, 3) : (2, ticketEpochs, 2)
    timing = isFull ? (100, 20, 5) : (5, 8, 1)
    breakEvenSparsities =
      isFull ? [0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] : [0.5, 0.8, 0.95]
    costly = isFull ? 20 : 2
    attacks = try AttackPlan(options)
    deploymentQueries = isFull ? 500 : 20
    deploymentLimits = isFull ? [10, 100, 1_000] : [10, 20]
    certified = (
      sigma: 0.25, epochs: options.epochs ?? (isFull ? 30 : 1), radii: [0, 0.25, 0.5],
      settings: CertificationSettings(
        selectionDraws: isFull ? 100 : 20, estimationDraws: isFull ? 10_000 : 100,
        failureProbability: isFull ? 0.001 : 0.05)
    )
  }

  /// What deployments are attacked with: the smallest of the document's radii, at which not all fall, and PGD's.
  var deploymentRadii: (small: Float, large: Float) { (attacks.radii[0], attacks.radius) }

  /// Epochs of each allocation that is compared: the large network's take long.
  func allocationEpochs(_ architecture: Architecture) -> Int {
    architecture == .simpleCNN ? epochs : min(epochs, isFull ? 2 : 1)
  }

  /// Epochs of networks with fewer channels or factored layers, which learn faster than the dense one.
  func reshapedEpochs(_ architecture: Architecture) -> Int {
    architecture == .simpleCNN ? epochs : min(epochs, isFull ? 5 : 1)
  }

  /// What is left of a network that has lost channels has more to learn again than one that has lost small weights.
  let reshapedRate: Float = 1e-3

  /// How many test images are attacked; nil for all.
  func attackedImages(_ architecture: Architecture) -> Int? {
    attacks.isShort && architecture == .resNetSmall ? min(attacks.samples ?? 4, 4) : attacks.samples
  }

  /// The document's fine-tuning: no decay, no augmentation, a constant rate, and no choice of an epoch.
  func fineTuning(_ options: ProgramOptions, epochs: Int? = nil) -> TrainingLoop {
    TrainingLoop(
      epochs: epochs ?? self.epochs, batchSize: batchSize,
      key: RandomKey(seed: options.seed).derived("prune").derived("fine-tuning"))
  }

  /// The attacks of requirements D4.94 to D4.96.
  var configurations: [AttackConfiguration] {
    let folders = [Self.fgsm, Self.pgd, Self.targetedFGSM]
    return AttackConfiguration.documented(attacks).filter { folders.contains($0.folder) }
  }

  static let fgsm = "fgsm_untargeted_eps_0.03"
  static let pgd = "pgd_untargeted"
  static let targetedFGSM = "fgsm_targeted_eps_0.05"

  var settings: JSONObject {
    [
      "sparsities_percent": .array(percents.map { .integer($0) }),
      "pruning": "global L1 over convolution and linear weights",
      "fine_tuning": .string(
        "Adam \(learningRate), no decay, constant rate, no augmentation, masks kept, batches of \(batchSize)"),
      "epochs": .integer(epochs), "epochs_resnet_small_allocations": .integer(allocationEpochs(.resNetSmall)),
      "epochs_resnet_small_reshaped": .integer(reshapedEpochs(.resNetSmall)),
      "training_images": trainingImages.map { .integer($0) } ?? "all",
      "lottery_ticket": .string(
        "\(ticket.rounds) rounds of \(ticket.epochs) epochs, \(ticket.repeats) repetitions"),
      "deployment_queries": .integer(deploymentQueries),
      "certificates": .string(
        "sigma \(certified.sigma), \(certified.settings), \(certified.epochs) epochs"),
      "timed_rounds": .integer(timing.rounds),
      "timed_batches": .array(Self.timedBatches.map { .integer($0) }),
      "timed_threads": .array(Self.timedThreads.map { .integer($0) }),
    ]
  }
}

/// The images that networks are fine-tuned on and judged by.
struct PruningImages {
  let test: Subset
  /// All training images, or as many as a quick run takes, one of each class in turn.
  let training: Subset

  init(_ study: Study, _ plan: PrunePlan) {
    test = study.data.test
    let all = study.data.training
    training = plan.trainingImages.map { all.subset(at: Array(all.placesInTurn.prefix($0))) } ?? all
  }

  /// The first training images, one of each class in turn.
  func batch(_ count: Int) throws -> Batch {
    try training.batch(at: Array(training.placesInTurn.prefix(count)))
  }
}
