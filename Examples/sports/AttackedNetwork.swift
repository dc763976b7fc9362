import Attacks
import Datasets
import ImageCodecs
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// A network with everything that attacks made of its images.
struct AttackedNetwork {
  let network: Study.Network
  let classifier: PlanClassifier
  /// Of the test images, in the order of the configurations.
  let outcomes: [AttackOutcome]

  var architecture: Architecture { network.architecture }
  var title: String { architecture.title }

  /// Runs all configurations on images of one preset.
  ///
  /// - Parameters:
  ///   - form: what tells the network from others of its kind, for the progress line.
  ///   - classifier: the network as it is deployed; nil prepares the model.
  init(
    _ network: Study.Network, _ configurations: [AttackConfiguration], _ samples: AttackedSamples,
    _ study: Study, form: String = "", as deployed: PlanClassifier? = nil
  ) throws {
    self.network = network
    let classifier =
      try deployed ?? PlanClassifier(network.model.prepared(for: samples.source.inputShape))
    self.classifier = classifier
    let progress = ProgressLine(
      "attacks on \(network.architecture.title)\(form.isEmpty ? "" : ", \(form)"), \(samples.name)",
      total: configurations.count, unit: "attacks"
    )
    outcomes = try configurations.map { configuration in
      let outcome = try AttackOutcome(configuration, against: classifier, on: samples, study)
      progress.advance(remark: configuration.title)
      return outcome
    }
    progress.finish()
  }

  /// The outcome of the configuration with these files.
  subscript(folder: String) -> AttackOutcome {
    guard let outcome = outcomes.first(where: { $0.configuration.folder == folder }) else {
      preconditionFailure("AttackedNetwork: no attack \(folder)")
    }
    return outcome
  }
}

/// What one attack came to on one network, before and after its images were saved as 8-bit PNG.
struct AttackOutcome {
  let configuration: AttackConfiguration
  let samples: AttackedSamples
  let result: AttackResult
  /// The same samples after they were written to PNG and read again.
  let rounded: [AttackRecord]

  /// The changed images, `[n, 3, 32, 32]`.
  var changed: Tensor {
    guard let inputs = result.adversarialInputs else {
      preconditionFailure("AttackOutcome: no images were kept of \(configuration.title)")
    }
    return inputs
  }

  /// After how many steps each sample first succeeded; nil from attacks without steps of one kind.
  var stepsToSuccess: [Int?]? {
    guard let trace = result.trace, trace.runs == 1, trace.steps > 1 else { return nil }
    return trace.stepsToSuccess
  }

  init(
    _ configuration: AttackConfiguration, against classifier: PlanClassifier, on samples: AttackedSamples,
    _ study: Study
  ) throws {
    self.configuration = configuration
    self.samples = samples
    let places = Array(samples.places.prefix(configuration.limit ?? samples.count))
    let targets = configuration.target.map { IntTensor([Int](repeating: $0, count: places.count)) }
    let result = try judge(
      configuration.attack, against: classifier, on: samples.source, samples: places, targets: targets,
      keepsInputs: true, traces: true, key: RandomKey(seed: study.options.seed).derived("attack"))
    self.result = result
    guard let inputs = result.adversarialInputs else {
      preconditionFailure("AttackOutcome: no images were kept")
    }
    let pictures = try (0..<places.count).map { row in
      try Image(pngData: Image(inputs[row: row]).pngData(), name: configuration.folder).tensor()
    }
    let batch = try samples.source.batch(at: places)
    let goal: any Goal = targets.map { Targeted(targets: $0) } ?? Untargeted(labels: batch.labels)
    rounded = try attackRecords(
      classifier, batch: batch, changed: .stacked(pictures), targets: targets, goal: goal)
  }

  /// Goals reached, of all images whose class is not the target, also of those that were wrong before.
  var success: Proportion { result.records.success }

  /// What came of the first so many images.
  func prefix(_ count: Int) -> AttackResult {
    AttackResult(attack: result.attack, records: Array(result.records.prefix(count)))
  }
}

extension [AttackRecord] {
  /// Those whose true class is not the target.
  var counted: [AttackRecord] { filter { $0.target != $0.label } }

  /// Goals reached, of the counted ones.
  var success: Proportion { Proportion(counted.map(\.isSuccess)) }

  /// The mean of something over the counted ones.
  func mean(_ value: (AttackRecord) -> Double) -> Table.Cell {
    .number(Summary(counted.map(value)).mean, decimals: 4)
  }
}

extension AttackRecord {
  /// The probability of the class that the attack wants, or else of the class that is now predicted (requirement D4.130).
  var confidence: Double { targetConfidence?.after ?? adversarial.confidence }
}
