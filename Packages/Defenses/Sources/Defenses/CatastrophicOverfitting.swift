import NNLayers

/// An epoch after which a model withstands the attack it trains on, and no longer a stronger one.
///
/// With A the accuracy under the training attack and P that under the stronger one, epoch e is one when
///
///     Aₑ − Pₑ > 0.2,   and   Pₑ < max of P before − 0.2   or   Pₑ < Aₑ / 2
///
/// so that the attack it trains on does not explain the fall: either P fell suddenly, or it never rose while A did. A model
/// that fails under both attacks alike has collapsed otherwise, or not been trained.
///
/// Source: Wong, Rice, Kolter, "Fast Is Better Than Free: Revisiting Adversarial Training", ICLR 2020: within an epoch the
/// accuracy under projected gradient falls to near 0 while that under the single step stays or rises; the code published
/// with it stops when the former falls by more than 0.2 within an epoch. The second alternative is ours, for runs that
/// collapse in their first epoch.
public struct CatastrophicOverfitting: Sendable, Hashable, CustomStringConvertible {
  /// The epoch's number, from 1.
  public let epoch: Int
  /// A, the accuracy under the training attack.
  public let trainingAttackAccuracy: Double
  /// P, the accuracy under the stronger attack.
  public let probeAccuracy: Double
  /// The epoch with the highest P up to this one, the earlier of equals.
  public let bestEpoch: Int
  /// P there.
  public let bestProbeAccuracy: Double

  /// The smallest gap and fall that count.
  public static let threshold = 0.2

  /// All such epochs of a run that a `RobustnessProbe` watched, in order; none without a probe.
  public static func found(in history: TrainingHistory) -> [CatastrophicOverfitting] {
    var found: [CatastrophicOverfitting] = []
    var best: (epoch: Int, accuracy: Double)?
    for record in history.epochs {
      guard let a = record.probed?[RobustnessNames.trainingAttackAccuracy],
        let p = record.probed?[RobustnessNames.probeAccuracy]
      else { continue }
      let hasFallen = best.map { p < $0.accuracy - threshold } ?? false
      let bestNow = best.flatMap { $0.accuracy >= p ? $0 : nil } ?? (epoch: record.epoch, accuracy: p)
      if a - p > threshold && (hasFallen || p < a / 2) {
        found.append(
          CatastrophicOverfitting(
            epoch: record.epoch, trainingAttackAccuracy: a, probeAccuracy: p, bestEpoch: bestNow.epoch,
            bestProbeAccuracy: bestNow.accuracy))
      }
      best = bestNow
    }
    return found
  }

  /// One sentence.
  public var description: String {
    func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
    return
      "catastrophic overfitting in epoch \(epoch): \(percent(trainingAttackAccuracy)) right under the training attack, "
      + "\(percent(probeAccuracy)) under the stronger one, whose best was \(percent(bestProbeAccuracy)) in epoch \(bestEpoch)"
  }
}
