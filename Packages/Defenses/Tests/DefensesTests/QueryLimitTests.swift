import Attacks
import AutoDiffLite
import Defenses
import Synchronization
import TensorCore
import Testing

@Suite struct QueryLimitTests {
  // Ten in 60 seconds: what was admitted at 0 counts until just before 60, and a refusal counts nothing.
  @Test func theWindowSlides() throws {
    let limit = QueryLimit(10, perSeconds: 60)
    try limit.admit(6, from: "a", at: 0)
    try limit.admit(4, from: "a", at: 20)
    let refused = try #require(throws: QueryLimitExceeded.self) { try limit.admit(3, from: "a", at: 59.9) }
    #expect(refused.used == 10 && refused.asked == 3 && refused.retryTime == 60)
    #expect(refused.description.contains("at most 10") && refused.description.contains("60.0"))
    try limit.admit(6, from: "a", at: 60)
    #expect(throws: QueryLimitExceeded.self) { try limit.admit(from: "a", at: 79.9) }
    try limit.admit(4, from: "a", at: 80)
  }

  @Test func clientsDoNotShare() throws {
    let limit = QueryLimit(3, perSeconds: 1)
    try limit.admit(3, from: "a", at: 5)
    try limit.admit(3, from: "b", at: 5)
    let refused = try #require(throws: QueryLimitExceeded.self) { try limit.admit(from: "b", at: 5.5) }
    #expect(refused.client == "b" && refused.used == 3)
  }

  // To ask for four more, the six of second 0 must go, not only the one of second -1.
  @Test func whenToComeBack() throws {
    let limit = QueryLimit(10, perSeconds: 60)
    try limit.admit(1, from: "a", at: -1)
    try limit.admit(6, from: "a", at: 0)
    try limit.admit(3, from: "a", at: 1)
    #expect(
      try #require(throws: QueryLimitExceeded.self) { try limit.admit(4, from: "a", at: 2) }.retryTime == 60)
    #expect(
      try #require(throws: QueryLimitExceeded.self) { try limit.admit(11, from: "a", at: 2) }.retryTime == nil
    )
  }

  // A sweep on one client's call must not forget what another one used within the window.
  @Test func sweepingForgetsNothingThatCounts() throws {
    let limit = QueryLimit(2, perSeconds: 10)
    try limit.admit(2, from: "a", at: 0)
    try limit.admit(2, from: "b", at: 9)
    try limit.admit(2, from: "a", at: 12)
    #expect(throws: QueryLimitExceeded.self) { try limit.admit(from: "b", at: 18) }
    try limit.admit(2, from: "b", at: 19)
  }

  // Many threads at once: exactly the limit gets through.
  @Test func concurrentCallsAreCounted() {
    let limit = QueryLimit(100, perSeconds: 1)
    let admitted = Mutex(0)
    ThreadPool.run(tasks: 250) { _ in
      if (try? limit.admit(from: "a", at: 0)) != nil { admitted.withLock { $0 += 1 } }
    }
    #expect(admitted.withLock { $0 } == 100)
  }

  @Test func timeMustNotRunBack() async {
    await #expect(processExitsWith: .failure) {
      let limit = QueryLimit(5, perSeconds: 10)
      try limit.admit(from: "a", at: 3)
      try limit.admit(from: "a", at: 2)
    }
  }
}
