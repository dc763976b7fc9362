import TensorCore

/// Auto-PGD (APGD): projected gradient ascent with momentum that chooses its step sizes itself.
///
///     zₜ₊₁ = project(xₜ + ηₜ · steepestAscent(∇objective(xₜ)))
///     xₜ₊₁ = project(xₜ + 0.75 (zₜ₊₁ − xₜ) + 0.25 (xₜ − xₜ₋₁)),   the first step without momentum
///
/// η is 2 · radius at first. At checkpoints, after 22, 41, 57, 70, 80, 87, 93 and 99 % of the steps, it is halved for each
/// sample whose objective rose in at most 75 % of the steps since the last one, or whose best objective stands still
/// although η was not halved at the last one; the sample goes on from its best point.
///
/// A sample that reaches the goal leaves the batch with the point at which it does. The result of the others is the point
/// with the largest objective.
///
/// Source: Croce, Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
/// ICML 2020. Differences from the authors' code: starts are uniform in the ball and not on its surface; the first step
/// counts as a rise when it is above the start, as in the paper, and not when it is above 0. In an `L1Ball` this is no
/// more than the same rules with its steepest step, not the method of Croce, Hein, "Mind the Box", ICML 2021.
public struct AutoProjectedGradient<Allowed: Budget>: Attack {
  /// What is climbed.
  public enum Objective: Hashable, Sendable {
    /// The goal's own objective: cross-entropy for `Untargeted` and `Targeted`.
    case goal
    /// `DifferenceOfLogitsRatio` of the goal's classes; the `Margin` with fewer than three classes.
    case differenceOfLogitsRatio
    /// `TargetedDifferenceOfLogitsRatio`, in runs towards each of this many classes: those that follow the label in the
    /// order of the clean logits, the most likely first. The plain difference of logits with fewer than four classes. A
    /// targeted goal has its own class: `differenceOfLogitsRatio` is then climbed, once.
    case targetedDifferenceOfLogitsRatio(classes: Int)
  }

  /// What it may do to an input.
  public var budget: Allowed
  /// What is climbed.
  public var objective: Objective
  /// How many steps a run has.
  public var steps: Int
  /// Whether a run begins at `budget.randomStart` instead of at the input.
  public var startsAtRandom: Bool
  /// How many runs each sample gets, with targeted objectives towards each class, each from its own random start.
  public var restarts: Int
  /// How many gradients are averaged for a step: more than one against a model that answers at random (expectation over
  /// transformation: Athalye et al., ICML 2018). Logits are those of the last.
  public var gradientDraws: Int
  /// Up to which share of rising steps the step size is halved, ρ.
  public var risingShare: Double

  /// An attack.
  ///
  /// - Precondition: counts are positive, `steps` is not negative, and more than one restart starts at random.
  public init(
    budget: Allowed, objective: Objective = .goal, steps: Int = 100, startsAtRandom: Bool = true,
    restarts: Int = 1,
    gradientDraws: Int = 1,
    risingShare: Double = 0.75
  ) {
    precondition(steps >= 0, "AutoProjectedGradient: \(steps) steps")
    precondition(
      restarts == 1 || restarts > 1 && startsAtRandom,
      "AutoProjectedGradient: \(restarts) restarts, random starts \(startsAtRandom)")
    precondition(gradientDraws > 0, "AutoProjectedGradient: \(gradientDraws) gradients a step")
    if case .targetedDifferenceOfLogitsRatio(let classes) = objective {
      precondition(classes > 0, "AutoProjectedGradient: \(classes) target classes")
    }
    self.budget = budget
    self.objective = objective
    self.steps = steps
    self.startsAtRandom = startsAtRandom
    self.restarts = restarts
    self.gradientDraws = gradientDraws
    self.risingShare = risingShare
  }

  /// After which steps step sizes may be halved.
  public var checkpoints: [Int] { AdaptiveSteps.checkpoints(steps: steps) }

  /// All runs of all samples. Run r of a sample draws from its key's `derived(r)`.
  ///
  /// - Precondition: another objective than the goal's needs a goal with classes.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    search(x, model, goal, keys, traces: false).changed
  }

  /// The same with every point of every run.
  public func traced(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> (
    changed: Tensor, trace: AttackTrace?
  ) {
    search(x, model, goal, keys, traces: true)
  }

  private func search(
    _ x: Tensor, _ model: some Classifier, _ goal: some Goal, _ keys: [RandomKey], traces: Bool
  ) -> (changed: Tensor, trace: AttackTrace?) {
    func climb<Wanted: Goal>(
      _ goal: Wanted, runs: Int = restarts, before: (inout Wanted, _ run: Int) -> Void = { _, _ in }
    ) -> (Tensor, AttackTrace?) {
      var trace = traces ? AttackTrace(steps: steps, runs: runs, count: x.shape[0]) : nil
      let changed = self.climb(x, model, goal, keys, runs: runs, before: before, tracing: &trace)
      trace?.complete()
      return (changed, trace)
    }
    if objective == .goal { return climb(goal) }
    let aim = goal.requiredAim(for: self)
    if case .targetedDifferenceOfLogitsRatio(let classes) = objective, !aim.isTargeted {
      let targets = RankedTargets(labels: aim.classes, logits: model.logits(x), .ratio)
      return climb(Surrogate(goal, climbing: targets), runs: restarts * min(classes, targets.count)) {
        $0.climbed.rank = $1 / restarts
      }
    }
    return climb(Surrogate(goal, climbing: DifferenceOfLogitsRatio(aim)))
  }

  private func climb<Wanted: Goal>(
    _ x: Tensor, _ model: some Classifier, _ goal: Wanted, _ keys: [RandomKey], runs: Int,
    before: (inout Wanted, _ run: Int) -> Void, tracing trace: inout AttackTrace?
  ) -> Tensor {
    var best = BestPoints(x)
    var batch = StandingSamples(x, goal: goal, keys: keys)
    for run in 0..<runs where !batch.isEmpty {
      before(&batch.goal, run)
      var point = batch.inputs
      if startsAtRandom {
        point = budget.randomStart(point, range: model.inputRange, keys: batch.keys.map { $0.derived(run) })
      }
      var previous = point
      var (bestPoint, bestSlope) = (point, point)
      var control = AdaptiveSteps(size: 0, objectives: [], steps: steps, share: risingShare)
      for step in 0...steps where !batch.isEmpty {
        var (logits, slope) = answer(to: point, of: model, batch.goal, wantsGradient: step < steps)
        let offers = batch.offers(logits)
        trace?.append(offers, distances: budget.distances(point, batch.inputs))
        best.offer(point, offers.filter(\.isReached))
        if step == 0 {
          var objectives = [Float](repeating: 0, count: point.shape[0])
          for offer in offers { objectives[offer.row] = offer.objective }
          control = AdaptiveSteps(
            size: 2 * budget.radius, objectives: objectives, steps: steps, share: risingShare)
          (bestPoint, bestSlope) = (point, slope ?? point)
        } else {
          let improved = control.record(offers.map { ($0.row, $0.objective) }).map { (row: $0, source: $0) }
          bestPoint.setRows(improved, from: point)
          if let slope { bestSlope.setRows(improved, from: slope) }
        }
        if let rows = batch.release(offers) {
          (point, previous, slope) = (
            point.gathered(rows: rows), previous.gathered(rows: rows), slope?.gathered(rows: rows)
          )
          (bestPoint, bestSlope) = (bestPoint.gathered(rows: rows), bestSlope.gathered(rows: rows))
          control.keep(rows)
        }
        guard var slope else { break }
        let halved = control.checkpoint().map { (row: $0, source: $0) }
        point.setRows(halved, from: bestPoint)
        slope.setRows(halved, from: bestSlope)
        let next = moved(
          point, from: previous, along: slope, by: control.sizes, momentum: step > 0 ? 0.25 : 0,
          around: batch.inputs, range: model.inputRange)
        (previous, point) = (point, next)
      }
      let objectives = control.best
      best.offer(
        bestPoint,
        batch.offers().map {
          PointOffer(row: $0.row, sample: $0.sample, isReached: false, objective: objectives[$0.row])
        })
    }
    return best.points
  }

  private func answer(
    to point: Tensor, of model: some Classifier, _ goal: some Goal, wantsGradient: Bool
  ) -> (logits: Tensor, slope: Tensor?) {
    if !wantsGradient { return (model.logits(point), nil) }
    var (logits, slope) = model.logitsAndInputGradient(at: point, goal: goal)
    for _ in 1..<gradientDraws {
      let other = model.logitsAndInputGradient(at: point, goal: goal)
      logits = other.logits
      slope += other.gradient
    }
    if gradientDraws > 1 { slope *= 1 / Float(gradientDraws) }
    return (logits, slope)
  }

  private func moved(
    _ point: Tensor, from previous: Tensor, along slope: Tensor, by sizes: [Float], momentum: Float,
    around x: Tensor, range: ClosedRange<Float>
  ) -> Tensor {
    let columns = [sizes.count] + [Int](repeating: 1, count: x.rank - 1)
    let step = budget.steepestAscent(slope) * Tensor(sizes).reshaped(to: columns)
    let climbed = budget.project(point + step, around: x, range: range)
    if momentum == 0 { return climbed }
    return budget.project(
      point + (1 - momentum) * (climbed - point) + momentum * (point - previous), around: x, range: range)
  }

  /// The attack with its settings.
  public var description: String {
    let climbed =
      switch objective {
      case .goal: ""
      case .differenceOfLogitsRatio: ", difference of logits ratio (margin with fewer than 3 classes)"
      case .targetedDifferenceOfLogitsRatio(let classes):
        ", difference of logits ratio towards \(classes) classes (plain difference with fewer than 4 classes)"
      }
    return "Auto-PGD\(climbed), \(budget), \(steps) steps"
      + (startsAtRandom ? ", random start" : "") + (restarts > 1 ? ", \(restarts) restarts" : "")
      + (gradientDraws > 1 ? ", \(gradientDraws) gradients a step" : "")
      + (risingShare != 0.75 ? ", rising share \(risingShare)" : "")
  }
}
