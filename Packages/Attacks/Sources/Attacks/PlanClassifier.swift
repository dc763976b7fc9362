import AutoDiffLite
import NNLayers
import TensorCore

/// A prepared model as an attack sees it: the fastest way to attack a model that does not change meanwhile, and the way to
/// attack one as it is deployed (`QuantizedPlan`, `DeployedNetwork`).
public struct PlanClassifier: Classifier {
  /// The prepared model.
  public let plan: any InferencePlan
  /// The values a valid input's elements may take.
  public let inputRange: ClosedRange<Float>

  /// A view of a prepared model; `-.infinity ... .infinity` leaves inputs unbounded.
  public init(_ plan: any InferencePlan, inputRange: ClosedRange<Float> = 0...1) {
    self.plan = plan
    self.inputRange = inputRange
  }

  /// `[n, …] → [n, classes]`, differentiable once: the way back is the plan's.
  public func logits(_ x: Variable) -> Variable {
    let (plan, input) = (self.plan, x.value)
    return .recorded("prepared model", plan.logits(input), from: x) { dy in
      plan.logitsAndInputGradient(at: input) { _, rows in dy[rows: rows] }.gradient
    }
  }

  /// `[n, …] → [n, classes]`.
  public func logits(_ x: Tensor) -> Tensor { plan.logits(x) }

  /// Passes the gradient back without a tape. A goal that can be cut into parts is met a few samples at a time, another
  /// one in a second run.
  public func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
    if x.shape[0] > 0, goal.part([0]) == nil {
      let slopes = goal.objectiveGradient(plan.logits(x))
      return plan.logitsAndInputGradient(at: x) { _, rows in slopes[rows: rows] }
    }
    return plan.logitsAndInputGradient(at: x) { logits, rows in
      guard let part = goal.part(Array(rows)) else {
        preconditionFailure("\(goal) has no part for rows \(rows)")
      }
      return part.objectiveGradient(logits)
    }
  }
}
