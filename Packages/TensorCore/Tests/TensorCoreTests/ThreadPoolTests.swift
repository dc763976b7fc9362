import Foundation
import Synchronization
import TensorCore
import Testing

@Suite struct ThreadPoolTests {
  /// How often each of `count` tasks ran.
  private final class Tally: Sendable {
    private let counts: Mutex<[Int]>
    init(_ count: Int) { counts = Mutex([Int](repeating: 0, count: count)) }
    func add(_ task: Int) { counts.withLock { $0[task] += 1 } }
    var isOnceEach: Bool { counts.withLock { $0.allSatisfy { $0 == 1 } } }
  }

  @Test(arguments: [0, 1, 2, 3, 7, 100, 5000]) func eachTaskRunsOnce(tasks: Int) {
    let tally = Tally(tasks)
    ThreadPool.run(tasks: tasks) { tally.add($0) }
    #expect(tally.isOnceEach)
  }

  // Ranges must meet end to end: a gap leaves elements out, an overlap counts them twice.
  @Test func chunksCoverTheRange() {
    for count in 0...40 {
      for length in 1...17 {
        let tally = Tally(count)
        ThreadPool.run(count: count, inChunksOf: length) { range in
          #expect(!range.isEmpty && range.count <= length && range.lowerBound % length == 0)
          for i in range { tally.add(i) }
        }
        #expect(tally.isOnceEach, "\(count) in chunks of \(length)")
      }
    }
  }

  // A call from inside a task runs on the same thread and in order: waiting for the pool there would never
  // end.
  @Test func nestedCallsRunOnTheSameThread() {
    let inner = Tally(64)
    ThreadPool.run(tasks: 8) { outer in
      let thread = pthread_self()
      var order: [Int] = []
      ThreadPool.run(tasks: 8) { task in
        #expect(pthread_equal(pthread_self(), thread) != 0)
        order.append(task)
        inner.add(outer * 8 + task)
      }
      #expect(order == Array(0..<8))
    }
    #expect(inner.isOnceEach)
  }

  // Several threads with jobs of their own at once: mixed-up jobs would run another caller's tasks.
  @Test func callersDoNotMixTheirJobs() async {
    await withTaskGroup(of: Bool.self) { group in
      for caller in 0..<6 {
        group.addTask {
          (0..<300).allSatisfy { round in
            let tasks = 1 + (caller * 7 + round) % 40
            let tally = Tally(tasks)
            ThreadPool.run(tasks: tasks) { tally.add($0) }
            return tally.isOnceEach
          }
        }
      }
      for await isCorrect in group { #expect(isCorrect) }
    }
  }

  // The rest changes the thread count of the whole process, so each test has a process of its own.

  // Four tasks that each wait until all four have begun: without four real threads, none would end.
  @Test func workIsReallyShared() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 4
      let deadline = Date().addingTimeInterval(20)
      for _ in 0..<20 {
        let begun = Atomic(0)
        ThreadPool.run(tasks: 4) { _ in
          begun.add(1, ordering: .relaxed)
          while begun.load(ordering: .relaxed) < 4 && Date() < deadline { sched_yield() }
        }
      }
      #expect(Date() < deadline)
    }
  }

  @Test func anyThreadCount() async {
    await #expect(processExitsWith: .success) {
      #expect(ThreadPool.threadCount == ProcessInfo.processInfo.activeProcessorCount)
      // far more threads than cores, then fewer again: workers that are left over must stay out of the job
      for threads in [1, 2, 4, 8, 40, 3, 1, 2] {
        ThreadPool.threadCount = threads
        #expect(ThreadPool.threadCount == threads)
        for tasks in [2, 3, 50, 1000] {
          let tally = Tally(tasks)
          ThreadPool.run(tasks: tasks) { tally.add($0) }
          #expect(tally.isOnceEach, "\(tasks) tasks on \(threads) threads")
        }
      }
      ThreadPool.threadCount = 0
      #expect(ThreadPool.threadCount == 1)
      ThreadPool.threadCount = -5
      #expect(ThreadPool.threadCount == 1)
    }
  }

  // A worker that has gone to sleep must hear of the next job, and the caller must not wait for one that
  // overslept.
  @Test func sleepingWorkersWake() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 4
      for _ in 0..<15 {
        usleep(10_000)
        let tally = Tally(100)
        ThreadPool.run(tasks: 100) { tally.add($0) }
        #expect(tally.isOnceEach)
      }
    }
  }
}
