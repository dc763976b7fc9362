import TensorCore

/// Projected gradient ascent: steps of a fixed size up the goal's objective, each followed by a projection back into the
/// budget and the model's range.
///
///     x₀ = a random point of the budget,   xₜ₊₁ = project(xₜ + stepSize · steepestAscent(∇objective(xₜ)))
///
/// Source: Madry, Makelov, Schmidt, Tsipras, Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks",
/// ICLR 2018. As there the result is the last point, unless `keepsBest` or several `restarts` ask for the best.
public struct ProjectedGradient<Allowed: Budget>: Attack {
  /// What it may do to an input.
  public var budget: Allowed
  /// The length of a step in the budget's norm.
  public var stepSize: Float
  /// How many steps a run has.
  public var steps: Int
  /// Whether a run begins at `budget.randomStart` instead of at the input.
  public var startsAtRandom: Bool
  /// How many runs each sample gets, each from its own start; the best of their results is kept.
  public var restarts: Int
  /// Whether the best point of a run is its result, its start included, instead of the last one. Best is a point that
  /// reaches the goal before one that does not, then the one with the larger objective.
  public var keepsBest: Bool

  /// An attack.
  ///
  /// - Precondition: the step size is finite and not negative, `steps` is not negative, and there is one run or, from
  ///   random starts, more.
  public init(
    budget: Allowed, stepSize: Float, steps: Int, startsAtRandom: Bool = true, restarts: Int = 1,
    keepsBest: Bool = false
  ) {
    precondition(
      stepSize >= 0 && stepSize.isFinite,
      "ProjectedGradient: step size \(stepSize) is negative or not finite")
    precondition(steps >= 0, "ProjectedGradient: \(steps) steps")
    precondition(
      restarts == 1 || restarts > 1 && startsAtRandom,
      "ProjectedGradient: \(restarts) restarts, random starts \(startsAtRandom)")
    self.budget = budget
    self.stepSize = stepSize
    self.steps = steps
    self.startsAtRandom = startsAtRandom
    self.restarts = restarts
    self.keepsBest = keepsBest
  }

  /// All runs of all samples. Run r of a sample draws from its key's `derived(r)`, so more restarts never lose what fewer
  /// have found.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    var best = BestPoints(goal: goal)
    for run in 0..<restarts {
      var point = x
      if startsAtRandom {
        point = budget.randomStart(x, range: model.inputRange, keys: keys.map { $0.derived(run) })
      }
      for _ in 0..<steps {
        let (logits, slope) = model.logitsAndInputGradient(at: point, goal: goal)
        if keepsBest { best.offer(point, logits: logits) }
        budget.ascend(&point, along: slope, by: stepSize, around: x, range: model.inputRange)
      }
      if restarts == 1 && !keepsBest { return point }
      best.offer(point, logits: model.logits(point))
    }
    return best.points
  }

  /// The attack with its settings.
  public var description: String {
    "projected gradient, \(budget), \(steps) steps of \(stepSize)"
      + (startsAtRandom ? ", random start" : "") + (restarts > 1 ? ", \(restarts) restarts" : "")
      + (keepsBest ? ", best point" : "")
  }
}

/// The best point seen for each sample of a batch.
private struct BestPoints<Wanted: Goal> {
  let goal: Wanted
  /// `[n, …]`; empty until a point was offered.
  private(set) var points = Tensor.zeros(shape: [0])
  private var ranks: [Rank] = []

  /// What decides: first whether the goal is reached, then the objective.
  private struct Rank {
    let isReached: Bool
    let objective: Float

    func isAbove(_ other: Rank) -> Bool {
      isReached == other.isReached ? objective > other.objective : isReached
    }
  }

  init(goal: Wanted) { self.goal = goal }

  /// Keeps the points that are better than those kept. An objective that is NaN is below all others.
  mutating func offer(_ candidates: Tensor, logits: Tensor) {
    let objectives = goal.objectives(logits).scalars.map { $0.isNaN ? -Float.infinity : $0 }
    let offered = zip(goal.isReached(logits), objectives).map(Rank.init)
    if ranks.isEmpty {
      (points, ranks) = (candidates, offered)
      return
    }
    let size = candidates.count / max(1, ranks.count)
    points.withUnsafeMutableBufferPointer { kept in
      candidates.withUnsafeBufferPointer { new in
        guard let target = kept.baseAddress, let source = new.baseAddress else { return }
        for sample in ranks.indices where offered[sample].isAbove(ranks[sample]) {
          ranks[sample] = offered[sample]
          (target + sample * size).update(from: source + sample * size, count: size)
        }
      }
    }
  }
}
