import TensorCore

/// Random points of the budget and no search: what a model loses to noise of the same size, and the least that any attack
/// must beat.
///
/// Of several draws the first that reaches the goal is kept, else the one with the largest objective. Samples that have
/// reached the goal leave the batch.
public struct RandomNoise<Allowed: Budget>: Attack {
  /// Where a draw comes from.
  public enum Distribution: String, Sendable, CaseIterable {
    /// The budget's `randomStart`: uniform in the ball.
    case uniform
    /// Each element up or down with the same probability, by the same amount: a corner of the L∞ ball.
    case sign
    /// A normal draw, of the budget's whole length: in the L2 ball uniform on its surface.
    case gaussian
  }

  /// What it may do to an input.
  public var budget: Allowed
  /// Where the draws come from.
  public var distribution: Distribution
  /// How many draws each sample gets.
  public var draws: Int

  /// An attack.
  ///
  /// - Precondition: there is at least one draw.
  public init(budget: Allowed, distribution: Distribution, draws: Int = 1) {
    precondition(draws > 0, "RandomNoise: \(draws) draws")
    self.budget = budget
    self.distribution = distribution
    self.draws = draws
  }

  /// All draws of all samples; draw i is that of a key's `derived(i)`, so more draws never lose what fewer have found.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    var best = BestPoints(x)
    var batch = StandingSamples(x, goal: goal, keys: keys)
    for draw in 0..<draws where !batch.isEmpty {
      let point = noisy(batch.inputs, range: model.inputRange, keys: batch.keys.map { $0.derived(draw) })
      let offers = draws == 1 ? batch.offers() : batch.offers(model.logits(point))
      best.offer(point, offers)
      _ = batch.release(offers)
    }
    return best.points
  }

  /// One draw for each sample.
  private func noisy(_ x: Tensor, range: ClosedRange<Float>, keys: [RandomKey]) -> Tensor {
    var offset: Tensor
    switch distribution {
    case .uniform: return budget.randomStart(x, range: range, keys: keys)
    case .sign: offset = 2 * (Tensor.uniform(shape: x.shape, rowKeys: keys) .< Tensor(0.5)) - 1
    case .gaussian: offset = Tensor.normal(shape: x.shape, rowKeys: keys)
    }
    let lengths = budget.distances(offset, .zeros(shape: x.shape))
    scaleSamples(&offset, by: lengths.map { $0 > 0 ? Double(budget.radius) / $0 : 0 })
    return budget.project(x + offset, around: x, range: range)
  }

  /// The attack with its settings.
  public var description: String {
    "\(distribution) noise, \(budget), \(draws) draw\(draws == 1 ? "" : "s")"
  }
}
