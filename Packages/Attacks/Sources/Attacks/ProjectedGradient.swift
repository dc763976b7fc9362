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
  /// Whether a sample leaves the batch as soon as it reaches the goal: the point at which it does is its result, and the
  /// others go on in a smaller batch, with their own draws. Nothing else changes for any sample, but for the last
  /// digits of the model's own arithmetic in a batch of another size. A goal that cannot be cut into parts keeps its
  /// batches whole.
  public var leavesWhenReached: Bool
  /// μ: how much of the gradients of a run's earlier steps, each divided by its L1 norm, is added to the present one before
  /// the step; 0 goes along the present gradient alone.
  public var momentum: Float

  /// An attack.
  ///
  /// - Precondition: the step size and the momentum are finite and not negative, `steps` is not negative, and there is one run or, from
  ///   random starts, more.
  public init(
    budget: Allowed, stepSize: Float, steps: Int, startsAtRandom: Bool = true, restarts: Int = 1,
    keepsBest: Bool = false, leavesWhenReached: Bool = false, momentum: Float = 0
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
    precondition(
      momentum >= 0 && momentum.isFinite, "ProjectedGradient: momentum \(momentum) is negative or not finite")
    self.leavesWhenReached = leavesWhenReached
    self.momentum = momentum
  }

  /// All runs of all samples. Run r of a sample draws from its key's `derived(r)`, so more restarts never lose what fewer
  /// have found.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    var trace: AttackTrace?
    return search(x, model, goal, keys, tracing: &trace)
  }

  /// The same with every point of every run; one forward pass more a run, for the last point.
  public func traced(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> (
    changed: Tensor, trace: AttackTrace?
  ) {
    var trace: AttackTrace? = AttackTrace(steps: steps, runs: restarts, count: x.shape[0])
    let changed = search(x, model, goal, keys, tracing: &trace)
    trace?.complete()
    return (changed, trace)
  }

  private func search(
    _ x: Tensor, _ model: some Classifier, _ goal: some Goal, _ keys: [RandomKey],
    tracing trace: inout AttackTrace?
  ) -> Tensor {
    let looksAtSteps = keepsBest || leavesWhenReached || trace != nil
    let looksAtEnd = keepsBest || restarts > 1 || trace != nil
    var best = BestPoints(x)
    var batch = StandingSamples(x, goal: goal, keys: keys)
    for run in 0..<restarts where !batch.isEmpty {
      var point = batch.inputs
      var velocity: Tensor?
      if startsAtRandom {
        point = budget.randomStart(
          batch.inputs, range: model.inputRange, keys: batch.keys.map { $0.derived(run) })
      }
      for step in 0...steps where !batch.isEmpty {
        let isLast = step == steps
        if isLast && !looksAtEnd {
          best.offer(point, batch.offers())
          break
        }
        var (logits, slope) = answer(to: point, of: model, batch.goal, wantsGradient: !isLast)
        if isLast || looksAtSteps {
          let offers = batch.offers(logits)
          trace?.append(offers, distances: budget.distances(point, batch.inputs))
          best.offer(
            point, keepsBest || isLast ? offers : offers.filter { leavesWhenReached && $0.isReached })
          if leavesWhenReached, let rows = batch.release(offers) {
            point = point.gathered(rows: rows)
            slope = slope?.gathered(rows: rows)
            velocity = velocity?.gathered(rows: rows)
          }
        }
        if let slope {
          let direction = direction(slope, &velocity)
          budget.ascend(&point, along: direction, by: stepSize, around: batch.inputs, range: model.inputRange)
        }
      }
    }
    return best.points
  }

  /// The gradient, or with momentum `g ← μ g + ∇/‖∇‖₁`.
  private func direction(_ slope: Tensor, _ velocity: inout Tensor?) -> Tensor {
    if momentum == 0 { return slope }
    var sum = slope
    let lengths = slope.distances(to: .zeros(shape: slope.shape), in: .l1)
    scaleSamples(&sum, by: lengths.map { $0 > 0 ? 1 / $0 : 0 })
    if let velocity { sum.add(velocity, scaledBy: momentum) }
    velocity = sum
    return sum
  }

  private func answer(
    to point: Tensor, of model: some Classifier, _ goal: some Goal, wantsGradient: Bool
  ) -> (logits: Tensor, slope: Tensor?) {
    if !wantsGradient { return (model.logits(point), nil) }
    let (logits, slope) = model.logitsAndInputGradient(at: point, goal: goal)
    return (logits, slope)
  }

  /// The attack with its settings.
  public var description: String {
    "projected gradient, \(budget), \(steps) steps of \(stepSize)"
      + (startsAtRandom ? ", random start" : "") + (restarts > 1 ? ", \(restarts) restarts" : "")
      + (keepsBest ? ", best point" : "") + (leavesWhenReached ? ", leaving when reached" : "")
      + (momentum > 0 ? ", momentum \(momentum)" : "")
  }
}
