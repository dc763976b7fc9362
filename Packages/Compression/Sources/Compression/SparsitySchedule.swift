import Foundation

/// A sparsity that grows with training time.
public protocol SparsitySchedule: Sendable {
  /// The sparsity at a time, in epochs from 0; never falls.
  func sparsity(at time: Double) -> Double
}

/// Rises fast at first, while weights are plenty, and slowly at the end:
///
///     s(t) = final + (initial − final) · (1 − (t − start) / duration)³
///
/// and stays at `final` after that.
///
/// Source: Zhu and Gupta, "To Prune, or Not to Prune", 2017, equation 1.
public struct CubicSparsity: SparsitySchedule {
  /// The sparsity up to the start.
  public let initial: Double
  /// The sparsity from the end on.
  public let final: Double
  /// When the rise begins, in epochs.
  public let start: Double
  /// How long it lasts, in epochs.
  public let duration: Double

  /// A rise.
  ///
  /// - Precondition: 0 ≤ initial ≤ final ≤ 1, and the duration is positive.
  public init(from initial: Double = 0, to final: Double, start: Double = 0, duration: Double) {
    precondition(
      0 <= initial && initial <= final && final <= 1, "CubicSparsity: from \(initial) to \(final)")
    precondition(duration > 0, "CubicSparsity: duration \(duration) is not positive")
    self.initial = initial
    self.final = final
    self.start = start
    self.duration = duration
  }

  /// The formula.
  public func sparsity(at time: Double) -> Double {
    if time <= start { return initial }
    return final + (initial - final) * pow(1 - min(1, (time - start) / duration), 3)
  }
}
