import Synchronization

/// How many samples a client may ask about within a time: what attacks without gradients live on.
///
///     let limit = QueryLimit(1000, perSeconds: 3600)
///     try limit.admit(batch.count, from: client, at: now)   // throws QueryLimitExceeded, which says when to come back
///
/// The window slides: what counts is what was admitted later than `now − window`. What was refused costs nothing. The clock
/// is the caller's, so the same calls always have the same answers. Whoever has several clients has as many limits.
public final class QueryLimit: Sendable {
  /// The most samples of a client within the window.
  public let limit: Int
  /// The window, in seconds.
  public let window: Double

  private struct State {
    /// What was admitted within the window, in the order of time.
    var admitted: [String: [(time: Double, samples: Int)]] = [:]
    /// When clients without admissions were last forgotten.
    var lastSweep = -Double.infinity
  }
  private let state = Mutex(State())

  /// A limit for every client.
  ///
  /// - Precondition: both numbers are positive.
  public init(_ limit: Int, perSeconds window: Double) {
    precondition(limit > 0 && window > 0, "QueryLimit: \(limit) samples in \(window) seconds")
    self.limit = limit
    self.window = window
  }

  /// Counts samples of a client, or refuses all of them.
  ///
  /// - Parameters:
  ///   - samples: how many are asked about.
  ///   - client: who asks.
  ///   - time: in seconds since whatever moment, for each client not earlier than before.
  /// - Precondition: there is a sample, and the client's time does not run backwards.
  public func admit(_ samples: Int = 1, from client: String, at time: Double) throws(QueryLimitExceeded) {
    precondition(samples > 0, "QueryLimit: \(samples) samples")
    let refusal: QueryLimitExceeded? = state.withLock { state in
      sweep(&state, at: time)
      var admitted = state.admitted[client] ?? []
      precondition(
        time >= admitted.last?.time ?? -.infinity, "QueryLimit: \(client)'s time ran back to \(time)")
      admitted.removeAll { $0.time <= time - window }
      let used = admitted.reduce(0) { $0 + $1.samples }
      guard used + samples > limit else {
        state.admitted[client] = admitted + [(time, samples)]
        return nil
      }
      state.admitted[client] = admitted
      return QueryLimitExceeded(
        client: client, asked: samples, used: used, limit: limit, window: window,
        retryTime: retryTime(of: samples, used: used, admitted))
    }
    if let refusal { throw refusal }
  }

  /// When the oldest admissions that are in the way have left the window; nil for more than the limit at once.
  private func retryTime(of samples: Int, used: Int, _ admitted: [(time: Double, samples: Int)]) -> Double? {
    var left = used
    for admission in admitted {
      left -= admission.samples
      if left + samples <= limit { return admission.time + window }
    }
    return nil
  }

  /// Forgets clients that have not asked for a window, once a window, so that memory does not grow with all that ever came.
  private func sweep(_ state: inout State, at time: Double) {
    guard time - state.lastSweep > window else { return }
    state.lastSweep = time
    state.admitted = state.admitted.filter { $0.value.last.map { $0.time > time - window } ?? false }
  }
}

/// A client has asked about more samples than it may.
public struct QueryLimitExceeded: Error, Hashable, Sendable, CustomStringConvertible {
  /// Who asked.
  public let client: String
  /// How many samples were refused.
  public let asked: Int
  /// How many were admitted within the window before.
  public let used: Int
  /// The most within the window.
  public let limit: Int
  /// The window, in seconds.
  public let window: Double
  /// From when on as many would be admitted; nil for more than the limit at once.
  public let retryTime: Double?

  /// What was asked, what was used, and when to come back.
  public var description: String {
    "client \(client): expected at most \(limit) samples in \(window) seconds, found \(used) and \(asked) more. "
      + (retryTime.map { "Ask again at \($0)." } ?? "Ask about fewer at once.")
  }
}
