import NNLayers
import TensorCore

extension TrainingLoop {
  /// Trains and prunes in turns: before each epoch the model is pruned to the schedule's sparsity at that time.
  ///
  /// Stopped and resumed at an epoch's end the run gives the same bits. Its last epochs should come after the schedule's
  /// rise, so that the model recovers from the last pruning.
  ///
  /// - Precondition: no early stopping, since the best epoch may be one of less sparsity.
  /// - Throws: what `run` and the pruner throw.
  public func run<Model: Layer, Updater: Optimizer>(
    _ state: inout TrainingState<Model, Updater>, on training: some BatchSource,
    validation: (any BatchSource)? = nil, pruning pruner: Pruner, schedule sparsities: some SparsitySchedule,
    afterEpoch: ((TrainingState<Model, Updater>) throws -> Void)? = nil
  ) throws {
    precondition(earlyStopping == nil, "TrainingLoop: early stopping while pruning")
    while state.history.epochs.count < epochs {
      let epoch = state.history.epochs.count
      try pruner.prune(&state.model, to: sparsities.sparsity(at: Double(epoch)))
      var part = self
      part.epochs = epoch + 1
      try part.run(&state, on: training, validation: validation, afterEpoch: afterEpoch)
    }
  }
}
