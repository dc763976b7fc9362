import Attacks
import AutoDiffLite
import Datasets
import Defenses
import Foundation
import NNLayers
import TensorCore
import Testing

/// The same seed gives the same bits for the convolutional networks of the documents too.
@Suite struct NetworkDeterminismTests {
  private static let key = RandomKey(seed: 63)
  private static let attack = ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.02, steps: 3)

  /// Document 0's training: dropout, momentum, clipping, and a quarter of each batch attacked.
  private static func start() -> (loop: TrainingLoop, state: TrainingState<Net, SGD>) {
    var loop = TrainingLoop(epochs: 2, batchSize: 64, key: key)
    loop.gradientNormLimit = 1
    loop.loss = AdversarialTraining(attack: attack, share: 0.25)
    let optimizer = SGD(learningRate: 0.05, momentum: 0.9)
    return (loop, TrainingState(model: Net(key: key.derived("weights")), optimizer: optimizer))
  }

  /// Two steps on drawn images of this shape, then an attack on the prepared network.
  private static func digests(of model: some Layer, _ sample: Shape, count: Int) throws -> [String] {
    var (model, optimizer) = (model, SGD(learningRate: 0.01, momentum: 0.9))
    let x = Tensor.uniform(shape: Shape([count] + sample.dimensions), key: key.derived("x"))
    let labels = IntTensor((0..<count).map { $0 % 10 })
    for step in 0..<2 {
      let pass = Pass(.training, key: key.derived("pass").derived(step))
      let (_, slopes) = gradients(of: model, in: pass) { model, pass in
        model(Variable(x), in: pass).crossEntropy(labels: labels).mean()
      }
      optimizer.step(&model, slopes)
      model.applyUpdates(of: pass)
    }
    var hash = SHA256()
    hash.update(
      attack.perturb(
        x, against: PlanClassifier(try model.prepared(for: sample)), goal: Untargeted(labels: labels),
        key: key))
    return [model.weightsDigest, hash.hexadecimal]
  }

  private static func writeDigests(threads: Int, to path: String) throws {
    ThreadPool.threadCount = threads
    let (loop, begin) = start()
    var state = begin
    try loop.run(&state, on: SyntheticDigits.images(count: 200, key: key.derived("images")))
    var digests = [state.model.weightsDigest]
    digests += try Self.digests(of: ConvNN(key: key), [1, 28, 28], count: 50)
    digests += try Self.digests(of: SimpleCNN(key: key), [3, 32, 32], count: 20)
    digests += try Self.digests(of: ResNetSmall(key: key), [3, 32, 32], count: 9)
    try digests.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
  }

  // Weights after training steps, running means, input gradients of the prepared networks.
  @Test func threadsAndProcessesDoNotMatter() async throws {
    try await withFolder { folder in
      var digests: [String] = []
      for (index, threads) in [1, 2, 4, 8, 1].enumerated() {
        let path = folder.appendingPathComponent("\(index)").path
        await #expect(processExitsWith: .success) { [threads = threads as Int, path = path as String] in
          try NetworkDeterminismTests.writeDigests(threads: threads, to: path)
        }
        digests.append(try String(contentsOfFile: path, encoding: .utf8))
      }
      #expect(Set(digests).count == 1)
      let lines = digests[0].split(separator: "\n")
      #expect(lines.count == 7 && Set(lines).count == 7)
    }
  }

  private struct Stop: Error {}

  // Dropout masks and random starts of the second epoch must not depend on what the first one drew.
  @Test func interruptedTrainingGoesOnWithTheSameBits() async throws {
    try await withFolder { folder in
      let images = SyntheticDigits.images(count: 200, key: Self.key.derived("images"))
      var whole = Self.start()
      try whole.loop.run(&whole.state, on: images, validation: images)
      let checkpoint = TrainingCheckpoint(
        url: folder.appendingPathComponent("net.training.safetensors"), fingerprint: "net", interval: 0)
      var broken = Self.start()
      #expect(throws: Stop.self) {
        try broken.loop.run(
          &broken.state, on: images, validation: images, checkpoint: checkpoint,
          afterStep: { epoch, step, _ in if epoch == 2 && step == 2 { throw Stop() } })
      }
      var resumed = Self.start()
      try resumed.loop.run(&resumed.state, on: images, validation: images, checkpoint: checkpoint)
      #expect(resumed.state.model.weightsDigest == whole.state.model.weightsDigest)
      #expect(
        resumed.state.history.epochs.map(\.trainingLoss) == whole.state.history.epochs.map(\.trainingLoss))
    }
  }
}
