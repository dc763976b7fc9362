import NNLayers
import TensorCore

/// How many of a model's weights are 0, layer by layer, and what that comes to in bytes.
public struct SparsityReport: Sendable, Hashable {
  /// One prunable parameter.
  public struct Row: Sendable, Hashable {
    /// The parameter's name.
    public let name: String
    /// How many weights it has.
    public let count: Int
    /// How many of them are not 0.
    public let nonzeroCount: Int
    /// The share of zeros.
    public var sparsity: Double { 1 - Double(nonzeroCount) / Double(max(1, count)) }
  }

  /// The prunable parameters, in walk order.
  public let rows: [Row]
  /// All parameters' numbers: biases, scales and shifts included.
  public let parameterCount: Int
  /// How many of these are not 0.
  public let nonzeroParameterCount: Int
  /// The bytes of buffers and counters, which no sparse form shortens.
  public let bufferByteCount: Int

  /// Counts a model's zeros.
  ///
  /// - Parameter includes: which parameters are prunable; the default takes those of rank 2 or more.
  public init<Model: Layer>(
    of model: Model, where includes: ParameterGroup.Condition = ParameterGroup.isWeight
  ) {
    func nonzero(_ tensor: Tensor) -> Int { Int((tensor .!= Tensor(0)).doubleSum()) }
    let parameters = model.parameters
    rows = parameters.filter { includes($0.name, $0.parameter) }.map { name, parameter in
      Row(name: name, count: parameter.value.count, nonzeroCount: nonzero(parameter.value))
    }
    parameterCount = model.parameterCount
    nonzeroParameterCount = parameters.reduce(0) { $0 + nonzero($1.parameter.value) }
    bufferByteCount = 4 * model.buffers.reduce(0) { $0 + $1.value.count } + 8 * model.counters.count
  }

  /// How many weights are prunable.
  public var prunableCount: Int { rows.reduce(0) { $0 + $1.count } }
  /// The share of zeros among the prunable weights: the layers' sparsities weighted by size.
  public var sparsity: Double {
    1 - Double(rows.reduce(0) { $0 + $1.nonzeroCount }) / Double(max(1, prunableCount))
  }
  /// The multiply-adds of one sample that are left when products with zeros are skipped: each layer's, from the same model's
  /// summary, times the share of its weights that are not 0.
  ///
  /// A layer whose weights are no rows here counts in full.
  public func multiplyAdds(in summary: ModelSummary) -> Int {
    let densities = Dictionary(
      rows.map { ($0.name.split(separator: ".").dropLast().joined(separator: "."), 1 - $0.sparsity) },
      uniquingKeysWith: { first, _ in first })
    return summary.rows.reduce(0) {
      $0 + Int((Double($1.multiplyAdds) * (densities[$1.name] ?? 1)).rounded())
    }
  }
  /// All parameters over those that are not 0.
  public var compressionRatio: Double { Double(parameterCount) / Double(max(1, nonzeroParameterCount)) }

  /// The bytes of all numbers when prunable parameters are stored in a form and everything else as it is, without a file's
  /// header.
  public func byteCount(_ encoding: SparseEncoding = .dense) -> Int {
    rows.reduce(4 * (parameterCount - prunableCount) + bufferByteCount) {
      $0 + encoding.byteCount(weights: $1.count, nonzero: $1.nonzeroCount)
    }
  }
  /// `byteCount` in units of 2²⁰.
  public func mebibytes(_ encoding: SparseEncoding = .dense) -> Double {
    Double(byteCount(encoding)) / 0x1p20
  }
}

/// How weights of which many are 0 can be stored.
public enum SparseEncoding: String, Sendable, CaseIterable {
  /// Four bytes a weight.
  case dense
  /// One bit a weight, set where it is not 0, and four bytes for each of these.
  case bitmap
  /// Four bytes and a 16-bit place for each weight that is not 0; one 32-bit count for each 65,536 weights.
  case index16
  /// Four bytes and a 32-bit place for each weight that is not 0.
  case index32

  /// The bytes of one parameter.
  public func byteCount(weights: Int, nonzero: Int) -> Int {
    switch self {
    case .dense: 4 * weights
    case .bitmap: 4 * nonzero + (weights + 7) / 8
    case .index16: 6 * nonzero + 4 * ((weights + 65_535) / 65_536)
    case .index32: 8 * nonzero
    }
  }
}
