import NNLayers
import TensorCore

/// From which share of zeros on a model's plan is faster when every layer computes only with weights that are not zero.
///
/// At each of some sparsities every prunable parameter is pruned to it, and the plan with all layers sparse is timed in turn
/// with the dense plan. Times differ from run to run, and so does what follows from them.
public struct BreakEvenSparsity: Sendable, Hashable {
  /// What was measured at one sparsity.
  public struct Point: Sendable, Hashable {
    /// The share of zeros in every prunable parameter.
    public let sparsity: Double
    /// The dense plan's median time in seconds.
    public let denseSeconds: Double
    /// The sparse plan's median time in seconds.
    public let sparseSeconds: Double
    /// The sparse plan's time over the dense plan's, the median of the pairs.
    public let ratio: Double

    /// - Parameter timed: the dense plan's times, then the sparse plan's.
    init(sparsity: Double, _ timed: LatencyComparison) {
      self.sparsity = sparsity
      (denseSeconds, sparseSeconds) = (timed.latency(of: 0).median, timed.latency(of: 1).median)
      ratio = timed.ratio(of: 1, to: 0)
    }
  }

  /// The points, sparsity rising.
  public let points: [Point]

  init(points: [Point]) { self.points = points.sorted { $0.sparsity < $1.sparsity } }

  /// Measures a model.
  ///
  /// - Parameters:
  ///   - model: it may be untrained, for the time depends on the number of zeros and hardly on their places; not pruned
  ///     beyond the lowest sparsity.
  ///   - x: a batch like those to come, `[n, …]`.
  ///   - sparsities: where to measure, each from 0 to 1.
  ///   - pruner: what chooses the weights within a parameter, and which parameters are prunable.
  ///   - rounds: how often each pair of plans is timed.
  /// - Throws: what the pruner and `prepared` throw.
  /// - Precondition: there are sparsities, samples and rounds.
  public init<Model: Layer>(
    of model: Model, on x: Tensor,
    sparsities: [Double] = [0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95],
    pruner: Pruner = Pruner(), rounds: Int = 20
  ) throws {
    precondition(
      !sparsities.isEmpty && x.rank > 1 && x.shape[0] > 0,
      "BreakEvenSparsity: \(sparsities.count) sparsities for a batch \(x.shape)")
    let sample = x.shape.removing(axis: 0)
    let sparse = model.executions(.sparse, for: sample)
    let names = model.parameters.filter { pruner.includes($0.name, $0.parameter) }.map(\.name)
    self.init(
      points: try sparsities.map { sparsity in
        var pruned = model
        try pruner.prune(
          &pruned, toEach: Dictionary(uniqueKeysWithValues: names.map { ($0, sparsity) }))
        let plans = (
          try pruned.prepared(for: sample), try pruned.prepared(for: sample, executions: sparse)
        )
        let timed = LatencyComparison(
          rounds: rounds, warmUps: 3, [{ _ = plans.0.logits(x) }, { _ = plans.1.logits(x) }])
        return Point(sparsity: sparsity, timed)
      })
  }

  /// The sparsity from which on sparse is as fast as dense: where the ratio falls to 1 and stays below it, linear between
  /// the two points around. Nil where sparse is slower at the highest sparsity: not reached. Where it is faster at every
  /// point, the lowest one's sparsity.
  public var sparsity: Double? {
    guard let first = points.lastIndex(where: { $0.ratio > 1 }) else { return points.first?.sparsity }
    guard first + 1 < points.count else { return nil }
    let (above, below) = (points[first], points[first + 1])
    return above.sparsity
      + (below.sparsity - above.sparsity) * (above.ratio - 1) / (above.ratio - below.ratio)
  }
}

extension BreakEvenSparsity: CustomStringConvertible {
  /// `break-even at 71.3 % zeros`, `at most 30 %` or `not reached up to 95 %`.
  public var description: String {
    func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
    guard let sparsity else { return "break-even not reached up to \(percent(points.last!.sparsity)) zeros" }
    return sparsity == points.first?.sparsity && points[0].ratio < 1
      ? "break-even at \(percent(sparsity)) zeros or fewer" : "break-even at \(percent(sparsity)) zeros"
  }
}
