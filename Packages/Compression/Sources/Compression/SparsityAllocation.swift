import TensorCore

/// How a number of weights to prune is divided among a model's parameters.
public protocol SparsityAllocation: Sendable {
  /// How many weights each parameter loses, those that it lost before included.
  ///
  /// - Parameters:
  ///   - total: how many weights all of them lose; at most as many as there are.
  ///   - weights: the parameters that may be pruned, in walk order.
  /// - Returns: a number for each parameter, `total` together; nil lets one ranking over all weights decide.
  /// - Throws: `InputError` where the settings cannot give this total or name an unknown parameter.
  func counts(pruning total: Int, of weights: [(name: String, shape: Shape)]) throws -> [Int]?
}

/// One ranking over all weights, one threshold for the whole model: "global" pruning.
public struct GlobalRanking: SparsityAllocation {
  /// One ranking.
  public init() {}
  /// Nil.
  public func counts(pruning total: Int, of weights: [(name: String, shape: Shape)]) -> [Int]? { nil }
}
