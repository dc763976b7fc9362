import AutoDiffLite
import TensorCore

/// A training run at the end of some epoch: all that is needed to go on, bit for bit.
public struct TrainingState<Model: Layer, Updater: Optimizer>: Sendable {
  /// The model as it is now.
  public var model: Model
  /// The optimizer with its memory.
  public var optimizer: Updater
  /// The finished epochs.
  public var history = TrainingHistory()
  /// The best epoch's number and a copy of its model, where early stopping watches one.
  public var best: (epoch: Int, model: Model)?
  /// Whether early stopping has ended the run.
  public var stoppedEarly = false
  /// What the loss keeps from step to step, by name.
  public var carried: [String: Tensor] = [:]

  /// The start of a run.
  public init(model: Model, optimizer: Updater) {
    self.model = model
    self.optimizer = optimizer
  }
}

/// Training by mini-batches: one loop for every model, optimizer and defence.
///
///     var state = TrainingState(model: MLP(widths: [784, 512, 10], key: key), optimizer: Adam(learningRate: 5e-4))
///     let loop = TrainingLoop(epochs: 15, batchSize: 200, key: key)
///     try loop.run(&state, on: training, validation: validation) { state in print(state.history.epochs.last!) }
///
/// The order of samples in epoch e is `key.derived("order").derived(e)`'s permutation; the pass of step s has the key
/// `key.derived("step").derived(e).derived(s).derived("pass")`; further steps on the same batch put
/// `derived("replay").derived(r)` before the last. So a run that was stopped and resumed at an epoch's end gives the
/// same bits.
public struct TrainingLoop: Sendable {
  /// How many epochs a whole run has.
  public var epochs: Int
  /// How many samples a step sees.
  public var batchSize: Int
  /// Whether a last batch with fewer samples is left out.
  public var dropsPartialBatch = false
  /// How many batches a background thread prepares ahead of the step; pays where batches are costly to make.
  public var prefetchedBatches = 0
  /// What is minimised: cross-entropy, or a defence.
  public var loss: any TrainingLoss = CrossEntropy()
  /// A penalty on the weights.
  public var penalty: L2Penalty?
  /// The course of the learning rate.
  public var schedule: any LearningRateSchedule = ConstantRate()
  /// Whether the schedule is asked before every step instead of every epoch.
  public var updatesRateEveryStep = false
  /// The largest allowed norm of a step's gradients; nil leaves them.
  public var gradientNormLimit: Double?
  /// When to stop early and which weights to hand back; needs validation, or the probe that it watches.
  public var earlyStopping: EarlyStopping?
  /// Measures the model at each epoch's end, beside validation.
  public var probe: (any EpochProbe)?
  /// How many validation samples run at once.
  public var evaluationBatchSize = 1000
  /// Where order and randomness come from.
  public var key: RandomKey
  /// Replaces a batch before its step: mixed samples, augmentation with the model at hand. Gets the model as it is, in no
  /// tape. Where the batch has `targets`, they are what cross-entropy compares with; accuracy counts labels.
  public var transform: (@Sendable (_ model: any Layer, _ batch: Batch, _ key: RandomKey) throws -> Batch)?

  /// A loop.
  ///
  /// - Precondition: epochs are not negative and the batch size is positive.
  public init(epochs: Int, batchSize: Int, key: RandomKey) {
    precondition(epochs >= 0, "TrainingLoop: epochs \(epochs) is negative")
    precondition(batchSize > 0, "TrainingLoop: batchSize \(batchSize) is not positive")
    self.epochs = epochs
    self.batchSize = batchSize
    self.key = key
  }

  /// Trains from where `state` stands to the last epoch, or until early stopping ends the run.
  ///
  /// - Parameters:
  ///   - state: model, optimizer and history; changed in place.
  ///   - training: the samples to learn from.
  ///   - validation: the samples to judge each epoch by.
  ///   - recordsSteps: whether the history gets every step's loss and accuracy; changes nothing else.
  ///   - afterEpoch: called when an epoch's record stands in the history: to log, to save, to stop by throwing.
  ///   - afterStep: called with the epoch, the steps done in it and the steps it has; throwing ends the run.
  /// - Throws: what sources and callbacks throw; `InputError.outOfRange` when a label is no class, the loss is not finite,
  ///   or the model answers the first batch with probabilities instead of logits. The state is then that of the last
  ///   finished epoch or step.
  public func run<Model: Layer, Updater: Optimizer>(
    _ state: inout TrainingState<Model, Updater>, on training: some BatchSource,
    validation: (any BatchSource)? = nil, recordsSteps: Bool = false,
    afterEpoch: ((TrainingState<Model, Updater>) throws -> Void)? = nil,
    afterStep: ((_ epoch: Int, _ step: Int, _ steps: Int) throws -> Void)? = nil
  ) throws {
    precondition(
      earlyStopping.map { $0.measure.isProbed ? probe != nil : validation != nil } ?? true,
      "TrainingLoop: early stopping needs validation samples, or a probe if it watches one")
    let base = state.optimizer.learningRate
    defer { state.optimizer.learningRate = base }
    while !state.stoppedEarly && state.history.epochs.count < epochs {
      let epoch = state.history.epochs.count
      let begin = ContinuousClock.now
      let sums = try runEpoch(
        epoch, &state, base: base, on: training, recordsSteps: recordsSteps, afterStep: afterStep)
      let duration = (ContinuousClock.now - begin) / .seconds(1)
      state.optimizer.learningRate = base
      let judged = try validation.map { try state.model.evaluate(on: $0, batchSize: evaluationBatchSize) }
      // the same draws at every epoch's end, so that epochs compare
      let probed = try probe?.measure(state.model, key: key.derived("probe"))
      state.history.epochs.append(
        EpochRecord(
          epoch: epoch + 1, learningRate: schedule.rate(base: Double(base), epoch: Double(epoch)),
          trainingLoss: sums.loss / Double(max(1, sums.samples)),
          trainingAccuracy: Double(sums.correct) / Double(max(1, sums.answers)),
          penalty: penalty?.value(of: state.model) ?? 0, largestGradientNorm: sums.largestNorm,
          validationLoss: judged?.loss, validationAccuracy: judged?.accuracy,
          validationClassAccuracies: judged?.classAccuracies, probed: probed,
          steps: sums.steps, seconds: duration))
      updateBest(&state)
      try afterEpoch?(state)
    }
    if let best = state.best, earlyStopping?.restoresBest == true { state.model = best.model }
  }

  private struct Sums {
    var loss = 0.0
    var samples = 0
    var correct = 0
    var answers = 0
    var largestNorm: Double?
    /// Nil where steps are not recorded.
    var steps: [StepRecord]?
  }

  private func runEpoch<Model: Layer, Updater: Optimizer>(
    _ epoch: Int, _ state: inout TrainingState<Model, Updater>, base: Float, on training: some BatchSource,
    recordsSteps: Bool, afterStep: ((Int, Int, Int) throws -> Void)?
  ) throws -> Sums {
    let batches = ShuffledBatches(
      of: training, batchSize: batchSize, key: key.derived("order"), dropsLast: dropsPartialBatch)
    let stepKey = key.derived("step").derived(epoch)
    var sums = Sums(steps: recordsSteps ? [] : nil)
    var step = 0
    state.optimizer.learningRate = Float(schedule.rate(base: Double(base), epoch: Double(epoch)))
    try batches.forEach(epoch: epoch, ahead: prefetchedBatches) { batch in
      if updatesRateEveryStep {
        let time = Double(epoch) + Double(step) / Double(batches.count)
        state.optimizer.learningRate = Float(schedule.rate(base: Double(base), epoch: time))
      }
      try batch.checkLabels(classCount: training.classCount)
      for replay in 0..<loss.replays {
        let batchKey = stepKey.derived(step)
        let place = TrainingStep(
          epoch: epoch, batch: step, batches: batches.count, replay: replay, epochKey: stepKey,
          key: replay == 0 ? batchKey : batchKey.derived("replay").derived(replay))
        let used = try transform?(state.model, batch, place.transformKey) ?? batch
        try used.checkLabels(classCount: training.classCount)
        try runStep(used, at: place, &state, &sums)
      }
      step += 1
      try afterStep?(epoch + 1, step, batches.count)
    }
    return sums
  }

  private func runStep<Model: Layer, Updater: Optimizer>(
    _ batch: Batch, at step: TrainingStep, _ state: inout TrainingState<Model, Updater>, _ sums: inout Sums
  ) throws {
    var outcome = try loss.outcome(of: state.model, on: batch, at: step, carried: &state.carried)
    if step.epoch == 0 && step.batch == 0 { try CrossEntropy.checkLogits(outcome.logits) }
    guard outcome.loss.isFinite else {
      throw InputError(
        .outOfRange, "the loss in epoch \(step.epoch + 1), step \(step.batch + 1)",
        expected: "a finite number", found: "\(outcome.loss)",
        remedy: "Lower the learning rate or limit the gradient norm.")
    }
    penalty?.addGradient(of: state.model, to: &outcome.gradients)
    if let gradientNormLimit {
      let norm = outcome.gradients.clipNorm(to: gradientNormLimit)
      sums.largestNorm = max(sums.largestNorm ?? 0, norm)
    }
    state.optimizer.step(&state.model, outcome.gradients)
    for pass in outcome.passes { state.model.applyUpdates(of: pass) }
    let correct = correctCount(predictions: outcome.logits.argmax(alongAxis: 1), labels: outcome.labels)
    sums.loss += Double(outcome.loss) * Double(batch.count)
    sums.samples += batch.count
    sums.correct += correct
    sums.answers += outcome.labels.count
    sums.steps?.append(
      StepRecord(
        loss: Double(outcome.loss), accuracy: Double(correct) / Double(max(1, outcome.labels.count))))
  }

  private func updateBest<Model: Layer, Updater: Optimizer>(_ state: inout TrainingState<Model, Updater>) {
    guard let rule = earlyStopping, let record = state.history.epochs.last, let score = rule.score(record)
    else {
      return
    }
    let bestScore = state.best.flatMap { rule.score(state.history.epochs[$0.epoch - 1]) }
    if bestScore == nil || score > bestScore! {
      // Values share memory until changed: the optimizer's next step copies, so this stays the best epoch's.
      state.best = (record.epoch, state.model)
    } else if let best = state.best, let patience = rule.patience, record.epoch - best.epoch >= patience {
      state.stoppedEarly = true
    }
  }
}
