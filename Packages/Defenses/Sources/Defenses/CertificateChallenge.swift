import Attacks
import TensorCore

/// A search for points inside certified radii at which the smoothed classifier answers differently: there should be none.
///
/// Each certified sample is changed by projected gradient against the mean over noisy copies, from several random starts,
/// and in random directions by nearly the whole radius; images need not stay valid, because the guarantee does not ask for
/// it. All changed samples are ranked by how rarely a few noisy copies still get the certified class. The worst of all
/// samples together are estimated again with many fresh draws: ranking noise alone cannot accuse a certificate. A point
/// violates its certificate when the upper confidence bound on the class's probability lies below ½.
///
/// Each certificate may itself be wrong with probability α, but only where the probability comes close to ½ inside the
/// radius will that be seen.
public struct CertificateChallenge: Sendable, Hashable, CustomStringConvertible {
  /// Runs of projected gradient a sample.
  public var attacks = 20
  /// Random directions a sample.
  public var randomDirections = 80
  /// Steps of a run.
  public var steps = 10
  /// Noisy copies that a gradient is averaged over.
  public var gradientCopies = 8
  /// Draws that rank a changed sample.
  public var rankingDraws = 100
  /// How many of the worst are estimated again.
  public var finalists = 100
  /// Fresh draws for each of them.
  public var finalDraws = 100_000
  /// The probability with which the upper bound of one of them may fail.
  public var failureProbability = 1e-4

  /// The challenge with its default effort; every number can be changed.
  public init() {}

  /// Changes the certified samples and judges the worst.
  ///
  /// - Parameters:
  ///   - smoothed: the classifier that the certificates speak of.
  ///   - source: where the samples come from.
  ///   - records: what was certified; abstentions are passed over.
  ///   - key: all randomness; must differ from the certification's.
  ///   - progress: called after each sample with the numbers of samples done and of all; throwing ends the search.
  /// - Throws: what the source and `progress` throw, and what counting classes throws.
  public func callAsFunction(
    _ smoothed: SmoothedClassifier, on source: some BatchSource, records: [CertificationRecord],
    key: RandomKey,
    progress: ((_ done: Int, _ total: Int) throws -> Void)? = nil
  ) throws -> CertificateChallengeResult {
    let certified = records.filter { !$0.certificate.isAbstention }
    var worst: [Candidate] = []
    for (place, record) in certified.enumerated() {
      let sample = try source.batch(at: [record.index]).inputs
      let all = try worst + candidates(record, sample, smoothed, key: key.derived(record.index))
      // the order of equals is that in which they were made
      let ranked = all.enumerated().sorted { ($0.element.hits, $0.offset) < ($1.element.hits, $1.offset) }
      worst = ranked.prefix(finalists).map(\.element)
      try progress?(place + 1, certified.count)
    }
    let counts =
      worst.isEmpty
      ? []
      : try smoothed.classCounts(
        of: .stacked(worst.map(\.point)), copies: 0..<finalDraws,
        keys: worst.map { key.derived($0.index).derived("final").derived($0.number) })
    return CertificateChallengeResult(
      samples: certified.count, perturbations: certified.count * (attacks + randomDirections),
      finalists: zip(worst, counts).map { candidate, counts in
        let rate = Proportion(successes: counts[candidate.label], count: finalDraws)
        return .init(
          index: candidate.index, label: candidate.label, radius: candidate.radius,
          distance: candidate.distance,
          isAttack: candidate.number < attacks,
          rankingRate: Proportion(successes: candidate.hits, count: rankingDraws), rate: rate,
          upperBound: rate.upperBound(failureProbability: failureProbability))
      })
  }

  private struct Candidate {
    let index: Int
    let number: Int
    let label: Int
    let radius: Double
    let distance: Double
    let point: Tensor
    let hits: Int
  }

  /// All changed versions of one sample `[1, …]`, with their ranks.
  private func candidates(
    _ record: CertificationRecord, _ sample: Tensor, _ smoothed: SmoothedClassifier, key: RandomKey
  ) throws -> [Candidate] {
    guard let radius = record.certificate.radius, let label = record.certificate.label else { return [] }
    let ball = L2Ball(radius: Self.float(below: radius))
    let everywhere = -Float.infinity...Float.infinity
    func copies(_ count: Int) -> Tensor { sample.gathered(rows: [Int](repeating: 0, count: count)) }

    let target = NoiseAveraged(
      PlanClassifier(smoothed.base, inputRange: everywhere), noise: smoothed.noise, copies: gradientCopies,
      keys: [RandomKey](repeating: key.derived("gradient"), count: attacks), inputRange: everywhere)
    let attack = ProjectedGradient(
      budget: ball, stepSize: 2.5 * ball.radius / Float(max(1, steps)), steps: steps)
    let attacked = attack.perturb(
      copies(attacks), against: target,
      goal: Untargeted(labels: IntTensor([Int](repeating: label, count: attacks))),
      key: key.derived("attack"))

    let around = copies(randomDirections)
    let directions = Tensor.normal(
      shape: around.shape, rowKeys: (0..<randomDirections).map { key.derived("direction").derived($0) })
    let moved = ball.project(
      around + ball.radius * ball.steepestAscent(directions), around: around, range: everywhere)

    let points = Tensor.concatenated([attacked, moved])
    let distances = ball.distances(points, copies(attacks + randomDirections))
    let counts = try smoothed.classCounts(
      of: points, copies: 0..<rankingDraws,
      keys: distances.indices.map { key.derived("ranking").derived($0) })
    return distances.indices.map {
      Candidate(
        index: record.index, number: $0, label: label, radius: radius, distance: distances[$0],
        point: points[row: $0], hits: counts[$0][label])
    }
  }

  /// The largest `Float` below a positive number.
  private static func float(below number: Double) -> Float {
    let nearest = Float(number)
    return max(0, Double(nearest) < number ? nearest : nearest.nextDown)
  }

  /// The effort.
  public var description: String {
    "\(attacks) runs of projected gradient (\(steps) steps, \(gradientCopies) copies) and \(randomDirections) random "
      + "directions a sample, ranked with \(rankingDraws) draws; the worst \(finalists) again with \(finalDraws)"
  }
}

/// What a challenge came to.
public struct CertificateChallengeResult: Sendable, Hashable {
  /// One of the worst points of all.
  public struct Finalist: Sendable, Hashable {
    /// The sample's index in its data set.
    public let index: Int
    /// The certified class.
    public let label: Int
    /// The certified radius.
    public let radius: Double
    /// The point's L2 distance from the sample, below the radius.
    public let distance: Double
    /// Whether projected gradient found it; else it lies in a random direction.
    public let isAttack: Bool
    /// How many of the ranking draws got the certified class.
    public let rankingRate: Proportion
    /// How many of the fresh draws got it.
    public let rate: Proportion
    /// The upper confidence bound on the class's probability at this point.
    public let upperBound: Double
    /// Whether the class is very likely not the smoothed classifier's answer here.
    public var isViolation: Bool { upperBound < 0.5 }
  }

  /// How many certified samples were changed.
  public let samples: Int
  /// How many changed samples there were.
  public let perturbations: Int
  /// The worst, beginning with the lowest rank.
  public let finalists: [Finalist]
  /// Certificates that do not hold.
  public var violations: [Finalist] { finalists.filter(\.isViolation) }
}
