import Defenses
import NNLayers
import TensorCore

/// Two classes, the second where w·x + b > 0. Under normal noise without clamping its probability is
/// Φ((w·x + b) / (σ‖w‖)), and the smoothed classifier changes at the distance |w·x + b| / ‖w‖ exactly.
func halfSpace(weight: [Float], bias: Float) throws -> EvaluationPlan {
  var layer = Linear(inputs: weight.count, outputs: 2, key: RandomKey(seed: 0))
  layer.weight.value = Tensor([[Float](repeating: 0, count: weight.count), weight])
  layer.bias?.value = Tensor([0, bias])
  return try layer.prepared(for: [weight.count])
}

/// Samples with labels, each requested as it is.
struct Points: BatchSource {
  let inputs: Tensor
  let labels: [Int]
  var classCount = 2
  var count: Int { labels.count }
  var inputShape: Shape { inputs.shape.removing(axis: 0) }
  func batch(at indices: [Int], epoch: Int) throws -> Batch {
    Batch(
      inputs: inputs.gathered(rows: indices), labels: IntTensor(indices.map { labels[$0] }), indices: indices)
  }
}

extension Batch {
  /// One input many times, with the indices 0, 1, 2, … and so with noise of its own each time.
  init(repeating input: [Float], count: Int, label: Int = 1) {
    self.init(
      inputs: Tensor(shape: [count, input.count], scalars: (0..<count).flatMap { _ in input }),
      labels: IntTensor([Int](repeating: label, count: count)), indices: Array(0..<count))
  }
}

/// Whether a rate of at most `limit` could have produced these counts: false for a true claim with a probability of at most
/// one in a million.
func isPossible(_ proportion: Proportion, rateAtMost limit: Double) -> Bool {
  proportion.lowerBound(failureProbability: 1e-6) <= limit
}
