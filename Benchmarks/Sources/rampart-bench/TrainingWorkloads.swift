import AutoDiffLite
import NNLayers
import TensorCore

extension Workload {
  /// Softmax regression 784-10, SGD 0.05, batches of 100: document 2.
  static let softmaxTraining = Workload(name: "softmax.train.b100") {
    trainingStep(
      MLP(widths: [784, 10], initializer: .constant(0), key: benchmarkKey), SGD(learningRate: 0.05),
      batchSize: 100)
  }

  /// 784-512-10 with ReLU, Adam 5e-4, batches of 200: document 3.
  static let mlp512Training = Workload(name: "mlp512.train.b200") {
    trainingStep(MLP(widths: [784, 512, 10], key: benchmarkKey), Adam(learningRate: 5e-4), batchSize: 200)
  }
}

private let benchmarkKey = RandomKey(seed: 1)

/// A whole step on 60,000 samples of 784 random pixels, stored as bytes: make a shuffled batch, forward, cross-entropy,
/// backward, update.
private func trainingStep<Model: Layer, Updater: Optimizer>(
  _ model: Model, _ optimizer: Updater, batchSize: Int
) -> () -> Void {
  let words = benchmarkKey.derived("images").words(count: 60_000 * 784 / 4)
  let images = ByteTensor(shape: [60_000, 784], scalars: words.withUnsafeBytes { Array($0) })
  let labels = IntTensor(benchmarkKey.derived("labels").words(count: 60_000).map { Int($0 % 10) })
  let order = benchmarkKey.derived("order").permutation(count: 60_000)
  var model = model
  var optimizer = optimizer
  var start = 0
  return {
    let indices = Array(order[start..<(start + batchSize)])
    start = (start + batchSize) % (60_000 - batchSize + 1)
    let x = Variable(images.pixels(rows: indices))
    let y = labels.gathered(rows: indices)
    let (loss, slopes) = gradients(of: model, in: Pass(.training, samples: indices)) { model, pass in
      model(x, in: pass).crossEntropy(labels: y).mean()
    }
    precondition(loss.isFinite, "benchmark: loss \(loss)")
    optimizer.step(&model, slopes)
  }
}
