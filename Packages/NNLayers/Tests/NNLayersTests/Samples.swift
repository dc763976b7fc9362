import Foundation
import NNLayers
import Synchronization
import TensorCore

/// Samples in memory, as a user would write a source of their own.
struct Samples: BatchSource {
  var inputs: Tensor
  var labels: IntTensor
  var classCount: Int
  /// Thrown instead of any batch.
  var failure: InputError?

  init(inputs: Tensor, labels: IntTensor, classCount: Int) {
    self.inputs = inputs
    self.labels = labels
    self.classCount = classCount
  }

  /// Points around three corners of a square, half a side wide: three classes that an MLP separates.
  static func clouds(count: Int, seed: UInt64 = 11, features: Int = 2) -> Samples {
    let labels = (0..<count).map { $0 % 3 }
    var inputs = Tensor.normal(shape: [count, features], standardDeviation: 0.25, key: RandomKey(seed: seed))
    for (i, label) in labels.enumerated() where label > 0 { inputs[i, label - 1] += 1 }
    return Samples(inputs: inputs, labels: IntTensor(labels), classCount: 3)
  }

  var count: Int { labels.count }
  var inputShape: Shape { inputs.shape.removing(axis: 0) }

  func batch(at indices: [Int], epoch: Int) throws -> Batch {
    if let failure { throw failure }
    return Batch(
      inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
  }
}

/// Samples that remember what was asked of them.
final class WatchedSamples: BatchSource {
  let samples: Samples
  private let asked = Mutex<[(indices: [Int], epoch: Int)]>([])

  init(_ samples: Samples) { self.samples = samples }

  var requests: [(indices: [Int], epoch: Int)] { asked.withLock { $0 } }
  var count: Int { samples.count }
  var inputShape: Shape { samples.inputShape }
  var classCount: Int { samples.classCount }

  func batch(at indices: [Int], epoch: Int) throws -> Batch {
    asked.withLock { $0.append((indices, epoch)) }
    return try samples.batch(at: indices, epoch: epoch)
  }
}
