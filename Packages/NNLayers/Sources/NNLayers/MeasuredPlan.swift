import TensorCore

/// A plan whose layers are each computed in the way that was fastest here: `Layer.measuredPlan` makes one, and its
/// description is a table.
///
/// What is chosen depends on measured times, so it may differ from run to run, and logits with it in their last digits.
/// For given `executions` they are the same bits in every run: `prepared(for:executions:)` repeats a choice.
public struct MeasuredPlan: Sendable {
  /// A layer with a weight.
  public struct Row: Sendable, Hashable {
    /// The layer's name.
    public let name: String
    /// The share of zeros in its weight.
    public let sparsity: Double
    /// The way that was fastest.
    public let execution: WeightExecution
    /// The median times in seconds, inside a plan, with what is joined to the layer. They compare ways: of a batch that is
    /// cut among threads, the parts' times are added up.
    public let medians: [WeightExecution: Double]
  }

  /// The plan.
  public let plan: EvaluationPlan
  /// How its layers are computed, by name; the others are dense. Empty where the dense plan was taken.
  public let executions: [String: WeightExecution]
  /// The layers in the order in which they run.
  public let rows: [Row]
  /// The whole plans in turn, first the dense one, then the one of the rows' ways; nil where dense is fastest in every row.
  public let comparison: LatencyComparison?

  /// Whether every layer is dense.
  public var isDense: Bool { executions.isEmpty }
}

extension Layer {
  /// How layers are computed if every one that can be is computed in one way, by name.
  ///
  /// - Parameters:
  ///   - execution: the way.
  ///   - sample: the shape of one input, without the batch.
  public func executions(_ execution: WeightExecution, for sample: Shape) -> [String: WeightExecution] {
    Dictionary(
      uniqueKeysWithValues: WeightedLayer.all(in: self, sample).filter { $0.all.contains(execution) }.map {
        ($0.name, execution)
      })
  }

  /// The model made ready for evaluation with each layer computed in the way that is fastest on this machine, with as many
  /// threads as the pool has now.
  ///
  /// Each layer's ways are timed in turn inside whole plans, where caches hold what they will hold. A way other than dense
  /// is taken where it is faster by more than the noise (`LatencyComparison.isFaster`). The plan of all these is then timed
  /// in turn with the dense plan, which is taken unless the other one is faster.
  ///
  /// - Parameters:
  ///   - x: a batch like those to come, `[n, …]`.
  ///   - candidates: the ways to try beside dense; sparse ones only where a weight has zeros.
  ///   - rounds: how often each plan runs; with fewer than 8, dense is always taken.
  /// - Throws: what `prepared` throws.
  /// - Precondition: the batch is not empty.
  public func measuredPlan(
    on x: Tensor, candidates: Set<WeightExecution> = Set(WeightExecution.allCases), rounds: Int = 40
  ) throws -> MeasuredPlan {
    precondition(x.rank > 1 && x.shape[0] > 0, "measuredPlan: no samples to time, \(x.shape)")
    let sample = x.shape.removing(axis: 0)
    let layers = WeightedLayer.all(in: self, sample)
    let ways = WeightExecution.allCases.filter { way in
      way == .dense || candidates.contains(way) && layers.contains { $0.isWorth(way) }
    }
    let plans = try ways.map { way in
      let names = layers.filter { way != .dense && $0.isWorth(way) }.map(\.name)
      return try prepared(for: sample, executions: Dictionary(uniqueKeysWithValues: names.map { ($0, way) }))
    }
    // seconds[layer][way][round]
    var seconds = [[[Double]]](
      repeating: [[Double]](repeating: [], count: ways.count), count: layers.count)
    LatencyComparison.inTurn(ways.count, rounds: rounds, warmUps: 3) { way, counts in
      let measured = plans[way].compiled.operationSeconds(x)
      if !counts { return }
      for (number, layer) in layers.enumerated() {
        seconds[number][way].append(layer.places.reduce(0) { $0 + (measured[$1] ?? 0) })
      }
    }
    let rows = layers.enumerated().map { number, layer in
      let tried = ways.indices.filter { ways[$0] == .dense || layer.isWorth(ways[$0]) }
      let timed = LatencyComparison(seconds: tried.map { seconds[number][$0] })
      return MeasuredPlan.Row(
        name: layer.name, sparsity: layer.sparsity, execution: ways[tried[timed.choice]],
        medians: Dictionary(
          uniqueKeysWithValues: tried.enumerated().map { (ways[$1], timed.latency(of: $0).median) }))
    }
    let changed = rows.filter { $0.execution != .dense }
    if changed.isEmpty { return MeasuredPlan(plan: plans[0], executions: [:], rows: rows, comparison: nil) }
    let executions = Dictionary(uniqueKeysWithValues: changed.map { ($0.name, $0.execution) })
    let plan = try prepared(for: sample, executions: executions)
    let comparison = LatencyComparison(
      rounds: rounds, warmUps: 3, [{ _ = plans[0].logits(x) }, { _ = plan.logits(x) }])
    return comparison.choice == 0
      ? MeasuredPlan(plan: plans[0], executions: [:], rows: rows, comparison: comparison)
      : MeasuredPlan(plan: plan, executions: executions, rows: rows, comparison: comparison)
  }
}

/// A layer with products, and the ways in which all of them can be computed.
private struct WeightedLayer {
  let name: String
  let places: [Int]
  let sparsity: Double
  /// All ways.
  let all: Set<WeightExecution>
  /// Those that are not dense under another name.
  let different: Set<WeightExecution>

  /// Whether a way could be faster than dense.
  func isWorth(_ way: WeightExecution) -> Bool {
    way != .dense && different.contains(way) && (way != .sparse || sparsity > 0)
  }

  static func all(in model: some Layer, _ sample: Shape) -> [WeightedLayer] {
    var builder = PlanBuilder(sample: sample)
    _ = model.plan(builder.graph.input, in: &builder)
    builder.noteOwner()
    let graph = builder.graph
    var names: [String] = []
    var places: [String: [Int]] = [:]
    for (place, owner) in builder.owners.enumerated() where graph.sparsity(at: place) != nil {
      if places[owner] == nil { names.append(owner) }
      places[owner, default: []].append(place)
    }
    return names.map { name in
      let own = places[name]!
      func shared(_ ways: (Int) -> [WeightExecution]) -> Set<WeightExecution> {
        own.dropFirst().reduce(Set(ways(own[0]))) { $0.intersection(ways($1)) }
      }
      return WeightedLayer(
        name: name, places: own,
        sparsity: own.reduce(0) { $0 + graph.sparsity(at: $1)! } / Double(own.count),
        all: shared { place in WeightExecution.allCases.filter { graph.canExecute($0, at: place) } },
        different: shared { graph.executions(at: $0) })
    }
  }
}

extension MeasuredPlan: CustomStringConvertible {
  /// A table with one line a layer, and the whole plan's time relative to the dense plan's below it.
  public var description: String {
    let ways = WeightExecution.allCases.filter { way in rows.contains { $0.medians[way] != nil } }
    let heading = ["layer", "way", "zeros"] + ways.map { "\($0.rawValue) ms" }
    let cells = rows.map { row in
      [row.name, row.execution.rawValue, Self.rounded(100 * row.sparsity, 1) + " %"]
        + ways.map { way in row.medians[way].map { Self.rounded(1e3 * $0, 4) } ?? "" }
    }
    return (alignedColumns([heading] + cells, leading: 2) + [verdict]).joined(separator: "\n")
  }

  private var verdict: String {
    guard let comparison else { return "Dense throughout: no layer is faster in another way." }
    let ratio =
      "\(Self.rounded(comparison.ratio(of: 1, to: 0), 3)) of the dense plan's time, the median of "
      + "\(comparison.seconds[0].count) paired runs"
    return isDense ? "Dense throughout: the plan of these ways takes \(ratio)." : "The plan takes \(ratio)."
  }

  private static func rounded(_ value: Double, _ digits: Int) -> String {
    let factor = (0..<digits).reduce(1.0) { unit, _ in unit * 10 }
    return "\((value * factor).rounded() / factor)"
  }
}
