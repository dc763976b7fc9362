import NNLayers
import TensorCore

/// How much each weight of a model matters: pruning removes the lowest scores first.
///
///     struct Squares: PruningScore {
///       func scores<Model: Layer>(of weights: [NamedParameter], in model: Model) -> [Tensor] {
///         weights.map { $0.parameter.value.squared() }
///       }
///     }
public protocol PruningScore: Sendable {
  /// A score for every weight, larger for what should stay; comparable between parameters where one ranking decides over
  /// all of them.
  ///
  /// - Parameters:
  ///   - weights: the parameters that may be pruned, in walk order.
  ///   - model: the model that they belong to.
  /// - Returns: for each parameter its scores, shaped as its value.
  /// - Throws: `InputError` for data or a model that the score cannot use.
  func scores<Model: Layer>(of weights: [NamedParameter], in model: Model) throws -> [Tensor]
}

/// A parameter under the name that its model's walk gives it.
public typealias NamedParameter = (name: String, parameter: Parameter)

extension PruningScore {
  /// The scores, with one number for each weight.
  ///
  /// - Throws: `InputError.outOfRange` for NaN; what the score throws.
  func checkedScores<Model: Layer>(of weights: [NamedParameter], in model: Model) throws -> [Tensor] {
    let scores = try self.scores(of: weights, in: model)
    precondition(
      scores.count == weights.count, "\(Self.self): \(scores.count) scores for \(weights.count) parameters")
    for ((name, parameter), scores) in zip(weights, scores) {
      precondition(
        scores.shape == parameter.value.shape,
        "\(Self.self): scores \(scores.shape) for \(name) \(parameter.value.shape)")
      let unknown = scores.withUnsafeBufferPointer { $0.firstIndex { $0.isNaN } }
      if let unknown {
        throw InputError(
          .outOfRange, "the pruning score of \(name)", expected: "numbers", found: "NaN at element \(unknown)"
        )
      }
    }
    return scores
  }
}
