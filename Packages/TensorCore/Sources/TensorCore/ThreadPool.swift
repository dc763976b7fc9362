internal import CKernels

/// The one pool of threads that all kernels share.
///
/// Results never depend on the number of threads: work is divided by its shape alone, and partial results are
/// joined in a fixed order. A call from inside a task, or while another thread uses the pool, runs on the
/// calling thread.
public enum ThreadPool {
  /// How many threads share the work, the caller among them. At first as many as there are cores.
  ///
  /// - Precondition: not set from inside a task.
  public static var threadCount: Int {
    get { Int(ck_pool_threads()) }
    set { ck_pool_set_threads(Int32(clamping: newValue)) }
  }

  /// How many threads would share a job now: 1 inside a task. For choices that no result depends on.
  static var idleThreadCount: Int { Int(ck_pool_idle_threads()) }

  /// Runs `body(0)` to `body(tasks − 1)`, each once, on all threads, and returns when all are done.
  public static func run(tasks: Int, _ body: (Int) -> Void) {
    if tasks <= 1 {
      if tasks == 1 { body(0) }
      return
    }
    withoutActuallyEscaping(body) { escapable in
      var closure = escapable
      withUnsafeMutablePointer(to: &closure) { pointer in
        ck_pool_run(
          tasks, { context, task in context!.assumingMemoryBound(to: ((Int) -> Void).self).pointee(task) },
          UnsafeMutableRawPointer(pointer))
      }
    }
  }

  /// Cuts `0 ..< count` into ranges of `length` (the last may be shorter) and runs them on all threads.
  public static func run(count: Int, inChunksOf length: Int, _ body: (Range<Int>) -> Void) {
    if count <= length {
      if count > 0 { body(0..<count) }
      return
    }
    run(tasks: (count + length - 1) / length) { task in
      body((task * length)..<Swift.min(count, (task + 1) * length))
    }
  }
}

/// Which instruction set the kernels use: found once at start, lowered by the environment variable
/// `RAMPART_INSTRUCTIONS` (`baseline`, `avx2` or `avx512`).
public enum InstructionSet: Int32, Sendable, CaseIterable {
  /// What every CPU of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline = 0
  /// AVX2 with fused multiply-add.
  case avx2 = 1
  /// AVX-512 F, BW, DQ and VL.
  case avx512 = 2

  /// The one in use.
  public static var current: InstructionSet { InstructionSet(rawValue: ck_instruction_level()) ?? .baseline }
}
