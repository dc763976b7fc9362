import TensorCore

/// The samples that an attack still works on: all at first, without those that were released.
struct StandingSamples<Wanted: Goal> {
  /// `[m, …]`, the unchanged inputs.
  private(set) var inputs: Tensor
  /// What the rows of this batch are to reach.
  var goal: Wanted
  /// The rows' keys.
  private(set) var keys: [RandomKey]
  /// Which sample each row is.
  private(set) var samples: [Int]
  /// The rows that were released but are still in the batch, because the goal cannot be cut.
  private var isReleased: [Bool]

  init(_ x: Tensor, goal: Wanted, keys: [RandomKey]) {
    inputs = x
    self.goal = goal
    self.keys = keys
    samples = Array(0..<x.shape[0])
    isReleased = [Bool](repeating: false, count: x.shape[0])
  }

  /// Whether all were released.
  var isEmpty: Bool { isReleased.allSatisfy { $0 } }

  /// The points that gave these logits, `[m, classes]`.
  func offers(_ logits: Tensor) -> [PointOffer] {
    let (reached, objectives) = (goal.isReached(logits), goal.objectives(logits))
    return standing.map {
      PointOffer(row: $0, sample: samples[$0], isReached: reached[$0], objective: objectives[$0])
    }
  }

  /// Points about which nothing else is known.
  func offers() -> [PointOffer] {
    standing.map { PointOffer(row: $0, sample: samples[$0], isReached: false, objective: 0) }
  }

  /// Releases those on offer that reach the goal. Where that makes the batch smaller, the rows that are left of it.
  mutating func release(_ offers: [PointOffer]) -> [Int]? {
    release(rows: offers.filter(\.isReached).map(\.row))
  }

  /// Releases these rows. Where that makes the batch smaller, the rows that are left of it.
  mutating func release(rows: [Int]) -> [Int]? {
    for row in rows { isReleased[row] = true }
    let left = standing
    guard left.count < samples.count, let part = goal.part(left) else { return nil }
    (inputs, goal, keys) = (inputs.gathered(rows: left), part, left.map { keys[$0] })
    (samples, isReleased) = (left.map { samples[$0] }, [Bool](repeating: false, count: left.count))
    return left
  }

  /// These rows of the batch alone; still in the whole batch, where the goal cannot be cut.
  func part(rows: [Int]) -> StandingSamples {
    var part = self
    let wanted = Set(rows)
    _ = part.release(rows: samples.indices.filter { !wanted.contains($0) })
    return part
  }

  private var standing: [Int] { samples.indices.filter { !isReleased[$0] } }
}
