import Attacks
import AutoDiffLite
import TensorCore

/// An attack of one's own for any budget: many small steps uphill, from a random start.
struct BoundarySearch<Allowed: Budget>: Attack {
  var budget: Allowed
  var steps: Int

  func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, key: RandomKey) -> Tensor {
    let r = budget.radius
    let start = x + Tensor.uniform(shape: x.shape, in: -r...r, key: key.derived("start"))
    var changed = budget.project(start, around: x, range: model.inputRange)
    for _ in 0..<steps {
      let direction = budget.steepestAscent(inputGradient(at: changed, of: model, goal: goal))
      changed = budget.project(changed + r / 4 * direction, around: x, range: model.inputRange)
    }
    return changed
  }

  var description: String { "boundary search, \(steps) steps, \(budget)" }
}
