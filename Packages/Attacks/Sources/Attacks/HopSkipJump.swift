import Foundation
import TensorCore

/// A search for the closest input that asks the model for decisions only: no gradients, no logits.
///
/// From a point that reaches the goal it goes back to the boundary by halving the way to x, estimates the boundary's normal
/// from decisions at random points around, steps along it as far as the goal stays reached, and begins again:
///
///     v = Σⱼ (φⱼ − φ̄)(clip(p + δuⱼ) − p) / δ,   φ = ±1 as clip(p + δuⱼ) reaches the goal or not,   ‖uⱼ‖₂ = 1
///     p ← clip(p + ξ v / ‖v‖₂) or clip(p + ξ sign(v)),   ξ = distance / √t, halved until the goal is reached
///     δ = √d θ distance (L2), d θ distance (L∞), a tenth of the range in the first step;   θ = d^(−3/2) (L2), d⁻² (L∞)
///
/// Iteration t uses `firstDraws` · √t points, at most `mostDraws`.
///
/// Source: Chen, Jordan, Wainwright, "HopSkipJumpAttack: A Query-Efficient Decision-Based Attack", IEEE S&P 2020, algorithm
/// 2, and their code. Difference: the closest of all points is the result, not the last one.
public struct HopSkipJump: MinimalAttack {
  /// The norm of distances: L2 or L∞.
  public var norm: VectorNorm
  /// How many normals are estimated.
  public var iterations: Int
  /// How many points the first estimate uses.
  public var firstDraws: Int
  /// The most points of an estimate.
  public var mostDraws: Int
  /// The most decisions that a sample may cost; nil for no limit. A sample stops when the next estimate would cost more.
  public var queryLimit: Int?
  /// How many points of uniform noise are tried as a start.
  public var noiseStarts: Int
  /// Inputs `[m, …]` that are tried as a start before noise: a targeted attack needs some of the wanted class.
  public var startingPoints: Tensor?

  /// An attack.
  ///
  /// - Precondition: the norm is L2 or L∞, there are draws, and no number is negative.
  public init(
    norm: VectorNorm = .l2, iterations: Int = 40, firstDraws: Int = 100, mostDraws: Int = 10_000,
    queryLimit: Int? = nil, noiseStarts: Int = 100, startingPoints: Tensor? = nil
  ) {
    precondition(norm != .l1, "HopSkipJump: L1 is not a norm it knows")
    precondition(
      iterations >= 0 && firstDraws > 0 && mostDraws > 0 && queryLimit ?? 0 >= 0 && noiseStarts >= 0,
      "HopSkipJump: \(iterations) iterations, \(firstDraws) to \(mostDraws) draws, limit \(queryLimit ?? 0), \(noiseStarts) starts"
    )
    self.norm = norm
    self.iterations = iterations
    self.firstDraws = firstDraws
    self.mostDraws = mostDraws
    self.queryLimit = queryLimit
    self.noiseStarts = noiseStarts
    self.startingPoints = startingPoints
  }

  /// The closest points alone.
  public func closest(
    to x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    closestWithQueries(to: x, against: model, goal: goal, keys: keys).points
  }

  /// The closest points, and how many decisions each sample has cost.
  ///
  /// - Precondition: the goal can be cut into parts, and starting points have the samples' shape.
  public func closestWithQueries(
    to x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> (points: Tensor, queries: [Int]) {
    var search = BoundarySearch(x, model: model, goal: goal, norm: norm, limit: queryLimit)
    search.start(from: startingPoints, noise: noiseStarts, keys: keys.map { $0.derived("start") })
    for iteration in 1...max(1, iterations) where iteration <= iterations && !search.active.isEmpty {
      let draws = min(Int(Double(firstDraws) * Double(iteration).squareRoot()), mostDraws)
      search.advance(
        iteration: iteration, draws: draws, keys: keys.map { $0.derived("estimate").derived(iteration) })
    }
    return (search.best.points, search.queries)
  }

  /// The norm and the settings.
  public var description: String {
    "HopSkipJump, \(norm.rawValue), \(iterations) iterations, \(firstDraws) to \(mostDraws) draws"
      + (queryLimit.map { ", at most \($0) queries" } ?? "")
      + (startingPoints.map { ", \($0.shape[0]) starting points" } ?? "")
  }
}

/// The state of a `HopSkipJump` run: a point on the boundary for each sample.
private struct BoundarySearch<Model: Classifier, Wanted: Goal> {
  /// The inputs.
  let x: Tensor
  let model: Model
  let goal: Wanted
  let norm: VectorNorm
  /// The most queries of a sample.
  let limit: Int
  /// How many each sample has asked.
  private(set) var queries: [Int]
  /// `[n, …]`: points that reach the goal, for the active samples.
  private var points: Tensor
  /// The samples that have such a point, and queries left.
  private(set) var active: [Int] = []
  private(set) var best: BestPoints

  init(_ x: Tensor, model: Model, goal: Wanted, norm: VectorNorm, limit: Int?) {
    (self.x, self.model, self.goal, self.norm) = (x, model, goal, norm)
    self.limit = limit ?? .max
    queries = [Int](repeating: 0, count: x.shape[0])
    points = x
    best = BestPoints(x)
  }

  private var dimension: Double { Double(x.shape.removing(axis: 0).count) }
  private var range: ClosedRange<Float> { model.inputRange }
  /// How far from the boundary a point may be left, as a share of its distance.
  private var tolerance: Double { norm == .l2 ? pow(dimension, -1.5) : pow(dimension, -2) }

  /// Whether each point, a row, reaches its sample's goal. Who has no queries left is told no.
  private mutating func decide(_ batch: Tensor, _ samples: [Int]) -> [Bool] {
    var decisions = [Bool](repeating: false, count: samples.count)
    let asked = samples.indices.filter { row in
      guard queries[samples[row]] < limit else { return false }
      queries[samples[row]] += 1
      return true
    }
    for start in stride(from: 0, to: asked.count, by: 512) {
      let rows = Array(asked[start..<min(asked.count, start + 512)])
      guard let part = goal.part(rows.map { samples[$0] }) else {
        preconditionFailure("HopSkipJump: the goal \(Wanted.self) cannot be cut into parts")
      }
      for (row, reached) in zip(rows, part.isReached(model.logits(batch.gathered(rows: rows)))) {
        decisions[row] = reached
      }
    }
    return decisions
  }

  /// Finds each sample a point that reaches the goal, and brings it to the boundary.
  mutating func start(from candidates: Tensor?, noise: Int, keys: [RandomKey]) {
    let all = Array(0..<x.shape[0])
    let unchanged = decide(x, all)
    offer(all.filter { unchanged[$0] })
    var waiting = all.filter { !unchanged[$0] }
    for attempt in 0..<((candidates?.shape[0] ?? 0) + noise) where !waiting.isEmpty {
      let trial = trial(attempt, for: waiting, candidates, keys: keys)
      let reached = decide(trial, waiting)
      accept(trial, reached, waiting)
      waiting = waiting.indices.filter { !reached[$0] }.map { waiting[$0] }
    }
    active = all.filter { !unchanged[$0] && !waiting.contains($0) }
    // towards x in a straight line, roughly, in either norm: noise is far away in every pixel
    halve(active, tolerance: 1e-3, in: .l2)
    halve(active, tolerance: tolerance, in: norm)
    offer(active)
  }

  /// Starting point number `attempt`: a candidate, or noise.
  private func trial(_ attempt: Int, for samples: [Int], _ candidates: Tensor?, keys: [RandomKey]) -> Tensor {
    let inputs = x.gathered(rows: samples)
    let given = candidates?.shape[0] ?? 0
    if let candidates, attempt < given {
      precondition(
        candidates.shape.removing(axis: 0) == x.shape.removing(axis: 0),
        "HopSkipJump: starting points \(candidates.shape) for samples \(x.shape)")
      return candidates.gathered(rows: [Int](repeating: attempt, count: samples.count)).clamped(to: range)
    }
    let rowKeys = samples.map { keys[$0].derived(attempt - given) }
    if range.lowerBound.isFinite && range.upperBound.isFinite {
      return .uniform(shape: inputs.shape, in: range, rowKeys: rowKeys).clamped(to: range)
    }
    // no range to draw from: farther and farther away
    let spread = Float(sign: .plus, exponent: min(attempt - given, 60), significand: 1)
    return (inputs + spread * .normal(shape: inputs.shape, rowKeys: rowKeys)).clamped(to: range)
  }

  /// One normal, one step and one return to the boundary for all active samples.
  mutating func advance(iteration: Int, draws: Int, keys: [RandomKey]) {
    active = active.filter { limit - queries[$0] >= draws }
    let distances = points.distances(to: x, in: norm)
    var directions = Tensor.zeros(shape: x.shape)
    for sample in active {
      let normal = normal(at: sample, iteration, distance: distances[sample], draws: draws, key: keys[sample])
      directions.setRows([(row: sample, source: 0)], from: normal.steepestAscent(in: norm))
    }
    step(along: directions, lengths: distances.map { $0 / Double(iteration).squareRoot() })
    halve(active, tolerance: tolerance, in: norm)
    offer(active)
  }

  /// The estimate of the boundary's normal, `[1, …]`.
  private mutating func normal(
    at sample: Int, _ iteration: Int, distance: Double, draws: Int, key: RandomKey
  ) -> Tensor {
    let point = points.gathered(rows: [sample])
    let shape = point.shape.replacing(axis: 0, with: draws)
    let keys = (0..<draws).map { key.derived($0) }
    var directions =
      norm == .l2
      ? Tensor.normal(shape: shape, rowKeys: keys) : Tensor.uniform(shape: shape, in: -1...1, rowKeys: keys)
    let lengths = directions.distances(to: .zeros(shape: shape), in: .l2)
    let width =
      range.upperBound.isFinite && range.lowerBound.isFinite ? range.upperBound - range.lowerBound : 1
    let share = norm == .l2 ? dimension.squareRoot() * tolerance : dimension * tolerance
    let reach = iteration == 1 ? 0.1 * Double(width) : share * distance
    scaleSamples(&directions, by: lengths.map { $0 > 0 ? reach / $0 : 0 })
    let around = (point + directions).clamped(to: range)
    let decisions = decide(around, [Int](repeating: sample, count: draws)).map { $0 ? Float(1) : -1 }
    let mean = decisions.reduce(0, +) / Float(draws)
    // where all agree there is no contrast: towards them, or away from them
    let weights = abs(mean) == 1 ? decisions : decisions.map { $0 - mean }
    let offsets = (around - point).reshaped(to: [draws, shape.removing(axis: 0).count])
    return Tensor(shape: [1, draws], scalars: weights).matmul(offsets).reshaped(to: point.shape)
  }

  /// As far along each direction as the goal stays reached: the lengths, halved until it is.
  private mutating func step(along directions: Tensor, lengths: [Double]) {
    var (waiting, lengths) = (active, lengths)
    // so many halvings leave no Float changed
    for _ in 0..<40 where !waiting.isEmpty {
      var moved = directions.gathered(rows: waiting)
      scaleSamples(&moved, by: waiting.map { lengths[$0] })
      let trial = (points.gathered(rows: waiting) + moved).clamped(to: range)
      let reached = decide(trial, waiting)
      accept(trial, reached, waiting)
      waiting = waiting.indices.filter { !reached[$0] }.map { waiting[$0] }
      for sample in waiting { lengths[sample] /= 2 }
    }
  }

  /// Brings points that reach the goal back to the boundary: along the line to x (L2), or into a smaller and smaller box
  /// around x (L∞).
  private mutating func halve(_ samples: [Int], tolerance: Double, in norm: VectorNorm) {
    let ends = points
    let distances = points.distances(to: x, in: norm)
    // shares of the whole way
    var (low, high) = (
      [Double](repeating: 0, count: queries.count), [Double](repeating: 1, count: queries.count)
    )
    var open = samples
    while !open.isEmpty {
      let shares = open.map { (low[$0] + high[$0]) / 2 }
      let trial = between(ends, open, shares, distances, in: norm)
      let reached = decide(trial, open)
      accept(trial, reached, open)
      for (i, sample) in open.enumerated() {
        if reached[i] { high[sample] = shares[i] } else { low[sample] = shares[i] }
      }
      open.removeAll { high[$0] - low[$0] <= tolerance }
    }
  }

  /// The points at these shares of the way from x to `ends`.
  private func between(
    _ ends: Tensor, _ samples: [Int], _ shares: [Double], _ distances: [Double], in norm: VectorNorm
  ) -> Tensor {
    let (inputs, far) = (x.gathered(rows: samples), ends.gathered(rows: samples))
    if norm == .l2 {
      var way = far - inputs
      scaleSamples(&way, by: shares)
      return (inputs + way).clamped(to: range)
    }
    var result = far
    for (i, sample) in samples.enumerated() {
      let box = LInfBall(radius: Float(shares[i] * distances[sample]))
      let row = i..<(i + 1)
      result.setRows(
        [(row: i, source: 0)], from: box.project(far[rows: row], around: inputs[rows: row], range: range))
    }
    return result
  }

  /// Takes the trial points that reach the goal.
  private mutating func accept(_ trial: Tensor, _ reached: [Bool], _ samples: [Int]) {
    points.setRows(reached.indices.filter { reached[$0] }.map { (row: samples[$0], source: $0) }, from: trial)
  }

  /// Offers the points of these samples as results.
  private mutating func offer(_ samples: [Int]) {
    best.offerClosest(
      points, samples.map { PointOffer(row: $0, sample: $0, isReached: true, objective: 0) },
      distances: points.distances(to: x, in: norm))
  }
}
