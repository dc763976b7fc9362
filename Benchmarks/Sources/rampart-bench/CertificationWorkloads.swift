import NNLayers
import Synchronization
import TensorCore

extension Workload {
  /// The counts of randomized smoothing: the classes of 10,000 noisy copies of one image, sigma 1, clamped to [0, 1].
  /// Each call draws other noise.
  static let certification = [
    Workload(name: "convnn.certify.n10000") {
      let plan = prepared(convNN(), for: digitShape)
      let image = randomImages(1, digitShape)
      var calls = 0
      return {
        calls += 1
        let counts = noisyCounts(plan, image, count: 10_000, key: benchmarkKey.derived(calls))
        precondition(counts.reduce(0, +) == 10_000, "benchmark: counts \(counts)")
      }
    }
  ]
}

/// How often each class is the largest, over noisy copies. Each task draws, classifies and counts some of them by itself,
/// few enough to stay in a core's cache.
private func noisyCounts(_ plan: EvaluationPlan, _ image: Tensor, count: Int, key: RandomKey) -> [Int] {
  let chunk = 100
  let counts = Mutex([Int](repeating: 0, count: 10))
  ThreadPool.run(count: count, inChunksOf: chunk) { copies in
    let noise = Tensor.normal(
      shape: image.shape.replacing(axis: 0, with: copies.count), key: key.derived(copies.lowerBound))
    let found = plan.logits((image + noise).clamped(to: 0...1)).argmax(alongAxis: 1).scalars
    counts.withLock { counts in for label in found { counts[Int(label)] += 1 } }
  }
  return counts.withLock { $0 }
}
