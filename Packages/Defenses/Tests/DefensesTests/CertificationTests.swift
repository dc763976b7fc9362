import Defenses
import Foundation
import TensorCore
import Testing

@Suite struct CertificationTests {
  private static let key = RandomKey(seed: 84)

  private func smoothed(bias: Float, sigma: Float = 0.5) throws -> SmoothedClassifier {
    SmoothedClassifier(
      try halfSpace(weight: [1, -2, 2], bias: bias),
      noise: try SmoothingNoise(standardDeviation: sigma, clampedTo: nil))
  }

  // All draws get one class: σ Φ⁻¹(α^(1/n)), the largest radii that are published for these settings.
  @Test(arguments: [(10_000, 0.05, 3.4320), (1_000, 0.05, 2.7487), (1_000, 0.001, 2.463)])
  func largestRadius(draws: Int, alpha: Double, radius: Double) throws {
    let settings = CertificationSettings(
      selectionDraws: 10, estimationDraws: draws, failureProbability: alpha)
    let smoothed = try smoothed(bias: 100, sigma: 1)
    let certificate = try smoothed.certify(
      Batch(repeating: [0.5, 0, 0], count: 1), settings: settings, key: Self.key)[0]
    #expect(certificate.label == 1 && certificate.hits == draws && certificate.draws == draws)
    let tolerance = alpha == 0.05 ? 5e-5 : 5e-4
    #expect(abs(try #require(certificate.radius) - radius) < tolerance)
    #expect(settings.largestRadius(smoothed.noise) == certificate.radius)
    let half = try SmoothingNoise(standardDeviation: 0.5)
    #expect(abs(settings.largestRadius(half) - radius / 2) < tolerance)
  }

  @Test(arguments: [(10_000, 0.05, 5_083), (1_000, 0.05, 527), (100, 0.001, 66), (5, 0.05, 5)])
  func leastCount(draws: Int, alpha: Double, least: Int) {
    let settings = CertificationSettings(estimationDraws: draws, failureProbability: alpha)
    #expect(settings.leastCountToCertify == least)
  }

  // The bound and the radius from the counts by hand: SciPy's beta.ppf(0.05, 231, 70) and norm.ppf of it.
  @Test func boundAndRadiusFollowFromTheCounts() throws {
    let smoothed = try smoothed(bias: 0.4)
    let settings = CertificationSettings(selectionDraws: 20, estimationDraws: 300)
    let certificates = try smoothed.certify(
      Batch(repeating: [0.5, 0, 0], count: 200), settings: settings, key: Self.key)
    for certificate in certificates {
      let bound = Proportion(successes: certificate.hits, count: 300).lowerBound(failureProbability: 0.05)
      #expect(certificate.lowerBound == bound && certificate.draws == 300)
      #expect(certificate.radius == (bound > 0.5 ? 0.5 * NormalDistribution.quantile(bound) : nil))
    }
    let one = try #require(certificates.first { $0.hits == 231 })
    #expect(abs(one.lowerBound - 0.7264594946) < 1e-9)
    #expect(abs(one.radius! - 0.3010699548) < 1e-9)
  }

  // Draws that chose the class must not bound it as well: with fresh ones the counts of a coin are centred at ½, however
  // the coin fell first.
  @Test func selectionDrawsAreNotUsedAgain() throws {
    let settings = CertificationSettings(selectionDraws: 100, estimationDraws: 100)
    let certificates = try smoothed(bias: -0.5).certify(
      Batch(repeating: [0.5, 0, 0], count: 1000), settings: settings, key: Self.key)
    let hits = Proportion(successes: certificates.reduce(0) { $0 + $1.hits }, count: 100_000)
    #expect(hits.interval(confidence: 1 - 1e-6).contains(0.5))
    #expect(certificates.contains { $0.candidate == 0 } && certificates.contains { $0.candidate == 1 })
    #expect(certificates.filter(\.isAbstention).count > 900)
    #expect(
      certificates.allSatisfy {
        $0.isAbstention == ($0.label == nil) && $0.isAbstention == ($0.lowerBound <= 0.5)
      })
  }

  // α^(1/n) > ½ from n = 5 on at 0.05, from 10 on at 0.001; with looks the last one has α/2 only.
  @Test(arguments: [(0.05, 5), (0.001, 10)]) func tooFewDrawsAreRefused(alpha: Double, smallest: Int) throws {
    let batch = Batch(repeating: [0.5, 0, 0], count: 1)
    let smoothed = try smoothed(bias: 100)
    var settings = CertificationSettings(estimationDraws: smallest, failureProbability: alpha)
    #expect(try smoothed.certify(batch, settings: settings, key: Self.key)[0].label == 1)
    for draws in [smallest - 1, 0] {
      settings.estimationDraws = draws
      let error = try #require(throws: InputError.self) {
        _ = try smoothed.certify(batch, settings: settings, key: Self.key)
      }
      #expect(error.kind == .outOfRange && error.expected.contains("at least \(smallest) "))
    }
  }

  @Test func impossibleSettingsAreRefused() throws {
    let noise = try SmoothingNoise(standardDeviation: 1)
    func expectRefusal(_ change: (inout CertificationSettings) -> Void) throws {
      var settings = CertificationSettings()
      change(&settings)
      let error = try #require(throws: InputError.self) { try settings.check(noise) }
      #expect(error.kind == .outOfRange)
    }
    try CertificationSettings().check(noise)
    for alpha in [0, 1, -1, .nan] { try expectRefusal { $0.failureProbability = alpha } }
    try expectRefusal { $0.selectionDraws = 0 }
    try expectRefusal { $0.stopping = SequentialStopping(.atRadius(.nan)) }
    try expectRefusal { $0.stopping = SequentialStopping(.atRadius(-1)) }
    try expectRefusal { $0.stopping = SequentialStopping(.atShare(0)) }
    try expectRefusal { $0.stopping = SequentialStopping(.atShare(1.01)) }
    try expectRefusal { $0.stopping = SequentialStopping(.atShare(0.5), firstLook: 0) }
    // Φ⁻¹(0.025^(1/10000)) = 3.3752 by SciPy: all draws with one class reach no further
    try expectRefusal { $0.stopping = SequentialStopping(.atRadius(3.3753)) }
    var settings = CertificationSettings(stopping: SequentialStopping(.atRadius(3.3751)))
    try settings.check(noise)
    #expect(abs(settings.largestRadius(noise) - 3.37519284181756) < 1e-9)
    #expect(settings.leastCountToCertify == 5099)
    settings.stopping = SequentialStopping(.atRadius(1), firstLook: 10_000)
    #expect(settings.leastCountToCertify == 5083)  // no look before the last: all of α
  }
}

/// Soundness where the truth is known: for a half space the smoothed classifier changes at a known distance.
@Suite struct CertificationSoundnessTests {
  private static let key = RandomKey(seed: 85)

  private static func certificates(radius: Float, count: Int, stopping: SequentialStopping? = nil) throws
    -> [Certificate]
  {
    // (w·x + b) / ‖w‖ = radius at x = (0.5, 0, 0), ‖w‖ = 3
    let smoothed = SmoothedClassifier(
      try halfSpace(weight: [1, -2, 2], bias: 3 * radius - 0.5),
      noise: try SmoothingNoise(standardDeviation: 0.5, clampedTo: nil))
    return try smoothed.certify(
      Batch(repeating: [0.5, 0, 0], count: count),
      settings: CertificationSettings(
        selectionDraws: 50, estimationDraws: 300, failureProbability: 0.05, stopping: stopping), key: key)
  }

  // How often a certificate overreaches is known too: the binomial probability of at least 189, 231 and 298 of 300 (SciPy;
  // the least counts whose bounds lie above Φ(radius/σ)). A bound that is too low would fail as well as one too high. Each
  // check errs with probability 1e-6.
  @Test(arguments: [(Float(0.1), 0.04191504), (0.3, 0.04725392), (1, 0.03241585)])
  func radiiOverreachAsOftenAsAllowed(radius: Float, rate: Double) throws {
    let certificates = try Self.certificates(radius: radius, count: 1500)
    let wrong = Proportion(certificates.map { $0.candidate == 1 && $0.radius ?? 0 > Double(radius) })
    #expect(isPossible(wrong, rateAtMost: 0.05))
    // the wrong class, where it was the candidate, is certified even more rarely
    #expect(certificates.count { $0.label == 0 } <= 3)
    if radius > 0.1 { #expect(wrong.interval(confidence: 1 - 1e-6).contains(rate)) }
  }

  // Through the whole of sequential certification: looks after 100, 200 and 300 draws.
  @Test(arguments: [SequentialStopping(.atRadius(0.3)), SequentialStopping(.atShare(0.8))])
  func sequentialRadiiDoNotOverreachMoreOften(stopping: SequentialStopping) throws {
    let certificates = try Self.certificates(radius: 0.29, count: 1500, stopping: stopping)
    let wrong = Proportion(certificates.map { $0.candidate == 1 && $0.radius ?? 0 > Double(Float(0.29)) })
    #expect(isPossible(wrong, rateAtMost: 0.05))
    #expect(certificates.contains { $0.draws < 300 } && certificates.contains { $0.draws == 300 })
  }
}
