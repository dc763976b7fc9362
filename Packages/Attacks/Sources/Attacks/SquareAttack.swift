import TensorCore

/// Square: random search with square windows that asks a model for logits only, never for gradients.
///
/// Each query changes one square of the best point so far, at a random place, and keeps the change where the goal's `Margin`
/// rises (a goal that is not about classes: its objective). The side is √p of the image's, p falling from `initialShare` by
/// halves after 10, 50, 200, 500, 1,000, 2,000, 4,000, 6,000 and 8,000 queries.
///
///     L∞: the start is vertical stripes of ±radius; a window sets each channel to +radius or −radius
///     L2: the start is a grid of windows; a window takes up what is left of the radius and the mass of a second one
///
/// A sample that reaches the goal leaves the batch. Each sample has its own windows.
///
/// Source: Andriushchenko, Croce, Flammarion, Hein, "Square Attack: A Query-Efficient Black-Box Adversarial Attack via Random
/// Search", ECCV 2020. As in AutoAttack's code, whose samples share the windows of a batch; a window may also stand at the
/// last row and column, as in the paper.
public struct SquareAttack<Allowed: NormBall>: Attack {
  /// What it may do to an input: an L-infinity or L2 ball.
  public var budget: Allowed
  /// How many times the model is asked about each sample at most, its start included.
  public var queries: Int
  /// The first share of the image that a window covers.
  public var initialShare: Double
  /// Whether the queries after which windows shrink are counted as of 10,000, in proportion to `queries`, as in the paper; if
  /// not, they stay the same, as in AutoAttack.
  public var rescalesSchedule: Bool

  /// An attack.
  ///
  /// - Precondition: the ball's norm is L-infinity or L2, there is a query, and 0 < `initialShare` ≤ 1.
  public init(
    budget: Allowed, queries: Int = 5000, initialShare: Double = 0.8, rescalesSchedule: Bool = false
  ) {
    precondition(Allowed.norm != .l1, "SquareAttack: L-infinity or L2, not \(budget)")
    precondition(queries > 0, "SquareAttack: \(queries) queries")
    precondition(
      initialShare > 0 && initialShare <= 1, "SquareAttack: initial share \(initialShare) is outside 0...1")
    self.budget = budget
    self.queries = queries
    self.initialShare = initialShare
    self.rescalesSchedule = rescalesSchedule
  }

  /// The best point of each sample; the draws of query i follow from its key's `derived(i)`.
  ///
  /// - Precondition: `x` is `[n, channels, height, width]`.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    search(x, model, goal, keys, traces: false).changed
  }

  /// The same with the outcome of each query: a sample's `stepsToSuccess` are its queries, the successful one not counted.
  public func traced(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> (
    changed: Tensor, trace: AttackTrace?
  ) {
    search(x, model, goal, keys, traces: true)
  }

  private func search(
    _ x: Tensor, _ model: some Classifier, _ goal: some Goal, _ keys: [RandomKey], traces: Bool
  ) -> (changed: Tensor, trace: AttackTrace?) {
    precondition(x.rank == 4, "SquareAttack: inputs \(x.shape) are not [n, channels, height, width]")
    if let aim = goal.aim {
      return climb(x, model, Surrogate(goal, climbing: Margin(aim)), keys, traces: traces)
    }
    return climb(x, model, goal, keys, traces: traces)
  }

  private func climb(
    _ x: Tensor, _ model: some Classifier, _ goal: some Goal, _ keys: [RandomKey], traces: Bool
  ) -> (changed: Tensor, trace: AttackTrace?) {
    var trace = traces ? AttackTrace(steps: queries - 1, runs: 1, count: x.shape[0]) : nil
    var result = BestPoints(x)
    var batch = StandingSamples(x, goal: goal, keys: keys)
    var windows = makeWindows(x, model.inputRange)
    var best = windows.start(keys: keys.map { $0.derived(0) })
    var heights = [Float](repeating: -.infinity, count: x.shape[0])
    for query in 0..<queries where !batch.isEmpty {
      let side = windows.side(of: share(at: query - 1))
      let point =
        query == 0 ? best : windows.changed(best, side: side, keys: batch.keys.map { $0.derived(query) })
      let offers = batch.offers(model.logits(point))
      trace?.append(offers, distances: budget.distances(point, batch.inputs))
      let better = offers.filter { $0.objective > heights[$0.row] || $0.isReached }
      for offer in better { heights[offer.row] = offer.objective }
      best.setRows(better.map { (row: $0.row, source: $0.row) }, from: point)
      result.offer(point, offers.filter(\.isReached))
      if let rows = batch.release(offers) {
        best = best.gathered(rows: rows)
        heights = rows.map { heights[$0] }
        windows = makeWindows(batch.inputs, model.inputRange)
      }
    }
    result.offer(best, batch.offers())
    trace?.complete()
    return (result.points, trace)
  }

  private func makeWindows(_ x: Tensor, _ range: ClosedRange<Float>) -> any SquareWindows {
    Allowed.norm == .lInf
      ? SignWindows(budget: budget, x: x, range: range) : MassWindows(budget: budget, x: x, range: range)
  }

  /// p, the share of the image that a window covers, after so many windows.
  func share(at window: Int) -> Double {
    let count = rescalesSchedule ? window * 10_000 / queries : window
    let halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000].count { count > $0 }
    return initialShare / Double(1 << halvings)
  }

  /// The attack with its settings.
  public var description: String {
    "Square, \(budget), \(queries) queries"
      + (initialShare != 0.8 ? ", first windows of \(initialShare)" : "")
      + (rescalesSchedule ? ", rescaled schedule" : "")
  }
}
