import NNLayers
import TensorCore

/// Structured pruning: removes whole channels from all layers that depend on each other, so that a smaller dense model of
/// the same type remains, which is faster without any sparse kernel.
///
///     let selection = try ChannelPruner(multiple: 8).select(from: model, sample: [3, 32, 32], removing: 0.5)
///     let small = selection.shrunk(model)     // its answers equal those of selection.masked(model)
///
/// A channel's score is the sum of the scores of all weights that make or read it, in every layer of its group; the lowest
/// go, of equals the earlier.
public struct ChannelPruner: Sendable {
  /// What ranks the weights; `MagnitudeScore` gives a channel its L1 norm.
  public var score: any PruningScore
  /// The number of channels that remain in a group is a multiple of this: the width of vectors.
  public var multiple: Int
  /// Names of parameters whose channels all stay.
  public var protected: Set<String>

  /// A pruner.
  ///
  /// - Precondition: `multiple` is positive.
  public init(
    score: any PruningScore = MagnitudeScore(), multiple: Int = 8, protecting protected: Set<String> = []
  ) {
    precondition(multiple > 0, "ChannelPruner: multiple \(multiple) is not positive")
    self.score = score
    self.multiple = multiple
    self.protected = protected
  }

  /// The groups of channels that may be removed from a model, in the order in which its layers make them.
  ///
  /// Channels of the input and the output are in none, nor those of parameters that are protected, of convolutions in
  /// groups, and of layers that tell a plan nothing.
  ///
  /// - Parameter sample: the shape of one input, without the batch.
  public func groups<Model: Layer>(of model: Model, sample: Shape) -> [ChannelGroup] {
    DependencyGraph(of: model, sample: sample).groups().filter { group in
      group.channels.joined().allSatisfy { !protected.contains($0.name) || $0.axis != 0 }
    }
  }

  /// Chooses the channels to remove: in every group the same share, rounded so that the number that remains is the nearest
  /// multiple (the larger of two), at least one multiple, at most all.
  ///
  /// - Throws: `InputError.outOfRange` for a share outside 0 ..< 1, `.missing` for a model without a group; what the score
  ///   throws.
  public func select<Model: Layer>(
    from model: Model, sample: Shape, removing share: Double
  ) throws -> ChannelSelection {
    guard share >= 0 && share < 1 else {
      throw InputError(
        .outOfRange, "the share of channels to remove", expected: "0 to below 1", found: "\(share)")
    }
    let groups = groups(of: model, sample: sample)
    if groups.isEmpty {
      throw InputError(.missing, "channels to remove", expected: "at least one group", found: "none")
    }
    let weights = model.parameters.filter { ParameterGroup.isWeight($0.name, $0.parameter) }
    let sums = Dictionary(
      uniqueKeysWithValues: zip(weights.map(\.name), try score.checkedScores(of: weights, in: model)).map {
        ($0, SliceSums($1))
      })
    let removed = groups.flatMap { group in
      let scores = group.channels.map { slices in
        Float(slices.reduce(0) { $0 + (sums[$1.name]?[$1] ?? 0) })
      }
      let mask = LowestScores.masks(
        removing: group.count - keptCount(of: group.count, removing: share), scores: [Tensor(scores)],
        masks: [nil])[0]
      return zip(group.channels, mask.scalars).filter { $0.1 == 0 }.flatMap(\.0)
    }
    return ChannelSelection(removed: removed)
  }

  /// How many of a group's channels remain.
  private func keptCount(of count: Int, removing share: Double) -> Int {
    let multiples = (Double(count) * (1 - share) / Double(multiple)).rounded()
    return min(count, max(1, Int(multiples)) * multiple)
  }
}

/// The sums of a weight's scores along its rows and columns.
private struct SliceSums {
  private var sums: [[Double]]

  init(_ scores: Tensor) {
    let (rows, columns) = (scores.shape[0], scores.shape[1])
    let inner = scores.count / max(1, rows * columns)
    sums = [[Double](repeating: 0, count: rows), [Double](repeating: 0, count: columns)]
    let cells = scores.reshaped(to: [rows, columns, inner]).sum(alongAxis: 2)
    for (i, value) in cells.scalars.enumerated() {
      sums[0][i / columns] += Double(value)
      sums[1][i % columns] += Double(value)
    }
  }

  subscript(slice: ChannelSlice) -> Double { sums[slice.axis][slice.index] }
}
