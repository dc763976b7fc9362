import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

/// The same seed gives the same bits: whatever the number of threads, in every process, and after a crash.
@Suite struct DeterminismTests {
  /// Trains and attacks in a process that has this number of threads, and writes what came out.
  private static func writeDigests(threads: Int, to path: String) throws {
    ThreadPool.threadCount = threads
    let run = SmallRun()
    let model = try run.trained().model
    let batch = run.test.batch(at: Array(0..<300), epoch: 0)
    let goal = Untargeted(labels: batch.labels)
    var digests = [model.weightsDigest]
    func attack(_ budget: some Budget) {
      var hash = SHA256()
      hash.update(
        FastGradient(budget: budget).perturb(
          batch.inputs, against: LayerClassifier(model), goal: goal, key: RandomKey(seed: 3)))
      digests.append(hash.hexadecimal)
    }
    attack(LInfBall(radius: 0.1))
    attack(L2Ball(radius: 1))
    attack(L1Ball(radius: 5))
    try digests.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
  }

  // Sums that are added in the order in which threads finish, or cut by their number, differ in the last bits. Each
  // number has a process of its own, one number has two.
  @Test func threadsAndProcessesDoNotMatter() async throws {
    try await withFolder { folder in
      var digests: [String] = []
      for (index, threads) in [1, 2, 4, 8, 1].enumerated() {
        let path = folder.appendingPathComponent("\(index)").path
        await #expect(processExitsWith: .success) { [threads = threads as Int, path = path as String] in
          try DeterminismTests.writeDigests(threads: threads, to: path)
        }
        digests.append(try String(contentsOfFile: path, encoding: .utf8))
      }
      #expect(Set(digests).count == 1 && digests[0].split(separator: "\n").count == 4)
    }
  }

  // Killed in the first epoch, before there is any file; in the middle of the second; after the last step, before the
  // epoch counts. Whatever the file lacks shows as other bits.
  @Test func killedRunsGoOnWithTheSameBits() async throws {
    try await withFolder { folder in
      let whole = try SmallRun().trained()
      for (epoch, step) in [(1, 2), (2, 2), (3, 4)] {
        let file = folder.appendingPathComponent("\(epoch)-\(step).training.safetensors")
        await #expect(processExitsWith: .signal(SIGKILL)) {
          [path = file.path as String, epoch = epoch as Int, step = step as Int] in
          _ = try SmallRun().trained(from: URL(fileURLWithPath: path)) { nowEpoch, nowStep, _ in
            if nowEpoch == epoch && nowStep == step { kill(getpid(), SIGKILL) }
          }
        }
        #expect(FileManager.default.fileExists(atPath: file.path) == (epoch > 1))
        let resumed = try SmallRun().trained(from: file)
        #expect(
          resumed.model.weightsDigest == whole.model.weightsDigest, "killed in epoch \(epoch), step \(step)")
        #expect(resumed.best?.epoch == whole.best?.epoch)
        #expect(resumed.best?.model.weightsDigest == whole.best?.model.weightsDigest)
        // and nothing but the file is left beside it
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.filter { $0.hasPrefix(".") }.isEmpty)
      }
    }
  }
}
