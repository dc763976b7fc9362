import Testing

@testable import TensorCore

@Suite struct MachinePeakTests {
  // By hand: 12 chains of one vector, 16 steps a round, two operations a step.
  @Test func operationsOfARound() {
    let lanes = [InstructionSet.baseline: 4, .avx2: 8, .avx512: 16][InstructionSet.current]!
    #expect(MachinePeak.operations(rounds: 3) == Double(3 * 12 * lanes * 16 * 2))
  }

  // The measurement itself checks that every chain ended where it must: a step or a chain that a compiler left out
  // would stop the program. The bounds hold for any CPU: 0.01 to 100,000 GFLOP/s.
  @Test func peakIsPlausible() {
    let peak = MachinePeak.floatOperationsPerSecond(seconds: 1e-4)
    #expect(peak > 1e7 && peak < 1e14)
  }
}
