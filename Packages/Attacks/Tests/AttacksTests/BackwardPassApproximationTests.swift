import Attacks
import AutoDiffLite
import Foundation
import TensorCore
import Testing

@Suite struct BackwardPassApproximationTests {
  private static let key = RandomKey(seed: 85)

  /// Quarters: a step without a gradient.
  @Sendable private static func rounded(_ x: Tensor) -> Tensor {
    Tensor(shape: x.shape, scalars: x.scalars.map { ($0 * 4).rounded() / 4 })
  }

  // Forwards the rounded score, backwards the score's own slope; on a tape and without one.
  @Test func straightThrough() {
    let model = BackwardPassApproximation(
      LinearModel(score: [1, -2], inputRange: 0...1), step: Self.rounded)
    let x = Tensor([[0.3, 0.6], [0.9, 0.1]])
    #expect(model.logits(x) == Tensor([[0, 0.25 - 1], [0, 1]]))
    let goal = Margin(ClassAim(classes: IntTensor([1, 1]), isTargeted: true))
    let (logits, gradient) = model.logitsAndInputGradient(at: x, goal: goal)
    #expect(logits == model.logits(x) && gradient == Tensor([[1, -2], [1, -2]]))
    let leaf = Variable.leaf(x)
    #expect(
      model.logits(leaf).gradients(
        withRespectTo: [leaf], upstream: goal.objectiveGradient(logits))[0] == gradient)
  }

  // x² through itself is the derivative 2x, at x and not at x².
  @Test func theStandInIsDifferentiatedAtTheInput() {
    let model = BackwardPassApproximation(
      LinearModel(score: [3, 5]), step: { $0.squared() }, standIn: { $0.squared() })
    let x = Tensor([[0.5, -2]])
    let goal = Margin(ClassAim(classes: IntTensor([1]), isTargeted: true))
    #expect(model.logitsAndInputGradient(at: x, goal: goal).gradient == Tensor([[3, -20]]))
    #expect(model.logits(x) == Tensor([[0, 0.75 + 20]]))
  }

  // What it is for: rounding hides the gradient, and behind it the model is as weak as ever.
  @Test func roundingIsNoDefence() throws {
    /// Rounding as a model has it: the tape ends there.
    struct Rounding: Classifier {
      let base: LinearModel
      var inputRange: ClosedRange<Float> { 0...1 }
      func logits(_ x: Variable) -> Variable {
        base.logits(Variable(BackwardPassApproximationTests.rounded(x.value)))
      }
    }
    var base = LinearModel(classes: 3, inputs: 12, key: Self.key)
    base.inputRange = 0...1
    let x = Tensor.uniform(shape: [60, 12], key: Self.key.derived("x"))
    let batch = Batch(
      inputs: x, labels: base.logits(Self.rounded(x)).argmax(alongAxis: 1), indices: Array(0..<60))
    let attack = ProjectedGradient(
      budget: LInfBall(radius: 0.3), stepSize: 0.06, steps: 10, startsAtRandom: false)
    let hidden = try judge(attack, against: Rounding(base: base), on: batch, key: Self.key)
    let open = BackwardPassApproximation(base, step: Self.rounded)
    let shown = try judge(attack, against: open, on: batch, key: Self.key)
    #expect(hidden.robustAccuracy.successes == 60 && shown.robustAccuracy.successes < 20)
  }

  @Test func otherShapesNeedAStandIn() async {
    await #expect(processExitsWith: .failure) {
      let model = BackwardPassApproximation(
        LinearModel(score: [1, 2]), step: { $0[rows: 0..<1].reshaped(to: [1, 2]) })
      _ = model.inputGradient(at: Tensor([[1, 2], [3, 4]]), goal: Targeted(target: 1, count: 1))
    }
  }
}
