import Attacks
import AutoDiffLite
import Foundation
import Synchronization
import TensorCore
import Testing

@Suite struct GoalTests {
  // exp(logits) are 1, 2, 5 and 1, 1, 2: the probabilities are eighths and quarters.
  private let logits = Tensor([[0, Float(log(2.0)), Float(log(5.0))], [0, 0, Float(log(2.0))]])

  private func expectClose(_ a: Tensor, _ b: [[Double]], _ what: String) {
    for (x, y) in zip(a.scalars, b.joined()) { #expect(abs(Double(x) - y) < 1e-7, "\(what)") }
  }

  @Test func gradientsByHand() {
    let labels = IntTensor([1, 2])
    expectClose(
      Untargeted(labels: labels).objectiveGradient(logits), [[0.125, -0.75, 0.625], [0.25, 0.25, -0.5]],
      "away")
    expectClose(
      Targeted(targets: labels).objectiveGradient(logits), [[-0.125, 0.75, -0.625], [-0.25, -0.25, 0.5]],
      "towards")
    expectClose(
      Untargeted(labels: labels).objectives(logits).reshaped(to: [2, 1]), [[log(4)], [log(2)]], "loss")
    expectClose(
      Targeted(targets: labels).objectives(logits).reshaped(to: [2, 1]), [[-log(4)], [-log(2)]], "loss")
  }

  /// A goal with the general gradient: the tape's, of an objective that mixes all classes.
  private struct SquaredSum: Goal {
    func isReached(_ logits: Tensor) -> [Bool] { logits.scalars.map { $0 > 0 } }
    func objective(_ logits: Variable) -> Variable { logits.squared().sum(alongAxis: 1) }
  }

  // The tape's gradient of the objective is the rule; what a goal supplies itself must be the same numbers.
  @Test func ownGradientsAreTheTapes() {
    let x = Tensor.normal(shape: [50, 7], standardDeviation: 4, key: RandomKey(seed: 63))
    let labels = IntTensor((0..<50).map { $0 % 7 })
    func tape(_ goal: some Goal) -> Tensor { gradient(at: x) { goal.objective($0).sum() } }
    #expect(Untargeted(labels: labels).objectiveGradient(x) == tape(Untargeted(labels: labels)))
    #expect(Targeted(targets: labels).objectiveGradient(x) == tape(Targeted(targets: labels)))
    #expect(SquaredSum().objectiveGradient(x) == 2 * x)
  }

  /// A model that counts how it is asked: a prepared model would answer without a tape.
  private final class Prepared: Classifier {
    let inner = Rowwise(classes: 3, inputs: 8, key: RandomKey(seed: 64))
    private let counts = Mutex((gradients: 0, values: 0, tapes: 0))
    func takeCounts() -> (gradients: Int, values: Int, tapes: Int) {
      counts.withLock { now in
        defer { now = (0, 0, 0) }
        return now
      }
    }
    var inputRange: ClosedRange<Float> { 0...1 }
    func logits(_ x: Variable) -> Variable {
      counts.withLock { $0.tapes += 1 }
      return inner.logits(x)
    }
    func logits(_ x: Tensor) -> Tensor {
      counts.withLock { $0.values += 1 }
      return inner.logits(x)
    }
    func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
      counts.withLock { $0.gradients += 1 }
      return inner.logitsAndInputGradient(at: x, goal: goal)
    }
  }

  // One gradient a step and no call that goes around the model's own: a prepared model would be idle and never faster.
  @Test func attacksAskTheModelForGradients() throws {
    let model = Prepared()
    let batch = Batch(Tensor.uniform(shape: [4, 8], key: RandomKey(seed: 65)), labels: [0, 1, 2, 0])
    func counts(_ attack: some Attack) throws -> [Int] {
      _ = try judge(attack, against: model, on: batch, key: RandomKey(seed: 66))
      let (gradients, values, tapes) = model.takeCounts()
      #expect(tapes == 0)
      return [gradients, values]
    }
    let ball = LInfBall(radius: 0.1)
    // the judge asks for clean and changed logits
    #expect(try counts(FastGradient(budget: ball)) == [1, 2])
    #expect(try counts(ProjectedGradient(budget: ball, stepSize: 0.1, steps: 6)) == [6, 2])
    // and the best of several points needs the last one's
    #expect(try counts(ProjectedGradient(budget: ball, stepSize: 0.1, steps: 6, keepsBest: true)) == [6, 3])
  }

  // The gradient at the input against central differences of the objective.
  @Test func inputGradientsByDifferences() {
    let model = Rowwise(classes: 3, inputs: 5, key: RandomKey(seed: 67))
    let goal = Targeted(targets: IntTensor([2, 0]))
    let x = Tensor.uniform(shape: [2, 5], in: 0.2...0.8, key: RandomKey(seed: 68))
    let (logits, slope) = model.logitsAndInputGradient(at: x, goal: goal)
    #expect(logits == model.logits(x) && slope == model.inputGradient(at: x, goal: goal))
    for sample in 0..<2 {
      for i in 0..<5 {
        func value(_ step: Float) -> Double {
          var moved = x
          moved[sample, i] += step
          return goal.objectives(model.logits(moved)).doubleSum()
        }
        #expect(abs((value(0x1p-7) - value(-0x1p-7)) * 64 - Double(slope[sample, i])) < 2e-3)
      }
    }
  }
}
