/// Divides a whole number in proportion to shares, below capacities.
enum Apportionment {
  /// Numbers that sum to `total`, each within one of min(capacity, λ · share) with λ such that these sum to it too.
  ///
  /// Whole parts first, then one each by the largest remainder, the earlier of equals first.
  ///
  /// - Precondition: `total` is not negative and at most the capacities of positive shares together.
  static func counts(total: Int, shares: [Double], capacities: [Int]) -> [Int] {
    let exact = amounts(total: Double(total), shares: shares, capacities: capacities.map(Double.init))
    var counts = zip(exact, capacities).map { min($1, Int($0.rounded(.down))) }
    let order = exact.indices.sorted {
      let (a, b) = (exact[$0] - Double(counts[$0]), exact[$1] - Double(counts[$1]))
      return a != b ? a > b : $0 < $1
    }
    var left = total - counts.reduce(0, +)
    for i in order where left > 0 && counts[i] < capacities[i] {
      counts[i] += 1
      left -= 1
    }
    precondition(left == 0, "Apportionment: \(total) among capacities \(capacities)")
    return counts
  }

  // The level rises until the first capacity is full; that one is set aside and the rest goes on.
  private static func amounts(total: Double, shares: [Double], capacities: [Double]) -> [Double] {
    var amounts = [Double](repeating: 0, count: shares.count)
    var left = total
    var open = shares.indices.filter { shares[$0] > 0 && capacities[$0] > 0 }
      .sorted { capacities[$0] / shares[$0] < capacities[$1] / shares[$1] }
    while let first = open.first {
      let level = left / open.reduce(0) { $0 + shares[$1] }
      if level * shares[first] < capacities[first] {
        for i in open { amounts[i] = level * shares[i] }
        break
      }
      amounts[first] = capacities[first]
      left -= capacities[first]
      open.removeFirst()
    }
    return amounts
  }
}
