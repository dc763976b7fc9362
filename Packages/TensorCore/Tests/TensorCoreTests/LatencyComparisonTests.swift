import TensorCore
import Testing

/// Comparisons of given times, by hand.
@Suite struct LatencyComparisonTests {
  // Pairs by hand: 1/2, 4/2 and 3/4 have the median 3/4, the medians' ratio would be 3/2.
  @Test func ratiosAreThoseOfTheRounds() {
    let timed = LatencyComparison(seconds: [[2, 2, 4], [1, 4, 3]])
    #expect(timed.ratio(of: 1, to: 0) == 0.75)
    #expect(timed.latency(of: 1).median == 3)
    #expect(timed.choice == 0, "three rounds show nothing")
  }

  // 9 of 10 rounds: p = 22 / 1024 is no proof; 10 of 10: 2 / 1024. A drift of the whole machine does not hide it, and 1 %
  // is not worth it however sure.
  @Test func fasterThanTheNoise() {
    let drift = (1...10).map { Double($0) }
    func choice(_ factors: [Double]) -> Int {
      LatencyComparison(
        seconds: [Array(drift.prefix(factors.count)), zip(drift, factors).map(*)]
      ).choice
    }
    #expect(choice([Double](repeating: 0.9, count: 10)) == 1)
    #expect(choice([1.1] + [Double](repeating: 0.9, count: 9)) == 0)
    #expect(choice([Double](repeating: 0.99, count: 10)) == 0)
    #expect(choice([Double](repeating: 1.1, count: 10)) == 0)
    #expect(choice([Double](repeating: 0.9, count: 7)) == 0)
  }

  // The fastest of those that are surely faster, not the first.
  @Test func choice() {
    let times = [1, 0.9, 0.5, 0.7, 2].map { [Double](repeating: $0, count: 12) }
    #expect(LatencyComparison(seconds: times).choice == 2)
    #expect(LatencyComparison(seconds: [times[0]]).choice == 0)
  }

  // Forward and backward in turn; warm-ups run and do not count.
  @Test func calls() {
    var order: [Int] = []
    let timed = LatencyComparison(
      rounds: 2, warmUps: 1, [{ order.append(0) }, { order.append(1) }, { order.append(2) }])
    #expect(order == [0, 1, 2, 2, 1, 0, 0, 1, 2])
    #expect(timed.seconds.map(\.count) == [2, 2, 2] && timed.seconds.joined().allSatisfy { $0 >= 0 })
  }
}
