import Foundation

/// The learning rate as a function of training time.
public protocol LearningRateSchedule: Sendable {
  /// The rate at a time, in epochs from 0; the base is the optimizer's own rate.
  func rate(base: Double, epoch: Double) -> Double
}

/// The base rate throughout.
public struct ConstantRate: LearningRateSchedule {
  /// A schedule that changes nothing.
  public init() {}
  /// The base.
  public func rate(base: Double, epoch: Double) -> Double { base }
}

/// `base · factor^⌊epoch / interval⌋`: PyTorch's `StepLR`.
public struct StepDecay: LearningRateSchedule {
  /// Epochs between two drops.
  public let interval: Int
  /// What each drop multiplies by.
  public let factor: Double
  /// A staircase.
  public init(interval: Int, factor: Double = 0.1) {
    precondition(interval > 0, "StepDecay: interval \(interval) is not positive")
    self.interval = interval
    self.factor = factor
  }
  /// The stair at this time.
  public func rate(base: Double, epoch: Double) -> Double {
    base * pow(factor, (epoch / Double(interval)).rounded(.down))
  }
}

/// `base · factor^epoch`: PyTorch's `ExponentialLR`.
public struct ExponentialDecay: LearningRateSchedule {
  /// What each epoch multiplies by.
  public let factor: Double
  /// A geometric decay.
  public init(factor: Double) { self.factor = factor }
  /// The rate at this time.
  public func rate(base: Double, epoch: Double) -> Double { base * pow(factor, epoch) }
}

/// `minimum + (base − minimum)(1 + cos(π epoch / period)) / 2`: PyTorch's `CosineAnnealingLR`; stays at the minimum
/// after one period.
///
/// Source: Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts.
public struct CosineAnnealing: LearningRateSchedule {
  /// Epochs from the base to the minimum; PyTorch's `T_max`.
  public let period: Int
  /// The rate at the end.
  public let minimum: Double
  /// Half a cosine.
  public init(period: Int, minimum: Double = 0) {
    precondition(period > 0, "CosineAnnealing: period \(period) is not positive")
    self.period = period
    self.minimum = minimum
  }
  /// The rate at this time.
  public func rate(base: Double, epoch: Double) -> Double {
    minimum + (base - minimum) * (1 + cos(Double.pi * min(1, epoch / Double(period)))) / 2
  }
}

/// Rises linearly from `start · base` over some epochs, then follows another schedule from its beginning.
public struct LinearWarmUp: LearningRateSchedule {
  /// How long the rise takes, in epochs.
  public let duration: Double
  /// The share of the base at the very start.
  public let start: Double
  /// What comes after the rise.
  public let next: any LearningRateSchedule
  /// A rise before another schedule.
  public init(duration: Double, start: Double = 0, then next: any LearningRateSchedule = ConstantRate()) {
    self.duration = duration
    self.start = start
    self.next = next
  }
  /// The rate at this time.
  public func rate(base: Double, epoch: Double) -> Double {
    if epoch < duration { return base * (start + (1 - start) * epoch / duration) }
    return next.rate(base: base, epoch: epoch - duration)
  }
}
