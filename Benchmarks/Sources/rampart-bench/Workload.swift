import Foundation

/// Something to time: `prepare` sets it up and returns one step.
struct Workload: Sendable {
  let name: String
  let prepare: @Sendable () -> () -> Void

  /// Every workload; each theme has a file with its list.
  static let all: [Workload] = training + inference + attacks + certification

  /// Milliseconds a step: the median over repetitions of at least 20 ms each, as many as fit into the time, after a
  /// warm-up.
  func measure(seconds: Double) -> (median: Double, repetitions: Int) {
    let step = prepare()
    let clock = ContinuousClock()
    func time(_ count: Int) -> Double {
      let elapsed = clock.measure { for _ in 0..<count { step() } }
      return Double(elapsed.components.seconds) * 1e3 + Double(elapsed.components.attoseconds) * 1e-15
    }
    var count = 1
    while time(count) < 20 { count *= 2 }
    var results: [Double] = []
    let end = clock.now.advanced(by: .seconds(seconds))
    while clock.now < end || results.isEmpty { results.append(time(count) / Double(count)) }
    results.sort()
    return (results[results.count / 2], results.count)
  }
}
