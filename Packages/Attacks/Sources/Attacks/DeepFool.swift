import TensorCore

/// Steps to the nearest boundary of a linear model that agrees with the classifier in value and gradient, until the goal is
/// reached.
///
///     f = z_k − z_y,   r ← r + (|f| / ‖∇f‖* + 10⁻⁴) · steepestAscent(∇f),   x ← clip(x₀ + (1 + overshoot) r)
///
/// k is the class with the smallest |f| / ‖∇f‖*, ‖·‖* the dual norm. Towards a class t every other class must be passed: k is
/// then, of those ahead of t, the one whose boundary is the farthest. The paper has untargeted attacks only, and clips to no
/// range; 10⁻⁴ is from the authors' code, as is the overshoot at each step.
///
/// Source: Moosavi-Dezfooli, Fawzi, Frossard, "DeepFool: A Simple and Accurate Method to Fool Deep Neural Networks", CVPR
/// 2016, algorithm 2 and section 3.3.
public struct DeepFool: MinimalAttack {
  /// The norm of a step, and of the distance.
  public var norm: VectorNorm
  /// The most steps.
  public var steps: Int
  /// How far beyond the boundary a step goes, as a share of the way.
  public var overshoot: Float
  /// How many of the strongest other classes are looked at; each costs a gradient a step.
  public var candidates: Int

  /// An attack.
  ///
  /// - Precondition: `steps` and `overshoot` are not negative, and there is a candidate.
  public init(norm: VectorNorm = .l2, steps: Int = 50, overshoot: Float = 0.02, candidates: Int = 9) {
    precondition(
      steps >= 0 && overshoot >= 0 && candidates > 0,
      "DeepFool: \(steps) steps, overshoot \(overshoot), \(candidates) candidates")
    self.norm = norm
    self.steps = steps
    self.overshoot = overshoot
    self.candidates = candidates
  }

  /// The first point at which each sample reaches the goal; samples leave when they do.
  ///
  /// - Precondition: the goal is about classes.
  public func closest(
    to x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    var best = BestPoints(x)
    var batch = StandingSamples(x, goal: goal, keys: keys)
    var point = x
    var sum = Tensor.zeros(shape: x.shape)
    for step in 0...steps where !batch.isEmpty {
      let aim = batch.goal.requiredAim(for: self)
      var (logits, slope) = model.logitsAndInputGradient(at: point, goal: RivalLead(wanted: aim, rank: 0))
      let offers = batch.offers(logits)
      best.offer(point, offers.filter(\.isReached))
      if let rows = batch.release(offers) {
        (point, sum, slope) = (
          point.gathered(rows: rows), sum.gathered(rows: rows), slope.gathered(rows: rows)
        )
        logits = logits.gathered(rows: rows)
      }
      if step == steps || batch.isEmpty { break }
      sum += move(from: point, logits, slope, against: model, batch.goal.requiredAim(for: self))
      point = (batch.inputs + (1 + overshoot) * sum).clamped(to: model.inputRange)
    }
    return best.points
  }

  /// Each sample's way to its boundary: of the candidates, given the gradient of the first.
  private func move(
    from point: Tensor, _ logits: Tensor, _ first: Tensor, against model: some Classifier, _ aim: ClassAim
  ) -> Tensor {
    let zero = Tensor.zeros(shape: point.shape)
    var direction = zero
    var lengths = [Double?](repeating: nil, count: point.shape[0])
    for rank in 0..<min(candidates, logits.shape[1] - 1) {
      let lead = RivalLead(wanted: aim, rank: rank)
      let slope = rank == 0 ? first : model.inputGradient(at: point, goal: lead)
      let leads = lead.objectives(logits).scalars
      let steepness = slope.distances(to: zero, in: norm.dual)
      let chosen = leads.indices.filter { i in
        // no way over a flat place, and no need to pass a class that is behind already
        guard steepness[i] > 0, !aim.isTargeted || leads[i] >= 0 else { return false }
        let length = Double(abs(leads[i])) / steepness[i]
        guard lengths[i].map({ aim.isTargeted ? length > $0 : length < $0 }) ?? true else { return false }
        lengths[i] = length
        return true
      }
      let unit = (aim.isTargeted ? -slope : slope).steepestAscent(in: norm)
      direction.setRows(chosen.map { (row: $0, source: $0) }, from: unit)
    }
    scaleSamples(&direction, by: lengths.map { ($0 ?? 0) + 1e-4 })
    return direction
  }

  /// The norm and the settings.
  public var description: String {
    "DeepFool, \(norm.rawValue), \(steps) steps, overshoot \(overshoot), \(candidates) candidates"
  }
}

/// How far the strongest, second strongest, … other class is ahead of the aim's own: `z_k − z_own`.
private struct RivalLead: LogitGoal {
  let wanted: ClassAim
  let rank: Int

  var aim: ClassAim? { wanted }
  func part(_ rows: [Int]) -> RivalLead? { RivalLead(wanted: wanted.part(rows), rank: rank) }
  func isReached(_ logits: Tensor) -> [Bool] { wanted.isReached(logits) }

  func objective(
    of row: UnsafeBufferPointer<Float>, sample: Int, slope: UnsafeMutableBufferPointer<Float>?
  ) -> Double {
    let own = wanted.classes[sample]
    return row.lead(of: row.ranking().filter { $0 != own }[rank], over: own, slope: slope)
  }
}
