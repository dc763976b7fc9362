import Attacks
import Foundation
import TensorCore

/// Which samples of a case stand an attack, as one line of JSON: for comparison with another library's.
struct AttackOutcome {
  /// As the authors of AutoAttack call it: `apgd-ce`, `apgd-dlr`, `apgd-t`, `fab`, `fab-t`, `square` or `standard`.
  let attack: String
  let norm: VectorNorm
  let radius: Float
  /// Auto-PGD from the inputs instead of from random points.
  let startsAtInput: Bool

  func measured(on samples: AttackCase, images: Range<Int>, seed: Int) throws -> String {
    func outcome<Ball: NormBall>(_ ball: Ball) throws -> String {
      let batch = samples.batch
      let some = Batch(
        inputs: batch.inputs[rows: images], labels: batch.labels[rows: images], indices: Array(images))
      let start = ContinuousClock.now
      let records = try judge(
        named(ball), against: samples.classifier, on: some, key: RandomKey(seed: UInt64(seed))
      ).records
      let elapsed = start.duration(to: .now).components
      let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
      return """
        {"standing": "\(records.map { $0.isRobust ? "1" : "0" }.joined())", "seconds": \(seconds)}
        """
    }
    return norm == .lInf ? try outcome(LInfBall(radius: radius)) : try outcome(L2Ball(radius: radius))
  }

  private func named<Ball: NormBall>(_ ball: Ball) -> any Attack<Ball> {
    func climb(_ objective: AutoProjectedGradient<Ball>.Objective) -> any Attack<Ball> {
      AutoProjectedGradient(budget: ball, objective: objective, startsAtRandom: !startsAtInput)
    }
    func boundary(_ classes: Int?) -> any Attack<Ball> {
      WithinBudget(
        FastAdaptiveBoundary(norm: norm, targetClasses: classes, radius: ball.radius), budget: ball)
    }
    switch attack {
    case "apgd-ce": return climb(.goal)
    case "apgd-dlr": return climb(.differenceOfLogitsRatio)
    case "apgd-t": return climb(.targetedDifferenceOfLogitsRatio(classes: 9))
    case "fab": return boundary(nil)
    case "fab-t": return boundary(9)
    case "square": return SquareAttack(budget: ball)
    case "standard": return AutoAttack.standard(budget: ball)
    default: fail("no attack is called \(attack)")
    }
  }
}
