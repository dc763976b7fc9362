import AutoDiffLite
import TensorCore

/// How far the class of one rank, among those that are not the label, is ahead of the label: the classes that targeted
/// attacks without a target try one after the other.
struct RankedTargets: Goal {
  /// What is climbed towards a class.
  enum Objective { case ratio, difference }

  private let labels: IntTensor
  private let ranking: [[Int]]
  private let kind: Objective
  /// 0 for the class with the largest logit.
  var rank = 0

  /// The other classes of each sample by falling logits `[n, classes]`.
  init(labels: IntTensor, logits: Tensor, _ kind: Objective) {
    self.labels = labels
    self.kind = kind
    ranking = logits.withUnsafeBufferPointer { scores in
      let classes = logits.shape[1]
      return (0..<logits.shape[0]).map { i in
        UnsafeBufferPointer(rebasing: scores[(i * classes)..<((i + 1) * classes)]).ranking().filter {
          $0 != labels[i]
        }
      }
    }
  }

  private init(labels: IntTensor, ranking: [[Int]], _ kind: Objective, rank: Int) {
    (self.labels, self.ranking, self.kind, self.rank) = (labels, ranking, kind, rank)
  }

  /// How many ranks there are.
  var count: Int { ranking.first?.count ?? 0 }

  /// The classes of the rank.
  private var targets: IntTensor { IntTensor(ranking.map { $0[rank] }) }

  func part(_ rows: [Int]) -> RankedTargets? {
    RankedTargets(labels: labels.gathered(rows: rows), ranking: rows.map { ranking[$0] }, kind, rank: rank)
  }
  func isReached(_ logits: Tensor) -> [Bool] {
    ClassAim(classes: labels, isTargeted: false).isReached(logits)
  }
  func objective(_ logits: Variable) -> Variable {
    switch kind {
    case .ratio: TargetedDifferenceOfLogitsRatio(labels: labels, targets: targets).objective(logits)
    case .difference: DifferenceOfLogits(labels: labels, targets: targets).objective(logits)
    }
  }
  func objectiveGradient(_ logits: Tensor) -> Tensor {
    switch kind {
    case .ratio: TargetedDifferenceOfLogitsRatio(labels: labels, targets: targets).objectiveGradient(logits)
    case .difference: DifferenceOfLogits(labels: labels, targets: targets).objectiveGradient(logits)
    }
  }
}

/// `z_t − z_y`.
private struct DifferenceOfLogits: LogitGoal {
  let labels: IntTensor
  let targets: IntTensor

  func isReached(_ logits: Tensor) -> [Bool] {
    ClassAim(classes: labels, isTargeted: false).isReached(logits)
  }

  func objective(
    of row: UnsafeBufferPointer<Float>, sample: Int, slope: UnsafeMutableBufferPointer<Float>?
  ) -> Double {
    row.lead(of: targets[sample], over: labels[sample], slope: slope)
  }
}
