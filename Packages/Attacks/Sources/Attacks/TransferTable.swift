import TensorCore

/// One attack from every model to every other one.
public struct TransferTable: Sendable {
  /// One direction.
  public struct Cell: Sendable {
    /// The model that was attacked.
    public let source: String
    /// The model that was shown the changed inputs.
    public let target: String
    /// What became of them.
    public let result: TransferResult
  }

  /// The attack with its settings.
  public let attack: String
  /// All directions: the first source to its targets in the order of the models, then the next source.
  public let cells: [Cell]

  /// The direction from one model to another; nil if it is not in the table.
  public func result(from source: String, to target: String) -> TransferResult? {
    cells.first { $0.source == source && $0.target == target }?.result
  }
}

/// Attacks each model and shows the result, unchanged, to all the others.
///
/// - Parameters:
///   - attack: the search.
///   - models: the models with their names.
///   - source: the data set.
///   - samples: indices of the samples; nil takes all.
///   - targets: the wanted classes of a targeted attack, one a sample; nil attacks away from the labels.
///   - batchSize: how many samples run at once.
///   - key: the attack's randomness, the same for each model.
/// - Throws: what judging and `transfer(_:of:to:batchSize:)` throw.
/// - Precondition: the names differ.
public func transferTable(
  of attack: some Attack, among models: [(name: String, model: any Classifier)], on source: some BatchSource,
  samples: [Int]? = nil, targets: IntTensor? = nil, batchSize: Int = 250, key: RandomKey
) throws -> TransferTable {
  precondition(
    Set(models.map(\.name)).count == models.count, "transferTable: models \(models.map(\.name)) share a name")
  let cells = try models.indices.flatMap { place in
    let result = try judge(
      attack, against: models[place].model, on: source, samples: samples, targets: targets,
      batchSize: batchSize, keepsInputs: true, key: key)
    return try models.indices.filter { $0 != place }.map { other in
      TransferTable.Cell(
        source: models[place].name, target: models[other].name,
        result: try transfer(result, of: source, to: models[other].model, batchSize: batchSize))
    }
  }
  return TransferTable(attack: "\(attack)", cells: cells)
}
