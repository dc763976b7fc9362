import TensorCore

/// Blends each sample of a batch with the one before it, and their labels alike.
///
///     x'ᵢ = λ xᵢ + (1 − λ) xᵢ₋₁,   t'ᵢ = λ tᵢ + (1 − λ) tᵢ₋₁,   λ ~ Beta(α, α), one for the batch; the first has the last
///
///     loop.transform = { _, batch, key in Mixup(alpha: 0.2, classCount: 10)(batch, key: key) }
///
/// Batches are shuffled, so the neighbour is any other sample. `labels` stay those of the samples themselves.
///
/// Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, as torchvision's `MixUp` has it.
public struct Mixup: Sendable, Hashable, CustomStringConvertible {
  /// The parameter α of the shares' distribution: small values seldom mix, 1 makes all shares equally likely.
  public let alpha: Double
  /// How many classes there are.
  public let classCount: Int

  /// A mixing.
  ///
  /// - Precondition: both are positive.
  public init(alpha: Double, classCount: Int) {
    precondition(
      alpha > 0 && classCount > 0, "Mixup: alpha \(alpha) or \(classCount) classes is not positive")
    self.alpha = alpha
    self.classCount = classCount
  }

  /// The mixed batch, its share drawn from the key.
  public func callAsFunction(_ batch: Batch, key: RandomKey) -> Batch {
    mixed(batch, share: BetaDistribution(a: alpha, b: alpha).quantile(key.uniforms(count: 1)[0]))
  }

  /// The batch mixed with this share λ.
  func mixed(_ batch: Batch, share: Double) -> Batch {
    if batch.count == 0 { return batch }
    let others = batch.inputs.gathered(rows: batch.rowsBefore)
    // In this order equal pixels stay equal and none leaves [0, 1].
    let inputs = others + (batch.inputs - others) * Float(share)
    return Batch(
      inputs: inputs, labels: batch.labels, indices: batch.indices,
      targets: batch.mixedTargets(share: share, classCount: classCount))
  }

  /// In words.
  public var description: String { "mixup with alpha \(alpha)" }
}

extension Batch {
  /// Each row's neighbour: the row before, and the last for the first.
  var rowsBefore: [Int] { indices.indices.map { ($0 + count - 1) % count } }

  /// Each sample's class shares, `share` of its own and the rest of its neighbour's.
  func mixedTargets(share: Double, classCount: Int) -> Tensor {
    let own = targets ?? .oneHot(labels, classes: classCount)
    let others = own.gathered(rows: rowsBefore)
    return others + (own - others) * Float(share)
  }
}
