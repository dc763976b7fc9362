import TensorCore

/// Success against a setting that an attacker raises: the radius, or the number of steps.
public struct SuccessCurve: Sendable, Hashable {
  /// The settings, ascending.
  public let settings: [Double]
  /// The share of the samples that fall at each setting.
  public let success: [Proportion]

  /// A curve.
  ///
  /// - Precondition: as many rates as settings, which ascend strictly; at least one.
  public init(settings: [Double], success: [Proportion]) {
    precondition(
      !settings.isEmpty && settings.count == success.count
        && zip(settings, settings.dropFirst()).allSatisfy { $0 < $1 },
      "SuccessCurve: settings \(settings), \(success.count) rates")
    self.settings = settings
    self.success = success
  }

  /// The success at growing radii among the samples first classified correctly: see `AttackResult.successAmongCorrect`.
  ///
  /// - Precondition: as many results as radii, which ascend strictly.
  public init(radii: [Float], results: [AttackResult]) {
    self.init(settings: radii.map(Double.init), success: results.map(\.successAmongCorrect))
  }

  /// The first setting at which the share is reached, on straight lines between neighbours; nil when none of them reaches
  /// it, or nothing was counted.
  public func setting(reaching share: Double) -> Double? {
    guard let place = success.firstIndex(where: { $0.estimate >= share }) else { return nil }
    guard place > 0 else { return settings[0] }
    let (below, above) = (success[place - 1].estimate, success[place].estimate)
    let (left, right) = (settings[place - 1], settings[place])
    return left + (share - below) / (above - below) * (right - left)
  }
}

extension AttackTrace {
  /// The share of some samples that have reached the goal by each step, those of all runs counted; step 0 is the first
  /// run's start.
  ///
  /// - Parameter samples: their rows in the trace; nil takes all.
  /// - Precondition: there are such rows.
  public func successByStep(of samples: [Int]? = nil) -> SuccessCurve {
    let reached = stepsToSuccess
    let chosen = (samples ?? Array(0..<count)).map { reached[$0] }
    let settings = Array(0...(steps * runs))
    return SuccessCurve(
      settings: settings.map(Double.init),
      success: settings.map { step in Proportion(chosen.map { $0 ?? .max <= step }) })
  }
}
