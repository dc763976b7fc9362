import TensorCore

/// A point of a batch as a candidate for its sample's result.
struct PointOffer {
  /// Its row in the batch.
  let row: Int
  /// Its sample among all samples of the attack.
  let sample: Int
  /// Whether it reaches the goal.
  let isReached: Bool
  /// The goal's objective.
  let objective: Float

  /// Whether it is to be kept instead of another point. An objective that is NaN is below all others.
  func isAbove(_ other: PointOffer) -> Bool {
    if isReached != other.isReached { return isReached }
    return objective > other.objective || other.objective.isNaN && !objective.isNaN
  }
}

/// The best point offered for each sample: one that reaches the goal before one that does not, then the one with the larger
/// objective.
struct BestPoints {
  /// `[n, …]`; the input where nothing was offered.
  private(set) var points: Tensor
  private var kept: [PointOffer?]

  init(_ x: Tensor) {
    points = x
    kept = [PointOffer?](repeating: nil, count: x.shape[0])
  }

  /// Keeps the points on offer that are better than those kept. `batch` is `[m, …]`.
  mutating func offer(_ batch: Tensor, _ offers: [PointOffer]) {
    let better = offers.filter { kept[$0.sample].map($0.isAbove) ?? true }
    for offer in better { kept[offer.sample] = offer }
    points.setRows(better.map { (row: $0.sample, source: $0.row) }, from: batch)
  }
}

extension Tensor {
  /// Puts rows of a batch into rows of this one.
  mutating func setRows(_ rows: [(row: Int, source: Int)], from batch: Tensor) {
    let size = shape.removing(axis: 0).count
    withUnsafeMutableBufferPointer { target in
      batch.withUnsafeBufferPointer { source in
        guard let target = target.baseAddress, let source = source.baseAddress else { return }
        for (row, from) in rows { (target + row * size).update(from: source + from * size, count: size) }
      }
    }
  }
}
