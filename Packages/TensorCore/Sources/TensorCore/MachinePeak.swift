internal import CKernels

/// The most arithmetic that this machine can do: what a kernel's speed is held against.
public enum MachinePeak {
  /// Floating-point operations a second when all threads of the pool do nothing but multiply-adds in registers, two
  /// operations each, with the instruction set in use.
  ///
  /// One measurement, which takes `seconds` or a little more; on a machine that does other things too take the median of
  /// several.
  public static func floatOperationsPerSecond(seconds: Double = 0.01) -> Double {
    let clock = ContinuousClock()
    let shares = 4 * ThreadPool.threadCount  // several a thread: one that wakes late finds fewer left
    var rounds = 1 << 12
    while true {
      let elapsed = clock.measure {
        ThreadPool.run(tasks: shares) { _ in
          let sum = ck_peak_sum(rounds)
          precondition(sum == Double(ck_peak_numbers()), "MachinePeak: a chain ended elsewhere than at 1")
        }
      }
      let time = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
      if time >= seconds { return Double(shares) * operations(rounds: rounds) / time }
      rounds *= 2
    }
  }

  /// How many operations so many rounds of the kernel are.
  static func operations(rounds: Int) -> Double { ck_peak_operations(rounds) }
}
