import NNLayers
import TensorCore

/// A black-box attack through a surrogate: a copy is trained on the target's answers, attacked with gradients, and the
/// result is shown to the target.
public struct SurrogateTransfer<Model: Layer>: Sendable {
  /// The copy.
  public let surrogate: Model
  /// How many inputs the target was asked about before the attack.
  public let queries: Int
  /// The attacked samples, unchanged, that copy and target give the same class.
  public let agreement: Proportion
  /// The attack's way from the copy to the target.
  public let transfer: TransferResult
}

/// A data set with a model's answers instead of the true labels.
public struct AnsweredSamples<Source: BatchSource>: BatchSource {
  private let source: Source
  /// `[n]`, the class that the model gave each sample.
  public let answers: IntTensor

  /// Asks a model about every sample once.
  ///
  /// - Throws: what the source throws; `InputError.outOfRange` for inputs outside the model's range.
  public init(_ source: Source, from model: some Classifier, batchSize: Int = 250) throws {
    precondition(batchSize > 0, "AnsweredSamples: batch size \(batchSize) is not positive")
    self.source = source
    var answers: [Int32] = []
    for start in stride(from: 0, to: source.count, by: batchSize) {
      let batch = try source.batch(at: Array(start..<min(source.count, start + batchSize)))
      try batch.checkInputs(in: model.inputRange)
      answers += model.logits(batch.inputs).argmax(alongAxis: 1).scalars
    }
    self.answers = IntTensor(shape: [answers.count], scalars: answers)
  }

  /// The source's.
  public var count: Int { source.count }
  /// The source's.
  public var inputShape: Shape { source.inputShape }
  /// The source's.
  public var classCount: Int { source.classCount }

  /// The source's inputs with the model's answers; a source that augments does so after the model was asked.
  public func batch(at indices: [Int], epoch: Int) throws -> Batch {
    Batch(
      inputs: try source.batch(at: indices, epoch: epoch).inputs, labels: answers.gathered(rows: indices),
      indices: indices)
  }
}

/// Attacks a model of which only the predicted class is seen.
///
/// Source: Papernot et al., "Practical Black-Box Attacks against Machine Learning", ASIA CCS 2017. Difference: the target
/// is asked about the given inputs only; there is no augmentation along the copy's gradient.
///
/// - Parameters:
///   - attack: the search on the copy.
///   - target: the model that is to be fooled.
///   - state: the start of the copy's training.
///   - loop: the copy's training.
///   - queries: the inputs that the target is asked about; their labels are not used.
///   - source: the samples to attack.
///   - samples: their indices; nil takes all.
///   - targets: the wanted classes of a targeted attack, one a sample; nil attacks away from the labels.
///   - batchSize: how many samples run at once.
///   - key: the attack's randomness.
/// - Throws: what training, judging and `transfer(_:of:to:batchSize:)` throw.
public func surrogateTransfer<Model: Layer, Updater: Optimizer>(
  of attack: some Attack, to target: some Classifier, training state: TrainingState<Model, Updater>,
  with loop: TrainingLoop, queries: some BatchSource, on source: some BatchSource, samples: [Int]? = nil,
  targets: IntTensor? = nil, batchSize: Int = 250, key: RandomKey
) throws -> SurrogateTransfer<Model> {
  var state = state
  try loop.run(&state, on: AnsweredSamples(queries, from: target, batchSize: batchSize))
  let copy = PlanClassifier(try state.model.prepared(for: source.inputShape), inputRange: target.inputRange)
  let result = try judge(
    attack, against: copy, on: source, samples: samples, targets: targets, batchSize: batchSize,
    keepsInputs: true, key: key)
  let transferred = try transfer(result, of: source, to: target, batchSize: batchSize)
  return SurrogateTransfer(
    surrogate: state.model, queries: queries.count,
    agreement: Proportion(
      zip(transferred.source, transferred.target).map { $0.clean.label == $1.clean.label }),
    transfer: transferred)
}
