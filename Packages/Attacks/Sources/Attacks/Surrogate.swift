import AutoDiffLite
import TensorCore

/// One goal's success on the way up another one's objective: the former decides, the latter leads.
public struct Surrogate<Wanted: Goal, Climbed: Goal>: Goal {
  /// What counts as success.
  public let goal: Wanted
  /// Whose objective is climbed.
  public var climbed: Climbed

  /// A goal with another objective.
  public init(_ goal: Wanted, climbing climbed: Climbed) {
    self.goal = goal
    self.climbed = climbed
  }

  /// The goal's classes.
  public var aim: ClassAim? { goal.aim }

  /// Both parts, where both goals can be cut.
  public func part(_ rows: [Int]) -> Surrogate? {
    guard let goal = goal.part(rows), let climbed = climbed.part(rows) else { return nil }
    return Surrogate(goal, climbing: climbed)
  }

  /// The goal's success.
  public func isReached(_ logits: Tensor) -> [Bool] { goal.isReached(logits) }

  /// The other one's objective.
  public func objective(_ logits: Variable) -> Variable { climbed.objective(logits) }

  /// The other one's gradient.
  public func objectiveGradient(_ logits: Tensor) -> Tensor { climbed.objectiveGradient(logits) }
}
