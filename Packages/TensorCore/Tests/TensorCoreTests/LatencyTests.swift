import TensorCore
import Testing

@Suite struct LatencyTests {
  // numpy.quantile 2.4 of 1, 2, 4, 8, 16 by hand: 0.95 lies at place 3.8, 8 + 0.8 · 8. Nearest ranks would give 16.
  @Test func quantiles() {
    let latency = Latency(seconds: [8, 1, 16, 2, 4])
    #expect(latency.seconds == [1, 2, 4, 8, 16])
    #expect(latency.median == 4 && abs(latency.percentile95 - 14.4) < 1e-12)
    #expect(latency.quantile(0) == 1 && latency.quantile(1) == 16)
    #expect(Latency(seconds: [1, 4]).median == 2.5 && Latency(seconds: [3]).percentile95 == 3)
    #expect(latency.summary.mean == 6.2)
  }

  // Warm-ups run and do not count.
  @Test func calls() {
    var calls = 0
    let latency = Latency(runs: 5, warmUps: 3) { calls += 1 }
    #expect(calls == 8 && latency.seconds.count == 5 && latency.seconds.allSatisfy { $0 >= 0 })
  }
}
