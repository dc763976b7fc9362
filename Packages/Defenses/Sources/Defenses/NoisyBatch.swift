import NNLayers
import TensorCore

/// A batch in noisy copies, as the smoothing defences train on it.
///
/// The noise of a sample follows from the epoch's key and the sample's index: it depends neither on the order of the batches
/// nor on their size, and is new in every epoch.
struct NoisyBatch {
  /// How many copies each sample has.
  let copies: Int
  /// `[n]`, the key of each sample's noise.
  let keys: [RandomKey]
  /// `[n · copies]`, the samples' labels, the copies of a sample side by side.
  let labels: IntTensor
  /// `[n · copies]`, a number for each copy, from which its dropout and the like follow.
  let indices: [Int]
  private let targets: Tensor?
  private let noise: SmoothingNoise

  init(_ batch: Batch, noise: SmoothingNoise, copies: Int, at step: TrainingStep) {
    self.noise = noise
    self.copies = copies
    let epoch = step.epochKey.derived("noise")
    keys = batch.indices.map { epoch.derived($0) }
    targets = batch.targets?.gathered(
      rows: batch.indices.indices.flatMap { [Int](repeating: $0, count: copies) })
    labels = batch.labels.repeatingEach(copies)
    indices = batch.indices.flatMap { index in (0..<copies).map { index * copies + $0 } }
  }

  /// The copies of inputs `[n, …]` with their labels.
  func batch(of inputs: Tensor) -> Batch {
    Batch(inputs: self.inputs(inputs), labels: labels, indices: indices, targets: targets)
  }

  /// The copies of inputs `[n, …]`, with the same noise at each call: `[n · copies, …]`.
  func inputs(_ inputs: Tensor) -> Tensor {
    noise.copies(ofEach: inputs, count: copies, keys: keys)
  }
}

extension IntTensor {
  /// Every element several times in a row: `[n] → [n · count]`.
  func repeatingEach(_ count: Int) -> IntTensor {
    IntTensor(scalars.flatMap { [Int](repeating: Int($0), count: count) })
  }
}
