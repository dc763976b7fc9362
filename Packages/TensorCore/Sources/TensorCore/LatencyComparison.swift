/// How long calls take that are timed in turn, round by round, so that what slows the machine down for a while slows all of
/// them.
///
///     let timed = LatencyComparison(rounds: 50, warmUps: 5, [{ _ = dense.logits(x) }, { _ = bytes.logits(x) }])
///     print(timed.ratio(of: 1, to: 0), timed.choice)
public struct LatencyComparison: Hashable, Sendable {
  /// The times in seconds: `seconds[call][round]`.
  public let seconds: [[Double]]

  /// Times that were measured.
  ///
  /// - Precondition: there is at least one call and one round, and each call has a time in each round.
  public init(seconds: [[Double]]) {
    precondition(
      !seconds.isEmpty && !seconds[0].isEmpty && seconds.allSatisfy { $0.count == seconds[0].count },
      "LatencyComparison: \(seconds.map(\.count)) times")
    self.seconds = seconds
  }

  /// Times calls in turn, in every second round backwards.
  ///
  /// - Parameters:
  ///   - rounds: how often each call is timed.
  ///   - warmUps: how many rounds before them do not count, while caches and buffers fill.
  ///   - calls: what is timed; the first is what the others are compared with.
  /// - Precondition: at least one round counts.
  public init(rounds: Int, warmUps: Int, _ calls: [() -> Void]) {
    precondition(rounds > 0 && warmUps >= 0, "LatencyComparison: \(rounds) rounds after \(warmUps) warm-ups")
    var seconds = [[Double]](repeating: [], count: calls.count)
    Self.inTurn(calls.count, rounds: rounds, warmUps: warmUps) { call, counts in
      let latency = Latency(runs: 1, warmUps: 0, calls[call])
      if counts { seconds[call] += latency.seconds }
    }
    self.init(seconds: seconds)
  }

  /// Calls `body` with each call's number in each round, warm-ups first, and with whether the round counts.
  public static func inTurn(
    _ calls: Int, rounds: Int, warmUps: Int, _ body: (_ call: Int, _ counts: Bool) throws -> Void
  ) rethrows {
    for round in 0..<(rounds + warmUps) {
      for place in 0..<calls {
        try body(round % 2 == 0 ? place : calls - 1 - place, round >= warmUps)
      }
    }
  }

  /// One call's times by themselves.
  public func latency(of call: Int) -> Latency { Latency(seconds: seconds[call]) }

  /// The median over the rounds of one call's time divided by another's.
  public func ratio(of call: Int, to other: Int) -> Double {
    Latency(seconds: zip(seconds[call], seconds[other]).map { $0 / $1 }).median
  }

  /// Whether a call is faster by more than the noise: by 2 % in the median of the rounds, and in so many rounds that
  /// equally fast calls would differ so with a probability below 1 % (sign test). With fewer than 8 rounds none is.
  public func isFaster(_ call: Int, than other: Int) -> Bool {
    let pairs = zip(seconds[call], seconds[other])
    let test = McNemarTest(onlyFirst: pairs.count { $0 < $1 }, onlySecond: pairs.count { $0 > $1 })
    return ratio(of: call, to: other) < 0.98 && test.onlyFirst > test.onlySecond && test.pValue < 0.01
  }

  /// The call to take: the one with the lowest ratio to the first among those that are faster than it by more than the
  /// noise; 0 where none is.
  public var choice: Int {
    seconds.indices.filter { isFaster($0, than: 0) }.min { ratio(of: $0, to: 0) < ratio(of: $1, to: 0) } ?? 0
  }
}
