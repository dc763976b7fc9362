import TensorCore

/// FAB: follows the boundary of the model's linearisation, drawn back to the input, for an adversarial point as close as can
/// be found.
///
///     f = z_k − z_y and ∇f at xₜ,   d₁, d₂: shortest changes of xₜ and of the input x to the hyperplane f + ∇f·(· − xₜ) = 0
///     α = min(‖d₁‖ / (‖d₁‖ + ‖d₂‖), 0.1),   xₜ₊₁ = clip((1 − α)(xₜ + 1.05 d₁) + α (x + 1.05 d₂))
///
/// The changes keep to the range. Where xₜ₊₁ reaches the goal it is noted, and the search goes on from
/// `x + 0.9 (xₜ₊₁ − x)`. k is the class whose hyperplane is the closest; with `targetClasses` one class at a time, which
/// costs one gradient a step instead of one for each class. A targeted goal has one hyperplane: where its class equals the
/// strongest other one.
///
/// Source: Croce, Hein, "Minimally Distorted Adversarial Examples with a Fast Adaptive Boundary Attack", ICML 2020. As in
/// the authors' code, which has no final search on the line to the input.
public struct FastAdaptiveBoundary: MinimalAttack {
  /// The norm of distances: `.lInf` or `.l2`.
  public let norm: VectorNorm
  /// How many of the classes that follow the label in the order of the clean logits are tried one after the other, each in
  /// runs of its own; nil looks at all classes at each step.
  public var targetClasses: Int?
  /// How many steps a run has.
  public var steps: Int
  /// How many runs there are, with target classes towards each; the first begins at the input, later ones at random points
  /// within half of `radius`.
  public var restarts: Int
  /// The distance that matters: a sample that has a point as close leaves. Nil searches to the end.
  public var radius: Float?

  private static let largestShare: Float = 0.1
  private static let overshoot: Float = 1.05
  private static let retreat: Float = 0.9

  /// An attack.
  ///
  /// - Precondition: the norm is L-infinity or L2, `steps` is not negative, other counts are positive, and more than one
  ///   restart has a radius.
  public init(
    norm: VectorNorm, targetClasses: Int? = nil, steps: Int = 100, restarts: Int = 1, radius: Float? = nil
  ) {
    precondition(norm != .l1, "FastAdaptiveBoundary: L-infinity or L2, not \(norm.rawValue)")
    precondition(
      steps >= 0 && targetClasses ?? 1 > 0,
      "FastAdaptiveBoundary: \(steps) steps, \(targetClasses ?? 1) classes")
    precondition(
      restarts == 1 || restarts > 1 && radius != nil, "FastAdaptiveBoundary: \(restarts) restarts, no radius")
    self.norm = norm
    self.targetClasses = targetClasses
    self.steps = steps
    self.restarts = restarts
    self.radius = radius
  }

  /// The closest point of all runs. Run r of a sample draws from its key's `derived(r)`.
  ///
  /// - Precondition: the goal is about classes.
  public func closest(
    to x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    let aim = goal.requiredAim(for: self)
    let clean = model.logits(x)
    if aim.isTargeted {
      return search(x, clean, model, Surrogate(goal, climbing: Margin(aim)), keys, runs: restarts) {
        goal, _ in
        [goal]
      }
    }
    let ranked = Surrogate(
      goal, climbing: RankedTargets(labels: aim.classes, logits: clean, .difference))
    let count = ranked.climbed.count
    if let targetClasses {
      return search(x, clean, model, ranked, keys, runs: restarts * min(targetClasses, count)) { goal, run in
        var goal = goal
        goal.climbed.rank = run / restarts
        return [goal]
      }
    }
    return search(x, clean, model, ranked, keys, runs: restarts) { goal, _ in
      (0..<count).map { rank in
        var goal = goal
        goal.climbed.rank = rank
        return goal
      }
    }
  }

  /// - Parameter boundaries: the goals whose objective is 0 on the boundaries that a run looks at.
  private func search<Wanted: Goal>(
    _ x: Tensor, _ clean: Tensor, _ model: some Classifier, _ goal: Wanted, _ keys: [RandomKey], runs: Int,
    boundaries: (_ goal: Wanted, _ run: Int) -> [Wanted]
  ) -> Tensor {
    var best = BestPoints(x)
    var batch = StandingSamples(x, goal: goal, keys: keys)
    let unchanged = batch.offers(clean).filter(\.isReached)
    best.offerClosest(x, unchanged, distances: [Double](repeating: 0, count: x.shape[0]))
    _ = batch.release(unchanged)
    for run in 0..<runs where !batch.isEmpty {
      var point = batch.inputs
      if let radius, run % restarts > 0 {
        point = start(batch.inputs, radius, run, batch.keys, model.inputRange)
      }
      for _ in 0..<steps where !batch.isEmpty {
        point = moved(
          point, around: batch.inputs, against: model, boundaries: boundaries(batch.goal, run))
        let reaching = batch.offers(model.logits(point)).filter(\.isReached)
        let distances = point.distances(to: batch.inputs, in: norm)
        best.offerClosest(point, reaching, distances: distances)
        let closer = batch.inputs + Self.retreat * (point - batch.inputs)
        point.setRows(reaching.map { (row: $0.row, source: $0.row) }, from: closer)
        guard let radius else { continue }
        let done = reaching.map(\.row).filter { distances[$0] <= Double(radius) }
        if let rows = batch.release(rows: done) { point = point.gathered(rows: rows) }
      }
    }
    return best.points
  }

  private func start(
    _ x: Tensor, _ radius: Float, _ run: Int, _ keys: [RandomKey], _ range: ClosedRange<Float>
  ) -> Tensor {
    func drawn(_ ball: some Budget) -> Tensor {
      ball.randomStart(x, range: range, keys: keys.map { $0.derived(run) })
    }
    return norm == .lInf ? drawn(LInfBall(radius: radius / 2)) : drawn(L2Ball(radius: radius / 2))
  }

  private func moved(
    _ point: Tensor, around x: Tensor, against model: some Classifier, boundaries: [some Goal]
  ) -> Tensor {
    let zero = Tensor.zeros(shape: x.shape)
    var slopes = zero
    var leads = [Float](repeating: 0, count: x.shape[0])
    var closest = [Double](repeating: .infinity, count: x.shape[0])
    for boundary in boundaries {
      let (logits, slope) = model.logitsAndInputGradient(at: point, goal: boundary)
      let values = boundary.objectives(logits).scalars
      let steepness = slope.distances(to: zero, in: norm.dual)
      var rows: [(row: Int, source: Int)] = []
      for i in values.indices {
        let distance = Double(abs(values[i])) / (steepness[i] + 1e-12)
        if distance < closest[i] {
          (closest[i], leads[i]) = (distance, values[i])
          rows.append((i, i))
        }
      }
      slopes.setRows(rows, from: slope)
    }
    func change(of start: Tensor) -> (offset: Tensor, length: [Double]) {
      let offset = start.shortestChange(
        toHyperplaneThrough: point, values: leads, slopes: slopes, in: norm, range: model.inputRange)
      return (offset, offset.distances(to: zero, in: norm).map { max($0, 1e-8) })
    }
    let (own, back) = (change(of: point), change(of: x))
    let shares = zip(own.length, back.length).map { min(Float($0 / ($0 + $1)), Self.largestShare) }
    let share = Tensor(shares).reshaped(to: [shares.count] + [Int](repeating: 1, count: x.rank - 1))
    return ((point + Self.overshoot * own.offset) * (1 - share) + (x + Self.overshoot * back.offset) * share)
      .clamped(to: model.inputRange)
  }

  /// The attack with its settings.
  public var description: String {
    "FAB, \(norm.rawValue)" + (targetClasses.map { ", towards \($0) classes" } ?? "") + ", \(steps) steps"
      + (restarts > 1 ? ", \(restarts) restarts" : "") + (radius.map { ", until \($0)" } ?? "")
  }
}
