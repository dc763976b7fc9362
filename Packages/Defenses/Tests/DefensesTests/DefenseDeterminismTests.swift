import Attacks
import Defenses
import Foundation
import NNLayers
import TensorCore
import Testing

/// The same seed gives the same bits for every defence, by any number of threads.
@Suite struct DefenseDeterminismTests {
  private static let key = RandomKey(seed: 81)

  private static func methods() throws -> [any TrainingLoss] {
    let noise = try SmoothingNoise(standardDeviation: 0.5)
    let ball = LInfBall(radius: 0.1)
    let attack = ProjectedGradient(budget: ball, stepSize: 0.04, steps: 2)
    return [
      AdversarialTraining(attack: attack, share: 1, cleanWeight: 1),
      AdversarialTraining.fast(radius: 0.1, warmUp: 1),
      TRADES(attack: ProjectedGradient(budget: NormalStart(ball), stepSize: 0.04, steps: 2)),
      MART(attack: attack),
      FreeAdversarialTraining(budget: L2Ball(radius: 1), replays: 2), NoiseTraining(noise: noise),
      SmoothAdv(attack: attack, noise: noise, copies: 2), MACER(noise: noise, copies: 4),
    ]
  }

  private struct Images: BatchSource {
    var count: Int { 60 }
    var inputShape: Shape { [1, 28, 28] }
    var classCount: Int { 10 }
    func batch(at indices: [Int], epoch: Int) throws -> Batch {
      Batch(
        inputs: .uniform(
          shape: [indices.count, 1, 28, 28], rowKeys: indices.map { DefenseDeterminismTests.key.derived($0) }),
        labels: IntTensor(indices.map { $0 % 10 }), indices: indices)
    }
  }

  /// The weights of document 1's network after an epoch with each method, and what the probe measured.
  private static func writeDigests(threads: Int, to path: String) throws {
    ThreadPool.threadCount = threads
    let attack = FastGradient(budget: LInfBall(radius: 0.1))
    let digests = try methods().map { method in
      var loop = TrainingLoop(epochs: 1, batchSize: 40, key: key)
      loop.loss = method
      loop.probe = RobustnessProbe(
        on: Images(), samples: Array(0..<20), trainingAttack: attack, probeAttack: attack)
      var state = TrainingState(model: ConvNN(key: key), optimizer: Adam(learningRate: 0.001))
      try loop.run(&state, on: Images())
      let record = state.history.epochs[0]
      return
        "\(state.model.weightsDigest) \(record.trainingLoss) \(record.probed!.sorted { $0.key < $1.key })"
    }
    try digests.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test func threadsDoNotMatter() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "defenses-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var digests: [String] = []
    for threads in [1, 2, 4] {
      let path = folder.appendingPathComponent("\(threads)").path
      await #expect(processExitsWith: .success) { [threads = threads as Int, path = path as String] in
        try DefenseDeterminismTests.writeDigests(threads: threads, to: path)
      }
      digests.append(try String(contentsOfFile: path, encoding: .utf8))
    }
    #expect(Set(digests).count == 1)
    let lines = digests[0].split(separator: "\n")
    #expect(lines.count == 8 && Set(lines).count == 8)
  }
}
