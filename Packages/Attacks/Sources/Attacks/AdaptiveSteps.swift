/// The step sizes of Auto-PGD, one a sample: halved at a checkpoint where the last steps did not pay.
///
/// A checkpoint halves where fewer than `share` of the steps since the last one raised the objective, or where the step size
/// was not halved at the last one and the best objective has not risen since.
struct AdaptiveSteps {
  /// A sample's step, and what decides about it.
  private struct Row {
    var size: Float
    var last: Float
    var best: Float
    var bestAtCheckpoint: Float
    var wasHalved = true
    var rises = 0
  }

  private var rows: [Row] = []
  private let share: Double
  /// How many steps there are between two checkpoints, and how many since the last one.
  private var interval: Int
  private var elapsed = 0
  private let (shrinkage, shortest): (Int, Int)

  /// The sizes, one a row.
  var sizes: [Float] { rows.map(\.size) }
  /// The largest objectives so far, one a row.
  var best: [Float] { rows.map(\.best) }

  /// The state at the start.
  init(size: Float, objectives: [Float], steps: Int, share: Double) {
    rows = objectives.map { Row(size: size, last: $0, best: $0, bestAtCheckpoint: $0) }
    self.share = share
    (interval, shrinkage, shortest) = Self.intervals(steps: steps)
  }

  /// The first interval between checkpoints, by how much each later one is shorter, and the shortest: 22 %, 3 % and 6 % of
  /// the steps.
  private static func intervals(steps: Int) -> (first: Int, shrinkage: Int, shortest: Int) {
    func part(_ share: Double) -> Int { max(Int(share * Double(steps)), 1) }
    return (part(0.22), part(0.03), part(0.06))
  }

  /// After which steps there is a checkpoint.
  static func checkpoints(steps: Int) -> [Int] {
    var (interval, shrinkage, shortest) = intervals(steps: steps)
    var places: [Int] = []
    while (places.last ?? 0) + interval <= steps {
      places.append((places.last ?? 0) + interval)
      interval = max(interval - shrinkage, shortest)
    }
    return places
  }

  /// Notes the objectives after a step; rows without one keep theirs. Returns the rows that are better than ever.
  mutating func record(_ objectives: [(row: Int, objective: Float)]) -> [Int] {
    var improved: [Int] = []
    for (row, objective) in objectives {
      if objective > rows[row].last { rows[row].rises += 1 }
      rows[row].last = objective
      if objective > rows[row].best {
        rows[row].best = objective
        improved.append(row)
      }
    }
    elapsed += 1
    return improved
  }

  /// The rows whose steps are halved now and that are to go on from their best point; none between checkpoints.
  mutating func checkpoint() -> [Int] {
    guard elapsed == interval else { return [] }
    var halved: [Int] = []
    for i in rows.indices {
      let stagnates = !rows[i].wasHalved && rows[i].bestAtCheckpoint >= rows[i].best
      rows[i].wasHalved = Double(rows[i].rises) <= share * Double(interval) || stagnates
      rows[i].bestAtCheckpoint = rows[i].best
      rows[i].rises = 0
      if rows[i].wasHalved {
        rows[i].size /= 2
        halved.append(i)
      }
    }
    elapsed = 0
    interval = max(interval - shrinkage, shortest)
    return halved
  }

  /// Only these rows go on.
  mutating func keep(_ kept: [Int]) { rows = kept.map { rows[$0] } }
}
