import Foundation
import TensorCore
import Testing

@testable import Defenses

@Suite struct CertificateChallengeTests {
  private static let key = RandomKey(seed: 89)

  /// One sample at distance 0.5 from the border of a half space, another at 1/6 on its other side.
  private static let points = Points(inputs: Tensor([[0.5, 0, 0], [0.5, 0, 1]]), labels: [1, 0])
  private static func smoothed() throws -> SmoothedClassifier {
    SmoothedClassifier(
      try halfSpace(weight: [1, -2, -2], bias: 1),
      noise: try SmoothingNoise(standardDeviation: 0.5, clampedTo: nil))
  }

  /// Small, but with enough final draws to tell Φ(−0.1) from ½.
  private static var challenge: CertificateChallenge {
    var challenge = CertificateChallenge()
    challenge.attacks = 5
    challenge.randomDirections = 15
    challenge.finalists = 10
    challenge.finalDraws = 10_000
    return challenge
  }

  /// A claim of this radius about the first sample, whatever the truth.
  private static func claim(radius: Double) -> [CertificationRecord] {
    [
      CertificationRecord(
        index: 0, label: 1,
        certificate: Certificate(
          candidate: 1, hits: 0, draws: 0, lowerBound: NormalDistribution.cumulative(radius / 0.5), sigma: 0.5
        ))
    ]
  }

  // The class changes at 0.5. A claim of 0.48 holds; one of 0.6 must be refuted, by a point within it.
  @Test func falseClaimsAreFoundOut() throws {
    let smoothed = try Self.smoothed()
    let right = try Self.challenge(
      smoothed, on: Self.points, records: Self.claim(radius: 0.48), key: Self.key)
    #expect(right.violations.isEmpty && right.samples == 1 && right.perturbations == 20)
    #expect(right.finalists.count == 10)
    let wrong = try Self.challenge(smoothed, on: Self.points, records: Self.claim(radius: 0.6), key: Self.key)
    #expect(wrong.violations.count >= 5)
    for finalist in wrong.finalists {
      #expect(finalist.distance < finalist.radius && finalist.index == 0 && finalist.label == 1)
      #expect(finalist.isViolation == (finalist.rate.upperBound(failureProbability: 1e-4) < 0.5))
    }
    // projected gradient goes straight to the border: Φ((0.5 − 0.6)/0.5)
    let worst = try #require(wrong.finalists.first { $0.isAttack })
    #expect(worst.rate.interval(confidence: 1 - 1e-6).contains(0.420740290560897))
    #expect(abs(worst.distance - 0.6) < 1e-3)
    let ranks = wrong.finalists.map(\.rankingRate.successes)
    #expect(ranks == ranks.sorted())
  }

  // A short form of the check that a full run makes: certified by the product, attacked, nothing found.
  @Test func certificatesHold() throws {
    let smoothed = try Self.smoothed()
    let result = try smoothed.certify(
      Self.points, settings: CertificationSettings(failureProbability: 0.001), key: Self.key)
    #expect(result.certifiedCorrect.successes == 2)
    var seen: [Int] = []
    let found = try Self.challenge(
      smoothed, on: Self.points, records: result.records, key: Self.key.derived("challenge")
    ) { done, total in seen.append(10 * done + total) }
    #expect(found.violations.isEmpty && found.perturbations == 40 && seen == [12, 22])
    // the finalists are the worst of both samples together, at nearly the whole radius
    for finalist in found.finalists { #expect(finalist.distance > 0.9 * finalist.radius) }
  }

  @Test func abstentionsArePassedOver() throws {
    let none = try Self.challenge(
      try Self.smoothed(), on: Self.points, records: Self.claim(radius: -0.1), key: Self.key)
    #expect(none.samples == 0 && none.perturbations == 0 && none.finalists.isEmpty)
  }
}
