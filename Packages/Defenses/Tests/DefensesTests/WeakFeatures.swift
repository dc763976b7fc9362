import Defenses
import NNLayers
import TensorCore

/// Two classes that one strong element tells apart 9 times in 10, and many weak ones together nearly always.
///
/// Changes of 0.1 turn the weak elements round and not the strong one, so a model that leans on the weak ones falls (Tsipras
/// et al., "Robustness May Be at Odds with Accuracy", ICLR 2019).
struct WeakFeatures: BatchSource {
  let inputs: Tensor
  let labels: IntTensor

  init(count: Int, seed: UInt64) {
    let key = RandomKey(seed: seed)
    let classes = (0..<count).map { $0 % 2 }
    let right = Tensor.bernoulli(shape: [count], probability: 0.9, key: key.derived("right")).scalars
    var x = Tensor.normal(shape: [count, 101], standardDeviation: 0.05, key: key.derived("x"))
    for i in 0..<count {
      let sign: Float = classes[i] == 1 ? 1 : -1
      x[i, 0] = (right[i] == 1 ? 0.15 : -0.15) * sign
      for k in 1..<101 { x[i, k] += 0.03 * sign }
    }
    inputs = x.clamped(to: -1...1)
    labels = IntTensor(classes)
  }

  var count: Int { labels.count }
  var inputShape: Shape { [101] }
  var classCount: Int { 2 }
  func batch(at indices: [Int], epoch: Int) throws -> Batch {
    Batch(inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
  }
}

/// Two classes that a large element tells apart but for a share of samples, in which it misleads, and that a hint tells
/// apart: in all samples, or in those alone.
struct HintedFeature: BatchSource {
  let inputs: Tensor
  let labels: IntTensor

  /// Samples `(hint, ±0.5)`.
  init(count: Int, misleading share: Float, hint: Float, onlyThere: Bool, seed: UInt64) {
    let misleads = Tensor.bernoulli(shape: [count], probability: share, key: RandomKey(seed: seed)).scalars
    var x = Tensor.zeros(shape: [count, 2])
    for i in 0..<count {
      let sign: Float = i % 2 == 1 ? 1 : -1
      x[i, 0] = onlyThere && misleads[i] == 0 ? 0 : hint * sign
      x[i, 1] = (misleads[i] == 1 ? -0.5 : 0.5) * sign
    }
    inputs = x
    labels = IntTensor((0..<count).map { $0 % 2 })
  }

  var count: Int { labels.count }
  var inputShape: Shape { [2] }
  var classCount: Int { 2 }
  func batch(at indices: [Int], epoch: Int) throws -> Batch {
    Batch(inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
  }
}

extension BatchSource {
  /// A perceptron trained on these samples in batches of 50 with Adam, by plain cross-entropy where no loss is given.
  func trained(_ loss: (any TrainingLoss)?, widths: [Int], epochs: Int, rate: Float) throws -> MLP {
    let key = RandomKey(seed: 71)
    var state = TrainingState(model: MLP(widths: widths, key: key), optimizer: Adam(learningRate: rate))
    var loop = TrainingLoop(epochs: epochs, batchSize: 50, key: key)
    if let loss { loop.loss = loss }
    try loop.run(&state, on: self)
    return state.model
  }
}
