import Defenses
import NNLayers
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

private func noisyCounts(_ plan: EvaluationPlan, _ image: Tensor, count: Int, key: RandomKey) -> [Int] {
  do {
    let smoothed = SmoothedClassifier(plan, noise: try SmoothingNoise(standardDeviation: 1))
    return try smoothed.classCounts(of: image, copies: 0..<count, keys: [key])[0]
  } catch { fail("\(error)") }
}
