import TensorCore

/// How many singular values a factored layer keeps.
public enum RankChoice: Sendable, Hashable {
  /// This many; all where there are fewer.
  case fixed(Int)
  /// The fewest whose squares are this share of all squares' sum, 0 to 1: the squared error of the weights is at most the
  /// rest.
  case energy(Double)
  /// The most whose multiply-adds are at most this share of the dense layer's; at least one.
  case multiplyAdds(Double)

  /// The rank for singular values in falling order.
  ///
  /// - Parameters:
  ///   - values: `[k]`.
  ///   - costOfOne: the multiply-adds of rank 1, relative to the dense layer's.
  func rank(of values: Tensor, costOfOne: Double) -> Int {
    switch self {
    case .fixed(let rank):
      precondition(rank > 0, "RankChoice: rank \(rank) is not positive")
      return min(rank, values.count)
    case .energy(let share):
      precondition(share >= 0 && share <= 1, "RankChoice: energy \(share) is outside 0...1")
      let squares = values.scalars.map { Double($0) * Double($0) }
      let wanted = share * squares.reduce(0, +)
      var sum = 0.0
      for (i, square) in squares.enumerated() {
        sum += square
        if sum >= wanted { return i + 1 }
      }
      return values.count
    case .multiplyAdds(let share):
      precondition(share > 0, "RankChoice: a share of \(share) of the multiply-adds")
      return min(values.count, max(1, Int((share / costOfOne).rounded(.down))))
    }
  }
}
