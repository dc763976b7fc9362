import TensorCore

/// Finds the k lowest of many scores without sorting them.
enum LowestScores {
  /// Masks that are 0 for the `count` lowest scores of all tensors together and 1 elsewhere. What a mask has removed before
  /// comes first, then the scores in order; of equal scores the earlier goes first.
  ///
  /// - Precondition: no score is NaN; `count` is at most the number of scores.
  static func masks(removing count: Int, scores: [Tensor], masks: [Tensor?]) -> [Tensor] {
    let (threshold, below) = threshold(count, scores, masks)
    var ties = count - below
    return zip(scores, masks).map { scores, mask in
      Tensor(shape: scores.shape) { kept in
        forEachRank(scores, mask) { i, rank in
          let goes = rank < threshold || rank == threshold && ties > 0
          if goes && rank == threshold { ties -= 1 }
          kept[i] = goes ? 0 : 1
        }
      }
    }
  }

  // The rank that the last removed score has, and how many ranks lie below it: by the upper and then the lower half of the
  // ranks' bits.
  private static func threshold(_ count: Int, _ scores: [Tensor], _ masks: [Tensor?]) -> (UInt32, below: Int)
  {
    var below = 0
    func place(_ value: (UInt32) -> Int?) -> UInt32 {
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 1 << 16) { counts in
        counts.initialize(repeating: 0)
        for (scores, mask) in zip(scores, masks) {
          forEachRank(scores, mask) { _, rank in
            if let value = value(rank) { counts[value] += 1 }
          }
        }
        var place = 0
        while place < counts.count - 1 && below + counts[place] < count {
          below += counts[place]
          place += 1
        }
        return UInt32(place)
      }
    }
    let upper = place { Int($0 >> 16) }
    let lower = place { $0 >> 16 == upper ? Int($0 & 0xffff) : nil }
    return (upper << 16 | lower, below)
  }

  // Whole numbers in the order of the scores, 0 for what is masked already.
  private static func forEachRank(_ scores: Tensor, _ mask: Tensor?, _ body: (Int, UInt32) -> Void) {
    scores.withUnsafeBufferPointer { scores in
      func run(_ mask: UnsafeBufferPointer<Float>?) {
        for i in 0..<scores.count {
          if let mask, mask[i] == 0 {
            body(i, 0)
          } else {
            let bits = (scores[i] + 0).bitPattern  // −0 and 0 are equal scores
            body(i, bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits)
          }
        }
      }
      if let mask { mask.withUnsafeBufferPointer(run) } else { run(nil) }
    }
  }
}
