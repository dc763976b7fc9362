import TensorCore

/// How alike two maps of one size are.
public struct MapComparison: Sendable, Hashable {
  /// Spearman's rank correlation of the values, −1 to 1, equal values sharing their mean rank; nil when a map is constant.
  public let rankCorrelation: Double?
  /// Of the 20 % of the pixels with the largest values in each map (their number rounded, at least one; among equals the
  /// first in row-major order): how many are in both, divided by how many are in either; 0 to 1.
  public let topFifthOverlap: Double
  /// The distance in pixels between the centres of mass of |m|; nil when a map is zero everywhere.
  public let centerShift: Double?

  /// Compares two maps.
  ///
  /// - Precondition: both are `[height, width]`, of one shape, finite.
  public init(_ a: Tensor, _ b: Tensor) {
    precondition(
      a.rank == 2 && a.shape == b.shape && a.count > 0, "MapComparison: maps \(a.shape) and \(b.shape)")
    precondition(a.isFinite && b.isFinite, "MapComparison: maps with values that are not finite")
    rankCorrelation = MapComparison.rankCorrelation(a.scalars, b.scalars)
    let count = max(1, Int((0.2 * Double(a.count)).rounded()))
    let (one, other) = (
      Set(pixelsByValue(a.scalars).prefix(count)), Set(pixelsByValue(b.scalars).prefix(count))
    )
    topFifthOverlap = Double(one.intersection(other).count) / Double(one.union(other).count)
    if let here = Self.center(a), let there = Self.center(b) {
      let (rows, columns) = (here.row - there.row, here.column - there.column)
      centerShift = (rows * rows + columns * columns).squareRoot()
    } else {
      centerShift = nil
    }
  }

  /// Where the mass |m| of a map `[height, width]` lies, in pixels, 0 being the centre of the first one; nil when it is zero
  /// everywhere.
  public static func center(_ map: Tensor) -> (row: Double, column: Double)? {
    var (mass, rows, columns) = (0.0, 0.0, 0.0)
    for (place, value) in map.scalars.enumerated() {
      let weight = Double(value.magnitude)
      mass += weight
      rows += weight * Double(place / map.shape[1])
      columns += weight * Double(place % map.shape[1])
    }
    return mass > 0 ? (rows / mass, columns / mass) : nil
  }

  /// Pearson's correlation of the ranks; nil when either side is constant.
  static func rankCorrelation(_ a: [Float], _ b: [Float]) -> Double? {
    let (a, b) = (ranks(a), ranks(b))
    let middle = Double(a.count + 1) / 2
    var (product, left, right) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      product += (x - middle) * (y - middle)
      left += (x - middle) * (x - middle)
      right += (y - middle) * (y - middle)
    }
    return left > 0 && right > 0 ? product / (left * right).squareRoot() : nil
  }

  /// Ranks from 1, equal values sharing the mean of theirs.
  private static func ranks(_ values: [Float]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count && values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }
}

/// Positions from the largest value to the smallest, the first in row-major order first among equals.
func pixelsByValue(_ values: [Float]) -> [Int] {
  values.indices.sorted { values[$0] == values[$1] ? $0 < $1 : values[$0] > values[$1] }
}
