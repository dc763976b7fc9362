import Attacks
import AutoDiffLite
import Foundation
import TensorCore
import Testing

// A budget, a goal and an attack as a user writes them, with public API only.

/// Only the first half of an input may change, each element by at most the radius.
private struct FirstHalf: Budget {
  let radius: Float

  private func mask(_ x: Tensor) -> Tensor {
    let size = x.shape[1]
    return Tensor((0..<size).map { $0 < size / 2 ? 1 : 0 })
  }
  func distances(_ a: Tensor, _ b: Tensor) -> [Double] {
    let inside = LInfBall(radius: radius).distances(a, b)
    let outside = LInfBall(radius: radius).distances(a * (1 - mask(a)), b * (1 - mask(b)))
    return zip(inside, outside).map { $1 > 0 ? .infinity : $0 }
  }
  func project(_ candidate: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
    let near = LInfBall(radius: radius).project(candidate, around: x, range: range)
    return (Tensor.zeros(shape: x.shape) + mask(x)).select(near, otherwise: x)
  }
  func steepestAscent(_ gradient: Tensor) -> Tensor { gradient.sign() * mask(gradient) }
  var description: String { "first half, radius \(radius)" }
}

/// Another class ahead of the label by a margin; climbs the difference of the two scores.
private struct Ahead: Goal {
  let labels: IntTensor
  let margin: Float

  private func lead(_ logits: Variable) -> Variable {
    let own = Tensor.oneHot(labels, classes: logits.shape[1])
    return (logits - Variable(1000 * own)).max(alongAxis: 1) - logits.picked(columns: labels)
  }
  func isReached(_ logits: Tensor) -> [Bool] { lead(Variable(logits)).value.scalars.map { $0 >= margin } }
  func objective(_ logits: Variable) -> Variable { lead(logits) }
}

/// Tries random points of the budget and keeps the best of each sample: no gradient.
private struct RandomSearch<Allowed: Budget>: Attack {
  var budget: Allowed
  var tries: Int

  func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor {
    var best = x
    var score = goal.objectives(model.logits(x))
    for i in 0..<tries {
      let candidate = budget.randomStart(x, range: model.inputRange, keys: keys.map { $0.derived(i) })
      let value = goal.objectives(model.logits(candidate))
      let better = value .> score
      best = (better.expanded(axis: 1) * Tensor.ones(shape: x.shape)).select(candidate, otherwise: best)
      score = .maximum(score, value)
    }
    return best
  }
  var description: String { "random search, \(tries) tries, \(budget)" }
}

@Suite struct OutsideTests {
  private static let key = RandomKey(seed: 55)

  @Test func outsidePartsAreJudged() throws {
    var model = LinearModel(classes: 2, inputs: 10, key: Self.key)
    model.inputRange = 0...1
    let x = Tensor.uniform(shape: [40, 10], key: Self.key.derived("x"))
    let labels = model.logits(x).argmax(alongAxis: 1)
    let batch = Batch(inputs: x, labels: labels, indices: Array(0..<40))
    let goal = Ahead(labels: labels, margin: 0.5)
    let budget = FirstHalf(radius: 0.3)
    let search = RandomSearch(budget: budget, tries: 30)
    let result = try judge(search, against: model, on: batch, goal: goal, key: Self.key)
    let gradient = try judge(
      FastGradient(budget: budget), against: model, on: batch, goal: goal, key: Self.key)
    #expect(result.attack == "random search, 30 tries, first half, radius 0.3")
    #expect(result.cleanErrors.successes == 0 && result.successAmongCorrect.successes > 0)
    // the model is linear: one step finds what random points find
    for (found, exact) in zip(result.records, gradient.records) where found.isSuccess {
      #expect(exact.isSuccess)
    }
    #expect(gradient.successAmongCorrect.successes > result.successAmongCorrect.successes)
    // a margin of 0.5 is more than another class
    #expect(gradient.records.contains { !$0.isSuccess && $0.adversarial.label != $0.label })
    // the same key, the same result
    #expect(try judge(search, against: model, on: batch, goal: goal, key: Self.key).records == result.records)
  }

  // The judge measures with the budget's own distance.
  @Test func outsideBudgetsAreEnforced() {
    let x = Tensor([[0.5, 0.5, 0.5, 0.5]])
    let attack = Replacing(budget: FirstHalf(radius: 0.3), result: Tensor([[0.6, 0.5, 0.5, 0.6]]))
    #expect(throws: InputError.self) {
      _ = try judge(attack, against: Transparent(), on: Batch(x, labels: [0]), key: Self.key)
    }
  }
}
