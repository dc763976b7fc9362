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
    let size = points.count / max(1, kept.count)
    points.withUnsafeMutableBufferPointer { points in
      batch.withUnsafeBufferPointer { batch in
        guard let target = points.baseAddress, let source = batch.baseAddress else { return }
        for offer in offers where kept[offer.sample].map(offer.isAbove) ?? true {
          kept[offer.sample] = offer
          (target + offer.sample * size).update(from: source + offer.row * size, count: size)
        }
      }
    }
  }
}
