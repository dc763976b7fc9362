import Defenses
import TensorCore
import Testing

@Suite struct PredictionTests {
  private static let key = RandomKey(seed: 83)

  private func smoothed(bias: Float) throws -> SmoothedClassifier {
    SmoothedClassifier(
      try halfSpace(weight: [1, -2, 2], bias: bias),
      noise: try SmoothingNoise(standardDeviation: 0.5, clampedTo: nil))
  }

  // With equal probabilities either answer is wrong, and the test's level bounds how often one comes. By SciPy's binom, 200
  // draws at ½ reject with probability 0.0400 (counts up to 85 and from 115 on).
  @Test func abstainsWhereBothClassesAreEquallyLikely() throws {
    let smoothed = try smoothed(bias: -0.5)
    let answers = try smoothed.predict(
      Batch(repeating: [0.5, 0, 0], count: 2000), draws: 200, failureProbability: 0.05, key: Self.key)
    let answered = Proportion(answers.map { $0 != nil })
    #expect(answered.interval(confidence: 1 - 1e-6).contains(0.04003719))
    #expect(answers.contains(0) && answers.contains(1))
  }

  // P = Φ(0.1) and Φ(−0.1): the answer is rarely given and hardly ever wrong.
  @Test(arguments: [(Float(-0.35), 1), (-0.65, 0)]) func wrongAnswersAreRare(bias: Float, right: Int) throws {
    let answers = try smoothed(bias: bias).predict(
      Batch(repeating: [0.5, 0, 0], count: 1000), draws: 200, failureProbability: 0.05, key: Self.key)
    #expect(isPossible(Proportion(answers.map { $0 == 1 - right }), rateAtMost: 0.05))
    #expect(answers.count { $0 == right } > answers.count { $0 == 1 - right })
  }

  @Test func clearCasesAreAnswered() throws {
    for (bias, right) in [(Float(1), 1), (-3, 0)] {
      let answers = try smoothed(bias: bias).predict(
        Batch(repeating: [0.5, 0, 0], count: 20), draws: 400, failureProbability: 0.001, key: Self.key)
      #expect(answers.allSatisfy { $0 == right })
    }
  }

  // 2 · ½ⁿ ≤ α from n = 6 on at 0.05 and from 11 on at 0.001.
  @Test(arguments: [(0.05, 6), (0.001, 11)]) func tooFewDrawsAreRefused(alpha: Double, smallest: Int) throws {
    let smoothed = try smoothed(bias: 100)
    let batch = Batch(repeating: [0.5, 0, 0], count: 1)
    let answers = try smoothed.predict(batch, draws: smallest, failureProbability: alpha, key: Self.key)
    #expect(answers == [1])
    for draws in [smallest - 1, 0] {
      let error = try #require(throws: InputError.self) {
        _ = try smoothed.predict(batch, draws: draws, failureProbability: alpha, key: Self.key)
      }
      #expect(error.kind == .outOfRange && error.expected.contains("at least \(smallest) "))
    }
  }

  @Test(arguments: [0, 1, -0.1, 1.5, Double.nan]) func impossibleFailureProbabilitiesAreRefused(alpha: Double)
    throws
  {
    let smoothed = try smoothed(bias: 0)
    let error = try #require(throws: InputError.self) {
      _ = try smoothed.predict(
        Batch(repeating: [0, 0, 0], count: 1), draws: 100, failureProbability: alpha, key: Self.key)
    }
    #expect(error.kind == .outOfRange && error.found == "\(alpha)")
  }
}
