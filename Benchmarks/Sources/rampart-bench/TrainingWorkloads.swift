import AutoDiffLite
import NNLayers
import TensorCore

extension Workload {
  /// Training steps.
  static let training = [
    // Softmax regression, document 2.
    Workload(name: "softmax.train.b100") {
      trainingStep(
        MLP(widths: [784, 10], initializer: .constant(0), key: benchmarkKey), SGD(learningRate: 0.05),
        digits(as: [784]), batchSize: 100)
    },
    // 784-512-10 with ReLU, document 3.
    Workload(name: "mlp512.train.b200") {
      trainingStep(
        MLP(widths: [784, 512, 10], key: benchmarkKey), Adam(learningRate: 5e-4), digits(as: [784]),
        batchSize: 200)
    },
    // Document 0.
    Workload(name: "net.train.b64") {
      trainingStep(
        net(), SGD(learningRate: 0.001, momentum: 0.9), digits(as: digitShape), batchSize: 64)
    },
    // Document 1.
    Workload(name: "convnn.train.b128") {
      trainingStep(convNN(), Adam(learningRate: 1e-3), digits(as: digitShape), batchSize: 128)
    },
    // Document 4.
    Workload(name: "simplecnn.train.b32") {
      trainingStep(simpleCNN(), pictureOptimizer, pictures(), batchSize: 32)
    },
    Workload(name: "resnet.train.b32") {
      trainingStep(resNetSmall(), pictureOptimizer, pictures(), batchSize: 32)
    },
    Workload(name: "wide.train.b64") {
      trainingStep(wide(), Adam(learningRate: 1e-3), digits(as: digitShape), batchSize: 64)
    },
  ]
}

private let pictureOptimizer = Adam(learningRate: 1e-3, coupledDecay: 1e-4)

/// How many samples a training set has, and the images with some indices, in [0, 1].
private typealias TrainingSet = (count: Int, images: ([Int]) -> Tensor)

/// 60,000 images of random bytes.
private func digits(as sample: Shape) -> TrainingSet {
  let words = benchmarkKey.derived("images").words(count: 60_000 * 784 / 4)
  let images = ByteTensor(
    shape: Shape([60_000] + sample.dimensions), scalars: words.withUnsafeBytes { Array($0) })
  return (60_000, { images.pixels(rows: $0) })
}

/// 1,600 images of random floats.
private func pictures() -> TrainingSet {
  let images = randomImages(1_600, pictureShape)
  return (1_600, { images.gathered(rows: $0) })
}

/// A whole step: make a shuffled batch, forward, cross-entropy, backward, update, running statistics.
private func trainingStep<Model: Layer, Updater: Optimizer>(
  _ model: Model, _ optimizer: Updater, _ data: TrainingSet, batchSize: Int
) -> () -> Void {
  let labels = randomLabels(data.count)
  let order = benchmarkKey.derived("order").permutation(count: data.count)
  var model = model
  var optimizer = optimizer
  var start = 0
  var steps = 0
  return {
    let indices = Array(order[start..<(start + batchSize)])
    start = (start + batchSize) % (data.count - batchSize + 1)
    steps += 1
    let x = Variable(data.images(indices))
    let y = labels.gathered(rows: indices)
    let pass = Pass(.training, key: benchmarkKey.derived("pass").derived(steps), samples: indices)
    let (loss, slopes) = gradients(of: model, in: pass) { model, pass in
      model(x, in: pass).crossEntropy(labels: y).mean()
    }
    precondition(loss.isFinite, "benchmark: loss \(loss)")
    optimizer.step(&model, slopes)
    model.applyUpdates(of: pass)
  }
}
