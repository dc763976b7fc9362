import Foundation
import Synchronization
import TensorCore
import Testing

/// Labels without pixels, as a source: its one pixel is the sample's index.
private struct NumberedSamples: BatchSource {
  var count = 105
  var failing: Int?
  let inputShape: Shape = [1]
  let classCount = 10

  func batch(at indices: [Int], epoch: Int) throws -> Batch {
    if let failing, indices.contains(failing) {
      throw InputError(.damaged, "sample \(failing)", expected: "an image", found: "none")
    }
    return Batch(
      inputs: Tensor(shape: [indices.count, 1], scalars: indices.map { Float($0 + 1000 * epoch) }),
      labels: IntTensor(indices.map { $0 % 10 }), indices: indices)
  }
}

@Suite struct ShuffledBatchesTests {
  private let source = NumberedSamples()
  let key = RandomKey(seed: 42)

  @Test func everySampleOnceAnEpoch() {
    let batches = ShuffledBatches(of: source, batchSize: 10, key: key)
    let first = batches.indices(epoch: 0)
    #expect(batches.count == 11 && first.map(\.count) == Array(repeating: 10, count: 10) + [5])
    #expect(first.flatMap { $0 }.sorted() == Array(0..<105))
    // Epochs differ, an epoch asked for again does not, and another key gives another order.
    #expect(batches.indices(epoch: 1) != first)
    #expect(batches.indices(epoch: 0) == first)
    #expect(ShuffledBatches(of: source, batchSize: 10, key: RandomKey(seed: 43)).indices(epoch: 0) != first)
  }

  @Test func lastBatchMayBeDropped() {
    let batches = ShuffledBatches(of: source, batchSize: 10, key: key, dropsLast: true)
    #expect(batches.count == 10 && batches.indices(epoch: 0).map(\.count) == Array(repeating: 10, count: 10))
    let even = ShuffledBatches(of: source, batchSize: 35, key: key, dropsLast: true)
    #expect(even.count == 3 && even.indices(epoch: 0).map(\.count) == [35, 35, 35])
  }

  @Test(arguments: [1, 2, 7, 50]) func prefetchedBatchesAreTheSame(ahead: Int) throws {
    let batches = ShuffledBatches(of: NumberedSamples(count: 45), batchSize: 10, key: key)
    for epoch in 0..<2 {
      var plain: [Batch] = []
      var prefetched: [Batch] = []
      try batches.forEach(epoch: epoch) { plain.append($0) }
      try batches.forEach(epoch: epoch, ahead: ahead) { prefetched.append($0) }
      #expect(plain.map(\.indices) == batches.indices(epoch: epoch))
      #expect(prefetched.map(\.indices) == plain.map(\.indices))
      #expect(zip(plain, prefetched).allSatisfy { $0.inputs == $1.inputs && $0.labels == $1.labels })
    }
  }

  // The batches before the failing one still come, then its error, then nothing.
  @Test func errorsComeInTheirPlace() throws {
    var failing = source
    failing.failing = 25
    let prefetcher = Prefetcher(of: failing, at: (0..<10).map { Array(($0 * 10)..<($0 * 10 + 10)) })
    #expect(try prefetcher.next()?.indices.first == 0)
    #expect(try prefetcher.next()?.indices.first == 10)
    let error = #expect(throws: InputError.self) { try prefetcher.next() }
    #expect(error?.subject == "sample 25")
    #expect(try prefetcher.next() == nil)
    #expect(throws: InputError.self) {
      try ShuffledBatches(of: failing, batchSize: 10, key: key).forEach(epoch: 0, ahead: 2) { _ in }
    }
  }

  // An error in the loop's body must end the loop and reach the caller.
  @Test func errorsOfTheBodyEndTheEpoch() {
    var seen = 0
    #expect(throws: CancellationError.self) {
      try ShuffledBatches(of: source, batchSize: 10, key: key).forEach(epoch: 0, ahead: 2) { _ in
        seen += 1
        if seen == 3 { throw CancellationError() }
      }
    }
    #expect(seen == 3)
  }

  /// Counts the batches it has made and says when one is under way.
  final class CountingSource: BatchSource {
    let made = Atomic<Int>(0)
    let started = DispatchSemaphore(value: 0)
    let count = 100
    let inputShape: Shape = [1]
    let classCount = 1

    func batch(at indices: [Int], epoch: Int) -> Batch {
      made.add(1, ordering: .sequentiallyConsistent)
      started.signal()
      return Batch(
        inputs: .zeros(shape: [indices.count, 1]), labels: IntTensor(indices.map { _ in 0 }), indices: indices
      )
    }
  }

  // Nothing is taken: two may wait and no third may be made. After one is taken a third is; after cancelling, or
  // dropping the prefetcher, no more. The waits let a wrong fourth appear; a slow machine cannot fail the test.
  @Test func queueIsBounded() throws {
    let source = CountingSource()
    var prefetcher: Prefetcher? = Prefetcher(of: source, at: (0..<100).map { [$0] }, ahead: 2)
    for _ in 0..<2 { source.started.wait() }
    #expect(source.started.wait(timeout: .now() + 0.02) == .timedOut)
    #expect(try prefetcher?.next()?.indices == [0])
    source.started.wait()
    #expect(source.started.wait(timeout: .now() + 0.02) == .timedOut)
    prefetcher = nil
    #expect(source.started.wait(timeout: .now() + 0.02) == .timedOut)
    #expect(source.made.load(ordering: .sequentiallyConsistent) == 3)
  }

  @Test func cancellingEndsTheStream() throws {
    let prefetcher = Prefetcher(of: source, at: (0..<100).map { [$0] })
    _ = try prefetcher.next()
    prefetcher.cancel()
    #expect(try prefetcher.next() == nil)
  }
}
