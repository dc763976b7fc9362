import Foundation
import NNLayers

extension Pruner {
  /// A model after one round of iterative pruning.
  public struct Round<Model: Layer>: Sendable {
    /// The share of prunable weights that was asked for.
    public let sparsity: Double
    /// The model before its training: just pruned, or rewound.
    public let pruned: Model
    /// The model after it.
    public let trained: Model
  }

  /// Prunes and trains in turns. Each round begins with the last one's result, prunes it further and trains it: as it is
  /// (fine-tuning), or from initial weights under the new masks (lottery-ticket rewinding).
  ///
  ///     let rounds = try Pruner().iterate(
  ///       trained, to: Pruner.sparsities(removing: 0.2, rounds: 10), rewindingTo: initial
  ///     ) { model, round in try train(&model) }
  ///     var control = fresh.masked(as: rounds[9].pruned)   // the same masks, other initial weights
  ///
  /// Source: Frankle and Carbin, "The Lottery Ticket Hypothesis", ICLR 2019; rewinding to weights from early in training:
  /// Frankle, Dziugaite, Roy, Carbin, "Linear Mode Connectivity and the Lottery Ticket Hypothesis", ICML 2020.
  ///
  /// - Parameters:
  ///   - model: a trained model.
  ///   - sparsities: what each round prunes to, rising.
  ///   - initial: what to rewind to; nil goes on with the trained weights.
  ///   - train: trains a pruned model in place.
  /// - Throws: what pruning and training throw.
  public func iterate<Model: Layer>(
    _ model: Model, to sparsities: [Double], rewindingTo initial: Model? = nil,
    train: (_ model: inout Model, _ round: Int) throws -> Void
  ) throws -> [Round<Model>] {
    var current = model
    return try sparsities.enumerated().map { round, sparsity in
      try prune(&current, to: sparsity)
      if let initial { current = initial.masked(as: current) }
      let pruned = current
      try train(&current, round)
      return Round(sparsity: sparsity, pruned: pruned, trained: current)
    }
  }

  /// The sparsities of rounds that each remove the same share of what is left: 1 − (1 − share)ʳ, r from 1.
  public static func sparsities(removing share: Double, rounds: Int) -> [Double] {
    precondition(share >= 0 && share <= 1 && rounds >= 0, "sparsities: \(share) in \(rounds) rounds")
    return (0..<rounds).map { 1 - pow(1 - share, Double($0 + 1)) }
  }
}
