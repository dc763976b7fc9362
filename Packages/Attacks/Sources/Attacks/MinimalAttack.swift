import TensorCore

/// A search for the closest input that reaches a goal, without a radius to keep to.
///
/// It does not judge itself: `WithinBudget` turns it into an `Attack`, for `judge`. What it finds bounds the distance to the
/// nearest such input from above; nothing is said from below.
public protocol MinimalAttack: Sendable, CustomStringConvertible {
  /// The norm in which it looks for the closest input.
  var norm: VectorNorm { get }
  /// For each sample the closest input found that reaches the goal, in the model's range; x itself where none was found or x
  /// reaches it already. Samples do not mix.
  ///
  /// - Parameters:
  ///   - x: `[n, …]`, valid inputs.
  ///   - model: the model under attack.
  ///   - goal: what each sample is to reach.
  ///   - keys: `[n]`, the only source of each sample's randomness.
  func closest(to x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor
}

/// A search for the closest input as an attack with a budget: what it found where that is allowed, else the allowed point
/// near it.
public struct WithinBudget<Search: MinimalAttack, Allowed: Budget>: Attack {
  /// The search, which knows nothing of the budget.
  public var search: Search
  /// What counts.
  public var budget: Allowed

  /// A search whose results count within the budget.
  public init(_ search: Search, budget: Allowed) {
    self.search = search
    self.budget = budget
  }

  /// The search's results, projected onto the budget; those inside stay as they are.
  public func perturb(
    _ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]
  ) -> Tensor {
    budget.project(
      search.closest(to: x, against: model, goal: goal, keys: keys), around: x, range: model.inputRange)
  }

  /// The search and the budget.
  public var description: String { "\(search), within \(budget)" }
}

extension WithinBudget where Allowed == AnyDistance {
  /// A search all of whose results count: `AttackResult.distances(in:)` then tells how far each had to go.
  public init(_ search: Search) { self.init(search, budget: AnyDistance(in: search.norm)) }
}

/// All inputs in the range, however far.
public struct AnyDistance: Budget, Hashable {
  /// The norm of distances and steps.
  public let norm: VectorNorm
  /// The largest `Float`.
  public var radius: Float { .greatestFiniteMagnitude }

  /// Distances are measured in this norm.
  public init(in norm: VectorNorm) { self.norm = norm }

  /// The norm of each sample's difference.
  public func distances(_ a: Tensor, _ b: Tensor) -> [Double] { a.distances(to: b, in: norm) }

  /// The candidate, clamped to the range.
  public func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
    candidate.clamped(to: range)
  }

  /// The step of norm 1.
  public func steepestAscent(_ gradient: Tensor) -> Tensor { gradient.steepestAscent(in: norm) }

  /// The norm.
  public var description: String { "any \(norm.rawValue) distance" }
}

extension AttackResult {
  /// How far each sample had to go to reach the goal: the length of its change, 0 where it had reached it before, infinity
  /// where it has not.
  public func distances(in norm: VectorNorm) -> [Double] {
    records.map { $0.isSuccess ? $0.norms.length(in: norm) : .infinity }
  }

  /// Right predictions after an untargeted attack whose changes count only up to this length, of all samples.
  public func robustAccuracy(within radius: Double, in norm: VectorNorm) -> Proportion {
    Proportion(zip(records, distances(in: norm)).map { $0.isCorrect && !($1 <= radius) })
  }
}

extension AttackRecord.Norms {
  /// The length in this norm.
  public func length(in norm: VectorNorm) -> Double {
    switch norm {
    case .lInf: lInf
    case .l2: l2
    case .l1: l1
    }
  }
}

extension BestPoints {
  /// Keeps the points that are closer than those kept, which reach the goal like these; `distances` has one entry a row.
  mutating func offerClosest(_ batch: Tensor, _ reaching: [PointOffer], distances: [Double]) {
    offer(
      batch,
      reaching.map {
        PointOffer(row: $0.row, sample: $0.sample, isReached: true, objective: -Float(distances[$0.row]))
      })
  }
}

extension VectorNorm {
  /// The norm that measures how steep a gradient is for steps measured in this one.
  var dual: VectorNorm {
    switch self {
    case .lInf: .l1
    case .l2: .l2
    case .l1: .lInf
    }
  }
}
