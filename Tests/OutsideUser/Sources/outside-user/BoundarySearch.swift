import Attacks
import AutoDiffLite
import TensorCore

/// An attack of one's own for any budget: many small steps uphill, from a random start.
struct BoundarySearch<Allowed: Budget>: Attack {
  var budget: Allowed
  var steps: Int

  func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor {
    let range = model.inputRange
    var changed = budget.randomStart(x, range: range, keys: keys)
    for _ in 0..<steps {
      let slope = model.inputGradient(at: changed, goal: goal)
      budget.ascend(&changed, along: slope, by: budget.radius / 4, around: x, range: range)
    }
    return changed
  }

  var description: String { "boundary search, \(steps) steps, \(budget)" }
}
