/// What an iterative attack went through: for every run, step and sample the objective, whether the goal was reached, and
/// the distance from the input. A run of k steps has k + 1 points, its start first.
///
/// A sample that has left the batch keeps its last point.
public struct AttackTrace: Sendable, Hashable {
  /// How many steps a run has.
  public let steps: Int
  /// How many runs there are.
  public let runs: Int
  /// How many samples there are.
  public let count: Int

  /// One sample at one moment.
  public struct Point: Sendable, Hashable {
    /// The goal's objective: for `Untargeted` the cross-entropy of the label, for `Targeted` that of the target, negated.
    public let objective: Float
    /// Whether the goal is reached here.
    public let isReached: Bool
    /// The distance from the input in the budget's norm.
    public let distance: Double
  }

  /// `[runs · (steps + 1)][count]` once complete.
  private var moments: [[Point]] = []

  /// A trace without points: each run adds `steps + 1` moments, the first one of all samples.
  init(steps: Int, runs: Int, count: Int) {
    self.steps = steps
    self.runs = runs
    self.count = count
  }

  /// All samples after so many steps of a run; 0 is the run's start.
  ///
  /// - Precondition: the attack has come so far.
  public func points(run: Int = 0, step: Int) -> [Point] {
    precondition(
      run >= 0 && run < runs && step >= 0 && step <= steps,
      "AttackTrace: run \(run), step \(step) of \(runs) × \(steps)")
    return moments[run * (steps + 1) + step]
  }

  /// Adds the next moment: what the samples on offer came to, whose batch has these distances; the others keep their
  /// last point.
  mutating func append(_ offers: [PointOffer], distances: [Double]) {
    var moment = moments.last ?? []
    for offer in offers {
      let point = Point(
        objective: offer.objective, isReached: offer.isReached, distance: distances[offer.row])
      if moments.isEmpty { moment.append(point) } else { moment[offer.sample] = point }
    }
    moments.append(moment)
  }

  /// Repeats the last moment for the steps that no sample is left for.
  mutating func complete() {
    while moments.count < runs * (steps + 1) { moments.append(moments.last ?? []) }
  }

  /// After how many steps each sample first reached the goal, those of all earlier runs counted; nil for never. The
  /// result may have lost it again, unless the attack keeps the best point or samples leave.
  public var stepsToSuccess: [Int?] {
    (0..<count).map { sample in
      moments.firstIndex { $0[sample].isReached }.map { $0 / (steps + 1) * steps + $0 % (steps + 1) }
    }
  }

  /// In which run each sample first reached the goal; nil for never.
  public var runsToSuccess: [Int?] {
    (0..<count).map { sample in
      moments.firstIndex { $0[sample].isReached }.map { $0 / (steps + 1) }
    }
  }

  /// The samples of several traces of one attack, one after the other.
  ///
  /// - Precondition: all have the same runs and steps.
  public static func joined(_ parts: [AttackTrace]) -> AttackTrace? {
    guard let first = parts.first else { return nil }
    precondition(
      parts.allSatisfy {
        $0.steps == first.steps && $0.runs == first.runs && $0.moments.count == first.moments.count
      },
      "AttackTrace: parts of different attacks")
    var whole = AttackTrace(steps: first.steps, runs: first.runs, count: parts.reduce(0) { $0 + $1.count })
    whole.moments = first.moments.indices.map { moment in parts.flatMap { $0.moments[moment] } }
    return whole
  }
}
