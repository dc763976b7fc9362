import Attacks
import Foundation
import TensorCore
import Testing

@Suite struct RandomStartTests {
  private static let key = RandomKey(seed: 59)
  private static let keys = (0..<4000).map { key.derived($0) }
  private static let everywhere = -Float.infinity...Float.infinity

  /// 4,000 draws around 0 in a ball of radius 1: `[4000, 3]`.
  private func draws(_ kind: VectorNorm) -> [[Double]] {
    let start = ball(kind, radius: 1).randomStart(
      .zeros(shape: [4000, 3]), range: Self.everywhere, keys: Self.keys)
    return (0..<4000).map { start[row: $0].scalars.map(Double.init) }
  }

  /// The largest distance between the draws' distribution and a closed form (Kolmogorov and Smirnov).
  private func distance(_ values: [Double], _ distribution: (Double) -> Double) -> Double {
    let sorted = values.sorted()
    let n = Double(sorted.count)
    return sorted.enumerated().reduce(0) { worst, draw in
      let p = distribution(draw.element)
      return max(worst, abs(p - Double(draw.offset) / n), abs(p - Double(draw.offset + 1) / n))
    }
  }

  // Of a uniform point in a ball of three dimensions, each element's distribution is known in closed form, and the
  // norm's is t³: a draw at the surface only, or without the root, misses it widely.
  @Test(arguments: VectorNorm.allCases) func drawsAreUniformInTheBall(_ kind: VectorNorm) {
    let draws = draws(kind)
    // exceeded once in 1,000 sets of 4,000 true draws
    let limit = 1.95 / 4000.0.squareRoot()
    #expect(distance(draws.map { norm($0, kind) }) { $0 * $0 * $0 } < limit)
    for axis in 0..<3 {
      let values = draws.map { $0[axis] }
      switch kind {
      case .lInf: #expect(distance(values) { ($0 + 1) / 2 } < limit)
      case .l2: #expect(distance(values) { (2 + 3 * $0 - $0 * $0 * $0) / 4 } < limit)
      case .l1: #expect(distance(values) { $0 < 0 ? pow(1 + $0, 3) / 2 : 1 - pow(1 - $0, 3) / 2 } < limit)
      }
    }
    // all eight octants are as likely: chi-squared with 7 degrees of freedom exceeds 24.3 once in 1,000 sets
    var octants = [Double](repeating: 0, count: 8)
    for draw in draws { octants[(draw[0] < 0 ? 4 : 0) + (draw[1] < 0 ? 2 : 0) + (draw[2] < 0 ? 1 : 0)] += 1 }
    #expect(octants.reduce(0) { $0 + ($1 - 500) * ($1 - 500) / 500 } < 24.3, "\(octants)")
  }

  // A start outside the range is no image: it is clipped, so that half of the draws around 0 stay at 0.
  @Test func drawsAreClippedToTheRange() {
    let start = LInfBall(radius: 0.5).randomStart(
      .zeros(shape: [4000, 3]), range: 0...1, keys: Self.keys
    ).scalars
    #expect(start.allSatisfy { $0 >= 0 && $0 <= 0.5 })
    #expect(abs(start.count { $0 == 0 } - 6000) < 300)
  }

  // The draw is the sample's: another place, other neighbours, another radius leave it as it is.
  @Test(arguments: VectorNorm.allCases) func drawsBelongToTheirKey(_ kind: VectorNorm) {
    let x = Tensor.uniform(shape: [7, 2, 5], key: Self.key.derived("x"))
    let keys = Array(Self.keys[10..<17])
    let starts = ball(kind, radius: 0.25).randomStart(x, range: 0...1, keys: keys)
    for order in [[6], [3, 0], [5, 6, 1, 2, 0, 4, 3, 3]] {
      let some = ball(kind, radius: 0.25).randomStart(
        x.gathered(rows: order), range: 0...1, keys: order.map { keys[$0] })
      #expect(some == starts.gathered(rows: order))
    }
    #expect(starts[row: 1] - x[row: 1] != starts[row: 2] - x[row: 2])
    let other = ball(kind, radius: 0.25).randomStart(x, range: 0...1, keys: keys.map { $0.derived(1) })
    #expect(other != starts)
  }

  @Test(arguments: VectorNorm.allCases) func extremeRadii(_ kind: VectorNorm) {
    let x = Tensor.uniform(shape: [20, 9], key: Self.key.derived("x"))
    let keys = Array(Self.keys.prefix(20))
    for radius: Float in [0, .leastNonzeroMagnitude, 1e-7, 0.3, 1e4, .greatestFiniteMagnitude] {
      let ball = ball(kind, radius: radius)
      let start = ball.randomStart(x, range: 0...1, keys: keys)
      #expect(start.scalars.allSatisfy { $0 >= 0 && $0 <= 1 }, "\(ball)")
      #expect(ball.distances(start, x).allSatisfy { $0 <= Double(radius) }, "\(ball)")
      if radius == 0 { #expect(start == x) }
    }
  }
}
