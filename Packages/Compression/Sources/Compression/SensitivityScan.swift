import NNLayers

/// Which parameters bear pruning: prunes one at a time, the others dense and nothing trained, and measures the model.
///
/// The sparsity that a layer gets from a global ranking says that its weights are small, not that it can do without them.
public struct SensitivityScan: Sendable {
  /// What ranks the weights, and which parameters are scanned; its allocation plays no part.
  public var pruner: Pruner
  /// The sparsities to try, each from the dense parameter.
  public var sparsities: [Double]

  /// A scan.
  public init(_ pruner: Pruner = Pruner(), sparsities: [Double]) {
    self.pruner = pruner
    self.sparsities = sparsities
  }

  /// What pruning one parameter alone does.
  public struct Row: Sendable, Hashable {
    /// The parameter's name.
    public let name: String
    /// How many weights it has.
    public let count: Int
    /// What was measured at each of the scan's sparsities.
    public let measured: [Double]
  }

  /// Measures a model with each prunable parameter pruned alone.
  ///
  /// - Parameters:
  ///   - model: a trained model; it stays.
  ///   - measure: for example the accuracy on validation samples.
  /// - Returns: the dense model's measure, and a row for each prunable parameter in walk order.
  /// - Throws: what pruning and measuring throw.
  public func run<Model: Layer>(
    on model: Model, measure: (Model) throws -> Double
  ) throws -> (dense: Double, rows: [Row]) {
    let weights = model.parameters.filter { pruner.includes($0.name, $0.parameter) }
    let scores = Dictionary(
      uniqueKeysWithValues: zip(weights.map(\.name), try pruner.score.scores(of: weights, in: model)))
    var single = pruner
    single.score = CustomScore { name, _ in scores[name]! }
    let rows = try weights.map { name, parameter in
      let measured = try sparsities.map { sparsity in
        var copy = model
        try single.prune(&copy, toEach: [name: sparsity])
        return try measure(copy)
      }
      return Row(name: name, count: parameter.value.count, measured: measured)
    }
    return (try measure(model), rows)
  }
}

/// How much a model loses when one parameter is pruned.
public enum Sensitivity: String, Sendable, CaseIterable {
  /// Less than one point.
  case low
  /// Less than five points.
  case medium
  /// Less than fifteen points.
  case high
  /// More.
  case critical

  /// The grade of a drop in accuracy, as a share: 0.03 is three points.
  public init(drop: Double) {
    self = drop < 0.01 ? .low : drop < 0.05 ? .medium : drop < 0.15 ? .high : .critical
  }
}
