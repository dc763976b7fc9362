import TensorCore

/// A source that knows all its labels without fetching a sample, so that it can be split by class.
public protocol LabeledSource: BatchSource {
  /// `[count]`, class indices.
  var labels: IntTensor { get }
}

/// Some samples of a source, in a chosen order. Batches carry the samples' indices in the source, so their random
/// keys and the identity of an image survive every split.
public struct Subset: LabeledSource {
  /// The source that the samples come from; never itself a subset.
  public let source: any LabeledSource
  /// Each sample's index in `source`.
  public let sourceIndices: [Int]
  /// `[count]`, class indices.
  public let labels: IntTensor

  /// The samples of a source with these indices, in this order. A subset of a subset refers to the first source.
  ///
  /// - Precondition: every index is one of a sample.
  public init(of source: any LabeledSource, at indices: [Int]) {
    labels = source.labels.gathered(rows: indices)
    if let subset = source as? Subset {
      self.source = subset.source
      sourceIndices = indices.map { subset.sourceIndices[$0] }
    } else {
      self.source = source
      sourceIndices = indices
    }
  }

  /// How many samples there are.
  public var count: Int { sourceIndices.count }

  /// The shape of one input.
  public var inputShape: Shape { source.inputShape }

  /// How many classes the source has.
  public var classCount: Int { source.classCount }

  /// The samples at these places of the subset; their `indices` are those in the source.
  public func batch(at indices: [Int], epoch: Int) throws -> Batch {
    try source.batch(
      at: indices.map { place in
        precondition(place >= 0 && place < count, "batch: index \(place) is outside 0 ..< \(count)")
        return sourceIndices[place]
      }, epoch: epoch)
  }
}

extension LabeledSource {
  /// The places of a class's samples, ascending.
  public func places(of label: Int) -> [Int] { (0..<labels.count).filter { labels[$0] == label } }

  /// All places, one of each class in turn: the first `classCount` have every class once, as long as each has samples.
  public var placesInTurn: [Int] {
    let classes = (0..<classCount).map { places(of: $0) }
    return (0..<(classes.map(\.count).max() ?? 0)).flatMap { round in
      classes.compactMap { round < $0.count ? $0[round] : nil }
    }
  }

  /// The samples with these indices, in this order.
  public func subset(at indices: [Int]) -> Subset { Subset(of: self, at: indices) }

  /// Two stratified, shuffled parts that together are this source: see `StratifiedSplit`.
  ///
  /// - Parameters:
  ///   - fraction: how much to hold out, between 0 and 1; the number of samples is rounded up.
  ///   - key: which samples, and their order.
  public func split(
    holdingOut fraction: Double, key: RandomKey
  ) throws -> (kept: Subset, heldOut: Subset) {
    parts(try StratifiedSplit(labels: labels, holdingOut: fraction, key: key))
  }

  /// Two stratified, shuffled parts, one of them with `count` samples.
  public func split(
    holdingOut count: Int, key: RandomKey
  ) throws -> (kept: Subset, heldOut: Subset) {
    parts(try StratifiedSplit(labels: labels, holdingOut: count, key: key))
  }

  private func parts(_ split: StratifiedSplit) -> (kept: Subset, heldOut: Subset) {
    (subset(at: split.kept), subset(at: split.heldOut))
  }
}
