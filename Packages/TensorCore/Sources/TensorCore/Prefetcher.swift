import Foundation

/// Prepares batches on a background thread while the caller works on earlier ones.
///
/// The batches are those that the source gives, in the order asked for, bit for bit; only the time of their making
/// differs. At most `ahead` wait at any time. It pays where a batch is costly to make, such as decoded and augmented
/// images, and a core is free.
public final class Prefetcher: Sendable {
  private let queue: BatchQueue

  /// Starts to prepare the batches with these indices.
  ///
  /// - Precondition: `ahead` is positive.
  public init(of source: any BatchSource, at indices: [[Int]], epoch: Int = 0, ahead: Int = 2) {
    precondition(ahead > 0, "Prefetcher: \(ahead) batches ahead is not positive")
    let queue = BatchQueue(capacity: ahead)
    self.queue = queue
    // The thread holds the queue but not the prefetcher, so that dropping the prefetcher ends it.
    let thread = Thread {
      for batch in indices where queue.waitForRoom() {
        let result = Result { try source.batch(at: batch, epoch: epoch) }
        queue.add(result)
        if case .failure = result { return }
      }
      queue.finish()
    }
    thread.name = "prefetch"
    thread.start()
  }

  deinit { queue.cancel() }

  /// The next batch, waiting for it if necessary; nil after the last one and after `cancel`.
  ///
  /// - Throws: what the source threw for this batch. No batch follows.
  public func next() throws -> Batch? { try queue.take()?.get() }

  /// Stops the preparation and drops what waits; the batch being made is finished in the background.
  public func cancel() { queue.cancel() }
}

/// Results that wait between the two threads.
private final class BatchQueue: @unchecked Sendable {
  // The condition guards all that follows.
  private let condition = NSCondition()
  private let capacity: Int
  private var waiting: [Result<Batch, any Error>] = []
  private var isFinished = false

  init(capacity: Int) { self.capacity = capacity }

  /// Returns when there is room for one more result: true, or false when none is wanted any more.
  func waitForRoom() -> Bool {
    condition.withLock {
      while waiting.count >= capacity && !isFinished { condition.wait() }
      return !isFinished
    }
  }

  func add(_ result: Result<Batch, any Error>) {
    condition.withLock {
      guard !isFinished else { return }
      waiting.append(result)
      if case .failure = result { isFinished = true }
      condition.broadcast()
    }
  }

  func finish() {
    condition.withLock {
      isFinished = true
      condition.broadcast()
    }
  }

  func cancel() {
    condition.withLock {
      isFinished = true
      waiting = []
      condition.broadcast()
    }
  }

  func take() -> Result<Batch, any Error>? {
    condition.withLock {
      while waiting.isEmpty && !isFinished { condition.wait() }
      guard !waiting.isEmpty else { return nil }
      let result = waiting.removeFirst()
      condition.broadcast()
      return result
    }
  }
}
