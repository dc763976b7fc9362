import Foundation
import TensorCore
import Testing

@testable import Defenses

@Suite struct SequentialStoppingTests {
  private static let key = RandomKey(seed: 86)

  // 100, 200, … and n, rounded up to whole chunks; α/2 for n, the other half in equal parts.
  @Test func looks() {
    func looks(_ firstLook: Int, _ n: Int) -> [CertificationSettings.Look] {
      CertificationSettings(
        estimationDraws: n, failureProbability: 0.06,
        stopping: SequentialStopping(.atRadius(1), firstLook: firstLook)
      ).looks
    }
    #expect(looks(100, 1000).map(\.draws) == [100, 200, 400, 800, 1000])
    #expect(looks(101, 1600).map(\.draws) == [200, 400, 800, 1600])
    #expect(looks(500, 400).map(\.draws) == [400])
    #expect(looks(500, 400)[0].failureProbability == 0.06)
    let shares = looks(100, 1000).map(\.failureProbability)
    #expect(abs(shares.reduce(0, +) - 0.06) < 1e-15)
    #expect(shares.last == 0.03 && shares.dropLast().allSatisfy { $0 == 0.0075 })
  }

  /// The bounds of one certification in which the class has this probability, draw by draw.
  private static func bounds(_ settings: CertificationSettings, probability: Float, key: RandomKey)
    -> ProbabilityBounds
  {
    let draws = Tensor.bernoulli(shape: [settings.estimationDraws], probability: probability, key: key)
    var bounds = ProbabilityBounds()
    for look in settings.looks {
      bounds.add(hits: Int(draws[rows: bounds.draws..<look.draws].doubleSum()), at: look)
      if settings.stopping!.isEnough(bounds, of: settings, sigma: 1) { break }
    }
    return bounds
  }

  // The bound may lie above the truth in at most a share α of all runs, whatever the rule stops at: here a radius just
  // beyond the true one, so that only an error ends the run early, and shares that stop as soon as a look is lucky. Each
  // check errs with probability 1e-6.
  @Test(arguments: [Float(0.5), 0.75, 0.96875]) func errorsAreAsRareAsPromised(probability: Float) {
    let truth = NormalDistribution.quantile(Double(probability))
    for rule in [SequentialStopping.Rule.atRadius(truth + 1e-9), .atShare(0.6), .atShare(1)] {
      let settings = CertificationSettings(
        estimationDraws: 1600, failureProbability: 0.05, stopping: SequentialStopping(rule))
      let errors = Proportion(
        (0..<1000).map {
          Self.bounds(settings, probability: probability, key: Self.key.derived("\(rule)").derived($0)).lower
            > Double(probability)
        })
      #expect(errors.lowerBound(failureProbability: 1e-6) <= 0.05, "\(rule): \(errors)")
    }
  }

  // What the division of α is for, and that the test above would notice its absence: with the whole of α at every look, the
  // same runs are wrong far more often.
  @Test func undividedLooksFailMoreOften() {
    let settings = CertificationSettings(
      estimationDraws: 1600, failureProbability: 0.05, stopping: SequentialStopping(.atRadius(1e-9)))
    let errors = Proportion(
      (0..<1000).map {
        let draws = Tensor.bernoulli(shape: [1600], probability: 0.5, key: Self.key.derived($0))
        return settings.looks.contains { look in
          let hits = Int(draws[rows: 0..<look.draws].doubleSum())
          return Proportion(successes: hits, count: look.draws).lowerBound(failureProbability: 0.05) > 0.5
        }
      })
    #expect(errors.lowerBound(failureProbability: 1e-6) > 0.05, "\(errors)")
  }

  // A radius far inside is decided by the first look, one far outside is given up soon, and so is a coin.
  @Test func clearCasesStopEarly() {
    func draws(_ rule: SequentialStopping.Rule, _ probability: Float) -> Int {
      let settings = CertificationSettings(
        estimationDraws: 10_000, failureProbability: 0.001, stopping: SequentialStopping(rule))
      return Self.bounds(settings, probability: probability, key: Self.key).draws
    }
    #expect(draws(.atRadius(0.5), 0.999) == 100)
    #expect(draws(.atRadius(2), 0.75) == 100)
    #expect(draws(.atShare(0.9), 0.125) == 100)
    #expect(draws(.atShare(0.9), 0.96875) < 10_000)
    #expect(draws(.atShare(1), 0.96875) == 10_000)
  }

  // All of 100 draws: the rule looks at the radius that 1,000 at the same rate would give, 0.025^(1/1000) against
  // (0.025/4)^(1/100): Φ⁻¹ of 0.99632 and of 0.95052, 2.6799 and 1.6499.
  @Test func shareOfTheExpectedRadius() {
    func isEnough(_ share: Double) -> Bool {
      let stopping = SequentialStopping(.atShare(share))
      let settings = CertificationSettings(
        estimationDraws: 1000, failureProbability: 0.05, stopping: stopping)
      var bounds = ProbabilityBounds()
      bounds.add(hits: 100, at: settings.looks[0])
      return stopping.isEnough(bounds, of: settings, sigma: 0.3)
    }
    #expect(isEnough(0.61) && !isEnough(0.62))
  }

  // A later, unluckier look does not take back what an earlier one has shown: all hold at once.
  @Test func theBestLookCounts() {
    var bounds = ProbabilityBounds()
    bounds.add(hits: 100, at: .init(draws: 100, failureProbability: 0.01))
    let first = bounds.lower
    bounds.add(hits: 60, at: .init(draws: 200, failureProbability: 0.01))
    #expect(bounds.lower == first && bounds.hits == 160 && bounds.draws == 200)
    #expect(bounds.upper < 0.9)
  }
}
