import Datasets
import NNLayers
import ProgramSupport
import Reporting
import TensorCore

/// One network trained from one seed.
struct TrainingRun {
  let architecture: Architecture
  let seed: UInt64
  let history: TrainingHistory
  /// The weights with the highest accuracy on validation, the earliest of equals.
  let best: (epoch: Int, model: any Layer)
  /// The weights at the end.
  let last: any Layer
  let stoppedEarly: Bool
  /// The best weights on the test images.
  let test: Evaluation

  var bestRecord: EpochRecord { history.epochs[best.epoch - 1] }
  var lastRecord: EpochRecord { history.epochs[history.epochs.count - 1] }
}

extension Study {
  /// Where the changes of training images come from.
  static func augmentationKey(_ seed: UInt64) -> RandomKey {
    RandomKey(seed: seed).derived("run").derived("augmentation")
  }

  /// Trains a network with the document's settings, or reads it from its checkpoint. Networks of one seed see the same
  /// images in the same order.
  func train(_ architecture: Architecture, _ plan: ClassifyPlan, seed: UInt64) throws -> TrainingRun {
    let key = RandomKey(seed: seed).derived("run")
    let loop = plan.loop(key)
    func train<Model: Layer>(_ model: Model) throws -> TrainingRun {
      var state = TrainingState(
        model: model, optimizer: Adam(learningRate: plan.learningRate, coupledDecay: plan.decay))
      let fingerprint = trainingFingerprint(
        loop, state.optimizer, network: "\(architecture.title), \(Sports10.augmentation)", data: data.digest)
      let name = "\(architecture.rawValue)-seed-\(seed)"
      try loop.run(
        name, &state, on: data.augmented(Self.augmentationKey(seed)), validation: data.validation,
        checkpoint: options.checkpoint(name, fingerprint: fingerprint))
      let best = state.best ?? (state.history.epochs.count, state.model)
      return TrainingRun(
        architecture: architecture, seed: seed, history: state.history, best: best, last: state.model,
        stoppedEarly: state.stoppedEarly, test: try best.model.evaluate(on: data.test))
    }
    return try train(architecture.untrained(key.derived("weights")))
  }

  /// Saves the weights that are used later (requirements D4.29, D4.77).
  func saveVariants(_ run: TrainingRun) throws {
    for variant in Variant.allCases {
      let (model, epoch) =
        variant == .last ? (run.last, run.lastRecord.epoch) : (run.best.model, run.best.epoch)
      try save(model, run.architecture, variant, epoch: epoch, seed: run.seed)
    }
  }
}

/// Losses and accuracies over the epochs, where training ended, and what can be seen in the curves (requirements D4.27 to
/// D4.34).
func reportTraining(_ runs: [TrainingRun], _ study: Study, _ report: inout ReportFolder) throws {
  report.report.addHeading("Training")
  report.report.addParagraph(
    "Cross-entropy, Adam with rate 0.001 and coupled decay 0.0001, batches of 32, the rate falling along a cosine, on the "
      + "CPU. Training stops when the accuracy on validation has not risen strictly for ten epochs; of equal epochs the "
      + "earliest is kept. Convolutions begin with Kaiming-normal weights (fan-out), linear layers with N(0, 0.01^2)."
  )
  var table = Table(
    "Training",
    columns: [
      "Network", "Final training loss", "Final training accuracy", "Best validation accuracy", "at epoch",
      "Stopped after epoch", "Training time, s",
    ],
    note:
      "Training loss and accuracy are means over the last epoch, of changed images and with dropout. Time is that of the "
      + "training steps.")
  for run in runs {
    table.append([
      .text(run.architecture.title), .number(run.lastRecord.trainingLoss),
      .percent(run.lastRecord.trainingAccuracy),
      rate(run.bestRecord.validationAccuracy, study.data.validation.count), .integer(run.best.epoch),
      .integer(run.lastRecord.epoch), .number(run.history.seconds, decimals: 1),
    ])
    try report.logToTensorBoard(run.history, name: run.architecture.rawValue)
    try writeEpochs(run, study, report)
  }
  try report.addPrinted(table, file: "training.csv")
  try compareTraining(runs, study, &report)
  try drawCurves(runs, &report)
  report.report.addHeading("Observations", depth: 2)
  report.addPrinted(try runs.flatMap { try observations($0, study) })
}

private func compareTraining(_ runs: [TrainingRun], _ study: Study, _ report: inout ReportFolder) throws {
  var comparison = DocumentComparison(
    "Training in the document and here",
    note: "Seed \(runs[0].seed). The document's times are of another machine and framework.")
  for run in runs {
    let (name, document) = (run.architecture.title, run.architecture.documented)
    func append(_ what: String, _ document: Table.Cell, _ measured: Table.Cell) {
      comparison.append("\(name): \(what)", document: document, measured: measured)
    }
    append("final training loss", .number(document.trainingLoss), .number(run.lastRecord.trainingLoss))
    append(
      "final training accuracy", .percent(document.trainingAccuracy),
      .percent(run.lastRecord.trainingAccuracy))
    append(
      "best validation accuracy", .percent(document.accuracy),
      rate(run.bestRecord.validationAccuracy, study.data.validation.count))
    append("best epoch", .integer(document.bestEpoch), .integer(run.best.epoch))
    append(
      "last epoch", document.stoppedEpoch.map { .integer($0) } ?? .empty, .integer(run.lastRecord.epoch))
    append(
      "training time, minutes", .number(document.minutes, decimals: 0),
      .number(run.history.seconds / 60, decimals: 1))
  }
  try report.addPrinted(comparison.table, file: "training_document.csv")
}

private func writeEpochs(_ run: TrainingRun, _ study: Study, _ report: ReportFolder) throws {
  var report = report
  var table = Table(
    "Every epoch of \(run.architecture.title)",
    columns: [
      "Epoch", "Learning rate", "Training loss", "Training accuracy", "Validation loss",
      "Validation accuracy",
      "Seconds",
    ])
  for record in run.history.epochs {
    table.append([
      .integer(record.epoch), .significant(record.learningRate), .number(record.trainingLoss),
      .percent(record.trainingAccuracy), .number(record.validationLoss ?? .nan),
      rate(record.validationAccuracy, study.data.validation.count), .number(record.seconds, decimals: 2),
    ])
  }
  try report.write(table, file: "epochs_\(run.architecture.rawValue).csv")
}

/// What the curves show, computed (requirement D4.32).
private func observations(_ run: TrainingRun, _ study: Study) throws -> [String] {
  let (name, history, last) = (run.architecture.title, run.history, run.lastRecord)
  func first(_ what: String, _ accuracy: (EpochRecord) -> Double?) -> String {
    history.epochs.first { accuracy($0) ?? 0 > 0.5 }.map { "\(what) in epoch \($0.epoch)" } ?? "\(what) never"
  }
  // without changes and dropout, as validation is measured
  let learned = try run.best.model.evaluate(on: study.data.training)
  let validation = run.bestRecord.validationAccuracy ?? .nan
  let (printedGap, gap) = (last.trainingAccuracy - validation, learned.accuracy - validation)
  return [
    "\(name): accuracy exceeds 50 % " + first("on training images", \.trainingAccuracy) + ", "
      + first("on validation images", \.validationAccuracy) + ".",
    "\(name): from epoch \(history.settlingEpoch() ?? 0) on the training loss stays within 5 % of its whole fall of its "
      + "last value.",
    run.stoppedEarly
      ? "\(name): stopped after epoch \(last.epoch), because validation accuracy had not risen since epoch \(run.best.epoch)."
      : "\(name): ran through all \(last.epoch) epochs; the best was epoch \(run.best.epoch).",
    "\(name): final training accuracy minus best validation accuracy, the document's gap, is \(points(printedGap)) points. "
      + "The best weights classify "
      + Table.Cell.proportion(successes: learned.correct, count: learned.count).text
      + " of the training images rightly without changes and dropout: \(points(gap)) points more than of validation.",
  ]
}

private func drawCurves(_ runs: [TrainingRun], _ report: inout ReportFolder) throws {
  let folder = "figures/problem_a/training_curves"
  var both = LineChart(
    "Validation accuracy", x: Axis("Epoch"), y: Axis("Accuracy", unit: .percent, range: 0...1))
  for (color, run) in runs.enumerated() {
    let (name, epochs) = (run.architecture.title, run.history.epochs)
    func chart(_ title: String, _ y: Axis, _ training: [Double], _ validation: [Double]) -> LineChart {
      var chart = LineChart("\(name): \(title)", x: Axis("Epoch"), y: y)
      chart.series.append(
        .init("training", y: training, style: .dashed, showsPoints: epochs.count < 10, color: color))
      chart.series.append(.init("validation", y: validation, showsPoints: epochs.count < 10, color: color))
      chart.verticalLines.append(.init(Double(run.best.epoch), label: "best"))
      return chart
    }
    let accuracies = epochs.map { $0.validationAccuracy ?? .nan }
    try report.add(
      chart(
        "loss", Axis("Cross-entropy"), epochs.map(\.trainingLoss), epochs.map { $0.validationLoss ?? .nan }),
      file: "\(folder)/\(run.architecture.rawValue)_loss.png",
      caption: "\(name): training loss dashed (changed images, dropout), validation loss solid.")
    try report.add(
      chart(
        "accuracy", Axis("Accuracy", unit: .percent, range: 0...1), epochs.map(\.trainingAccuracy), accuracies
      ),
      file: "\(folder)/\(run.architecture.rawValue)_accuracy.png",
      caption: "\(name): training accuracy dashed (changed images, dropout), validation accuracy solid.")
    both.series.append(.init(name, y: accuracies, showsPoints: epochs.count < 10, color: color))
    both.series.append(
      .init(
        "\(name), document", x: [1, Double(max(2, epochs.count))],
        y: [Double](repeating: run.architecture.documented.accuracy, count: 2), style: .dotted, color: color))
  }
  try report.add(
    both, file: "\(folder)/comparison_accuracy.png",
    caption: "Validation accuracy after each epoch; dotted, the best accuracies that the document reports.")
}

/// A share of counted samples with its interval.
func rate(_ share: Double?, _ count: Int) -> Table.Cell {
  guard let share else { return .empty }
  return .proportion(successes: Int((share * Double(count)).rounded()), count: count)
}

/// A difference of two shares in points, signed.
func points(_ difference: Double) -> String {
  (difference > 0 ? "+" : "") + Table.Cell.number(difference * 100, decimals: 1).text
}
