import Foundation
import TensorCore

/// A file in which a training run can be stopped at any moment, also by a crash, and continued bit by bit.
///
/// The file belongs to one run: `fingerprint` names everything that decides its result (settings, seed, data). A file
/// with another fingerprint is that of another run and is not continued.
public struct TrainingCheckpoint: Sendable {
  /// The file, by custom `<model>-<variant>.training.safetensors`.
  public let url: URL
  /// What decides the run's result, for example the SHA-256 of its settings and data.
  public let fingerprint: String
  /// The least time between two saves, in seconds; the end of a run is always saved.
  public var interval: Double

  /// A checkpoint file of one run.
  public init(url: URL, fingerprint: String, interval: Double = 10) {
    self.url = url
    self.fingerprint = fingerprint
    self.interval = interval
  }

  /// Writes the state at the end of an epoch, whole or not at all.
  public func save<Model: Layer, Updater: Optimizer>(_ state: TrainingState<Model, Updater>) throws {
    var file = SafeTensors(metadata: [
      "fingerprint": fingerprint, "step_count": String(state.optimizer.state.stepCount),
      "history": String(decoding: try Self.encoder.encode(state.history), as: UTF8.self),
      "stopped_early": String(state.stoppedEarly),
    ])
    for (name, entry) in state.model.weights().entries { file.entries["model/" + name] = entry }
    for (name, tensor) in state.optimizer.state.tensors {
      file.entries["optimizer/" + name] = .tensor(tensor)
    }
    for (name, parameter) in state.model.parameters {
      guard let mask = parameter.mask else { continue }
      file.entries["mask/" + name] = .bytes(
        ByteTensor(shape: mask.shape, scalars: mask.scalars.map { $0 == 0 ? 0 : 1 }))
    }
    for (name, tensor) in state.carried { file.entries["carried/" + name] = .tensor(tensor) }
    if let best = state.best {
      file.metadata["best_epoch"] = String(best.epoch)
      for (name, entry) in best.model.weights().entries { file.entries["best/" + name] = entry }
    }
    try file.write(to: url)
  }

  // A class without validation samples has the accuracy NaN, which JSON has no number for.
  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }
  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  /// Continues the saved run: fills `state`, made for the same model and optimizer, and returns true. Returns false and
  /// leaves it when there is no file, or one of another run.
  ///
  /// - Throws: `InputError` for a damaged file, or one whose tensors are not this model's.
  public func restore<Model: Layer, Updater: Optimizer>(_ state: inout TrainingState<Model, Updater>) throws
    -> Bool
  {
    guard FileManager.default.fileExists(atPath: url.path) else { return false }
    let file = try SafeTensors(contentsOf: url)
    guard file.metadata["fingerprint"] == fingerprint else { return false }
    guard
      let steps = file.metadata["step_count"].flatMap(Int.init), let text = file.metadata["history"],
      let history = try? Self.decoder.decode(TrainingHistory.self, from: Data(text.utf8))
    else {
      throw InputError(
        .damaged, url.lastPathComponent, expected: "the state of a training run",
        found: "no step count or history",
        remedy: "Delete the file to start the run anew.")
    }
    var restored = state
    try restoreMasks(file.part("mask/"), of: &restored.model)
    try restored.model.load(file.part("model/"))
    restored.optimizer.state = OptimizerState(
      stepCount: steps, tensors: try optimizerTensors(file.part("optimizer/"), of: restored.model))
    let carried = file.part("carried/")
    restored.carried = try Dictionary(
      uniqueKeysWithValues: carried.names.map { ($0, try carried.tensor(named: $0)) })
    restored.best = nil
    if let text = file.metadata["best_epoch"] {
      guard let epoch = Int(text), history.epochs.indices.contains(epoch - 1) else {
        throw InputError(
          .damaged, url.lastPathComponent, expected: "a best epoch among \(history.epochs.count)",
          found: text,
          remedy: "Delete the file to start the run anew.")
      }
      var model = restored.model
      try model.load(file.part("best/"))
      restored.best = (epoch, model)
    }
    restored.history = history
    restored.stoppedEarly = file.metadata["stopped_early"] == "true"
    state = restored
    return true
  }
}

extension TrainingCheckpoint {
  // A parameter without an entry was not masked when the run was saved.
  private func restoreMasks(_ file: SafeTensors, of model: inout some Layer) throws {
    var failure: (any Error)?
    model.visitParameters { name, parameter in
      do {
        parameter.setMask(
          try file.entries[name].map { _ in
            let bytes = try file.bytes(named: name, shape: parameter.value.shape)
            return Tensor(shape: bytes.shape, scalars: bytes.scalars.map { $0 == 0 ? 0 : 1 })
          })
      } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  // Names are `quantity/parameter`, and each tensor has its parameter's shape.
  private func optimizerTensors(_ file: SafeTensors, of model: some Layer) throws -> [String: Tensor] {
    let shapes = Dictionary(
      uniqueKeysWithValues: model.parameters.map { ($0.name, $0.parameter.value.shape) })
    var tensors: [String: Tensor] = [:]
    for name in file.names {
      guard let parameter = name.split(separator: "/", maxSplits: 1).last,
        let shape = shapes[String(parameter)]
      else {
        throw InputError(
          .mismatch, url.lastPathComponent, expected: "optimizer tensors of this model's parameters",
          found: name,
          remedy: "Delete the file to start the run anew.")
      }
      tensors[name] = try file.tensor(named: name, shape: shape)
    }
    return tensors
  }
}

extension SafeTensors {
  /// The entries whose names begin with a prefix, without it.
  fileprivate func part(_ prefix: String) -> SafeTensors {
    var part = SafeTensors()
    for (name, entry) in entries where name.hasPrefix(prefix) {
      part.entries[String(name.dropFirst(prefix.count))] = entry
    }
    return part
  }
}

extension TrainingLoop {
  /// Trains as `run(_:on:validation:)` does, continuing from the checkpoint where it holds this run, and saving to it on
  /// the way. A finished run is read from the file and costs no training.
  public func run<Model: Layer, Updater: Optimizer>(
    _ state: inout TrainingState<Model, Updater>, on training: some BatchSource,
    validation: (any BatchSource)? = nil, recordsSteps: Bool = false, checkpoint: TrainingCheckpoint,
    afterEpoch: ((TrainingState<Model, Updater>) throws -> Void)? = nil,
    afterStep: ((_ epoch: Int, _ step: Int, _ steps: Int) throws -> Void)? = nil
  ) throws {
    _ = try checkpoint.restore(&state)
    let clock = ContinuousClock()
    var lastSave = clock.now
    let epochs = self.epochs
    try run(
      &state, on: training, validation: validation, recordsSteps: recordsSteps,
      afterEpoch: { current in
        let isLast = current.stoppedEarly || current.history.epochs.count >= epochs
        if isLast || clock.now - lastSave >= .seconds(checkpoint.interval) {
          try checkpoint.save(current)
          lastSave = clock.now
        }
        try afterEpoch?(current)
      }, afterStep: afterStep)
  }
}
