/// A source's samples in batches, in another order each epoch.
///
///     let batches = ShuffledBatches(of: training, batchSize: 200, key: key.derived("shuffle"))
///     for epoch in 0..<epochs {
///       try batches.forEach(epoch: epoch, ahead: 2) { batch in … }
///     }
///
/// The order of epoch e is a permutation from `key.derived(e)`: it depends on the key and the epoch alone, so an
/// interrupted run continues with the order it would have had.
public struct ShuffledBatches: Sendable {
  /// Where the samples come from.
  public let source: any BatchSource
  /// How many samples a batch has.
  public let batchSize: Int
  /// What the orders follow from.
  public let key: RandomKey
  /// Whether a last batch that is not full is left out.
  public let dropsLast: Bool

  /// Batches of a source.
  ///
  /// - Precondition: `batchSize` is positive.
  public init(of source: any BatchSource, batchSize: Int, key: RandomKey, dropsLast: Bool = false) {
    precondition(batchSize > 0, "ShuffledBatches: batch size \(batchSize) is not positive")
    self.source = source
    self.batchSize = batchSize
    self.key = key
    self.dropsLast = dropsLast
  }

  /// How many batches an epoch has.
  public var count: Int {
    dropsLast ? source.count / batchSize : (source.count + batchSize - 1) / batchSize
  }

  /// The indices of each batch of an epoch, in order.
  public func indices(epoch: Int) -> [[Int]] {
    let order = key.derived(epoch).permutation(count: source.count)
    return (0..<count).map { batch in
      Array(order[(batch * batchSize)..<min(order.count, (batch + 1) * batchSize)])
    }
  }

  /// Calls `body` with each batch of an epoch in order. The batches are the same whatever `ahead` is.
  ///
  /// - Parameters:
  ///   - epoch: which epoch; sources that augment use it too.
  ///   - ahead: how many batches a background thread prepares while `body` runs; 0 prepares each when it is needed.
  /// - Throws: what the source or `body` throws; no further batch is prepared then.
  public func forEach(epoch: Int, ahead: Int = 0, _ body: (Batch) throws -> Void) throws {
    let indices = indices(epoch: epoch)
    if ahead == 0 {
      for batch in indices { try body(source.batch(at: batch, epoch: epoch)) }
    } else {
      let prefetcher = Prefetcher(of: source, at: indices, epoch: epoch, ahead: ahead)
      defer { prefetcher.cancel() }
      while let batch = try prefetcher.next() { try body(batch) }
    }
  }
}
