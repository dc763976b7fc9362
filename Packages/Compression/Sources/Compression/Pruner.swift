import NNLayers
import TensorCore

/// Unstructured pruning: sets masks so that a given share of a model's weights is 0.
///
///     try Pruner().prune(&model, to: 0.8)                                  // global L1
///     try Pruner(allocation: ErdosRenyiKernel()).prune(&model, to: 0.8)    // layer by layer
///
/// The masks belong to the parameters, so training afterwards keeps them. They only grow: what is masked stays so and counts
/// towards the next sparsity. k = sparsity · (number of prunable weights), rounded to nearest with ties to even as in
/// PyTorch, weights are removed, exactly; of equal scores the one earlier in walk order goes first.
public struct Pruner: Sendable {
  /// What ranks the weights.
  public var score: any PruningScore
  /// What divides k among the parameters.
  public var allocation: any SparsityAllocation
  /// Which parameters may be pruned, and are counted. To protect one leaves it out here.
  public var includes: ParameterGroup.Condition

  /// Pruning of convolution and linear weights, by default of the smallest magnitudes in the whole model.
  ///
  /// - Parameters:
  ///   - score: what ranks the weights.
  ///   - allocation: what divides the number of weights among the parameters.
  ///   - protecting: names of parameters that stay dense and are not counted.
  ///   - includes: which parameters are prunable; the default takes those of rank 2 or more.
  public init(
    score: any PruningScore = MagnitudeScore(), allocation: any SparsityAllocation = GlobalRanking(),
    protecting: Set<String> = [], includes: @escaping ParameterGroup.Condition = ParameterGroup.isWeight
  ) {
    self.score = score
    self.allocation = allocation
    self.includes = { !protecting.contains($0) && includes($0, $1) }
  }

  /// Prunes the model to a share of its prunable weights.
  ///
  /// - Throws: `InputError.missing` for a model without prunable weights; `.outOfRange` for a sparsity outside 0...1 or below
  ///   the present one, and for a score that is not a number; what the score and the allocation throw. The model is then
  ///   unchanged.
  public func prune<Model: Layer>(_ model: inout Model, to sparsity: Double) throws {
    let weights = try prunable(in: model)
    let count = try Self.count(sparsity, of: weights.map(\.parameter.value.count).reduce(0, +), "the model")
    let pruned = weights.map(\.parameter.prunedCount)
    let already = pruned.reduce(0, +)
    guard count >= already else { throw Self.tooLow(sparsity, count, already, "the model") }
    if count == already { return }
    let scores = try score.checkedScores(of: weights, in: model)
    let shapes = weights.map { (name: $0.name, shape: $0.parameter.value.shape) }
    guard let counts = try allocation.counts(pruning: count, of: shapes) else {
      let masks = LowestScores.masks(removing: count, scores: scores, masks: weights.map(\.parameter.mask))
      return model.setMasks(zip(weights.map(\.name), masks))
    }
    precondition(
      counts.count == weights.count && counts.reduce(0, +) == count,
      "prune: an allocation of \(counts) for \(count) of \(weights.count) parameters")
    // What a parameter has lost beyond its part stays lost; the others' parts shrink alike, so that the total is exact.
    let room = zip(counts, pruned).map { max(0, $0 - $1) }
    let more = Apportionment.counts(total: count - already, shares: room.map(Double.init), capacities: room)
    prune(&model, weights, scores, counts: zip(pruned, more).map(+))
  }

  /// Prunes each named parameter to its own share, k of each rounded as for the whole model; others stay as they are.
  ///
  /// - Throws: as `prune(_:to:)`; `InputError.missing` for a name that is not a prunable parameter's.
  public func prune<Model: Layer>(_ model: inout Model, toEach sparsities: [String: Double]) throws {
    let weights = try prunable(in: model)
    let names = weights.map(\.name)
    if let stranger = sparsities.keys.sorted().first(where: { !names.contains($0) }) {
      throw InputError(
        .missing, "prunable parameter \"\(stranger)\"", expected: "one of \(names.joined(separator: ", "))",
        found: "no such parameter")
    }
    let counts = try weights.map { name, parameter in
      guard let sparsity = sparsities[name] else { return parameter.prunedCount }
      let count = try Self.count(sparsity, of: parameter.value.count, name)
      guard count >= parameter.prunedCount else {
        throw Self.tooLow(sparsity, count, parameter.prunedCount, name)
      }
      return count
    }
    prune(&model, weights, try score.checkedScores(of: weights, in: model), counts: counts)
  }

  private func prune<Model: Layer>(
    _ model: inout Model, _ weights: [NamedParameter], _ scores: [Tensor], counts: [Int]
  ) {
    let masks = weights.indices.filter { counts[$0] > weights[$0].parameter.prunedCount }.map { i in
      (
        weights[i].name,
        LowestScores.masks(
          removing: counts[i], scores: [scores[i]], masks: [weights[i].parameter.mask])[0]
      )
    }
    model.setMasks(masks)
  }

  private func prunable(in model: some Layer) throws -> [NamedParameter] {
    let weights = model.parameters.filter { includes($0.name, $0.parameter) }
    if weights.isEmpty {
      throw InputError(.missing, "weights to prune", expected: "at least one parameter", found: "none")
    }
    return weights
  }

  private static func count(_ sparsity: Double, of total: Int, _ what: String) throws -> Int {
    guard sparsity >= 0 && sparsity <= 1 else {
      throw InputError(.outOfRange, "the sparsity of \(what)", expected: "0 to 1", found: "\(sparsity)")
    }
    return Int((sparsity * Double(total)).rounded(.toNearestOrEven))
  }

  private static func tooLow(_ sparsity: Double, _ count: Int, _ already: Int, _ what: String) -> InputError {
    InputError(
      .outOfRange, "sparsity \(sparsity) of \(what), \(count) weights",
      expected: "at least the \(already) that are pruned", found: "fewer",
      remedy: "Masks only grow; begin with the model as it was before.")
  }
}
