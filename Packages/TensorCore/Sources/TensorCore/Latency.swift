/// How long calls of the same kind take, one by one.
///
///     let latency = Latency(runs: 200, warmUps: 20) { _ = plan.logits(x) }
///     print(latency.median, latency.percentile95)
public struct Latency: Hashable, Sendable {
  /// The calls' times in seconds, shortest first.
  public let seconds: [Double]

  /// Times that were measured.
  ///
  /// - Precondition: there is at least one.
  public init(seconds: [Double]) {
    precondition(!seconds.isEmpty, "Latency: no times")
    self.seconds = seconds.sorted()
  }

  /// Times calls.
  ///
  /// - Parameters:
  ///   - runs: how many calls count.
  ///   - warmUps: how many calls before them do not, while caches and buffers fill.
  /// - Precondition: at least one call counts.
  public init(runs: Int, warmUps: Int, _ body: () throws -> Void) rethrows {
    precondition(runs > 0 && warmUps >= 0, "Latency: \(runs) runs after \(warmUps) warm-ups")
    for _ in 0..<warmUps { try body() }
    let clock = ContinuousClock()
    var seconds: [Double] = []
    for _ in 0..<runs { seconds.append(try clock.measure(body) / .seconds(1)) }
    self.init(seconds: seconds)
  }

  /// The time that a share of the calls does not exceed, linear between the two nearest of n sorted times:
  ///
  ///     t₍ₖ₎ + (h − k) (t₍ₖ₊₁₎ − t₍ₖ₎),  h = share · (n − 1),  k = ⌊h⌋ counted from 0
  ///
  /// Source: Hyndman and Fan, "Sample Quantiles in Statistical Packages", definition 7, NumPy's default.
  ///
  /// - Precondition: 0 ≤ share ≤ 1.
  public func quantile(_ share: Double) -> Double {
    precondition(share >= 0 && share <= 1, "Latency: share \(share) is outside 0...1")
    let place = share * Double(seconds.count - 1)
    let lower = Int(place)
    let upper = min(lower + 1, seconds.count - 1)
    return seconds[lower] + (place - Double(lower)) * (seconds[upper] - seconds[lower])
  }

  /// Half of the calls are at most this long.
  public var median: Double { quantile(0.5) }
  /// 95 % of the calls are at most this long.
  public var percentile95: Double { quantile(0.95) }
  /// Mean and deviation, which single slow calls move.
  public var summary: Summary { Summary(seconds) }
}
