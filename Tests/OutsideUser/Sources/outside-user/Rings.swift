import Foundation
import TensorCore

/// A data source of one's own: points of the unit square, inside and outside a ring around its centre. Every point is
/// drawn when it is asked for, from its index alone.
struct Rings: BatchSource {
  let count: Int
  let key: RandomKey
  var inputShape: Shape { [2] }
  var classCount: Int { 2 }

  func batch(at indices: [Int], epoch: Int) throws -> Batch {
    var points: [[Float]] = []
    for index in indices {
      let draw = Tensor.uniform(shape: [2], key: key.derived(index)).scalars
      let angle = 2 * Float.pi * draw[0]
      let distance = index % 2 == 0 ? 0.15 * draw[1] : 0.3 + 0.15 * draw[1]
      points.append([0.5 + distance * cos(angle), 0.5 + distance * sin(angle)])
    }
    return Batch(inputs: Tensor(points), labels: IntTensor(indices.map { $0 % 2 }), indices: indices)
  }
}
