import Attacks
import AutoDiffLite
import Foundation
import Synchronization
import TensorCore
import Testing

@Suite struct ExpectationOverTransformationTests {
  private static let key = RandomKey(seed: 86)

  /// x times a factor of its own, and a note of the factors.
  private final class Scaling: Sendable {
    let factors = Mutex([[Float]]())
    func callAsFunction(_ x: Variable, _ keys: [RandomKey]) -> Variable {
      let scale = Tensor.uniform(shape: [keys.count, 1], in: 0.5...1.5, rowKeys: keys)
      factors.withLock { $0.append(scale.scalars) }
      return x * Variable(scale)
    }
    func means() -> [Float] {
      factors.withLock { rows in
        defer { rows = [] }
        return rows[0].indices.map { i in rows.reduce(0) { $0 + $1[i] } / Float(rows.count) }
      }
    }
  }

  // The score is linear, so the mean logit is the mean factor times the score, and so is the gradient: in all three ways to
  // ask, with the same draws.
  @Test func meansOfTheDraws() {
    let scaling = Scaling()
    let model = ExpectationOverTransformation(
      LinearModel(score: [1, -2]), draws: 5, key: Self.key, transformation: { scaling($0, $1) })
    let x = Tensor([[2, 0.5], [-1, 0.25], [2, 0.5]])
    let logits = model.logits(x)
    let factors = scaling.means()
    #expect(factors[0] == factors[2] && factors[0] != factors[1], "draws follow the point")
    for (i, score) in [1, -1.5, 1].enumerated() {
      #expect(logits[i, 0] == 0 && abs(logits[i, 1] - factors[i] * Float(score)) < 1e-6)
    }
    let goal = Margin(ClassAim(classes: IntTensor([1, 1, 1]), isTargeted: true))
    let (again, gradient) = model.logitsAndInputGradient(at: x, goal: goal)
    #expect(scaling.means() == factors && again == logits)
    for i in 0..<3 {
      #expect(abs(gradient[i, 0] - factors[i]) < 1e-6 && abs(gradient[i, 1] + 2 * factors[i]) < 1e-6)
    }
    let leaf = Variable.leaf(x)
    let taped = model.logits(leaf)
    #expect(scaling.means() == factors && taped.value.mismatch(with: logits, ulps: 2) == nil)
    let slope = taped.gradients(withRespectTo: [leaf], upstream: goal.objectiveGradient(logits))[0]
    #expect(slope.mismatch(with: gradient, relativeToLargest: 1e-6) == nil)
  }

  // Rows of a batch do not matter to each other's draws, another key does.
  @Test func drawsFollowPointAndKey() {
    func model(_ seed: UInt64) -> some Classifier {
      ExpectationOverTransformation(
        Rowwise(classes: 3, inputs: 4, key: Self.key), draws: 3, key: RandomKey(seed: seed),
        transformation: { $0 + Variable(0.1 * Tensor.normal(shape: $0.shape, rowKeys: $1)) })
    }
    let x = Tensor.uniform(shape: [6, 4], key: Self.key)
    let all = model(1).logits(x)
    #expect(model(1).logits(x.gathered(rows: [4, 1, 1])) == all.gathered(rows: [4, 1, 1]))
    #expect(model(2).logits(x) != all)
    var other = x
    other[0, 0] = other[0, 0].nextUp
    #expect(abs(model(1).logits(other)[0, 0] - all[0, 0]) > 1e-5, "another point, other draws")
  }

  // More draws come closer to the expectation: of noise with deviation ½ on a score, by 1/√m.
  @Test func moreDrawsAreSteadier() {
    func spread(_ draws: Int) -> Double {
      let model = ExpectationOverTransformation(
        LinearModel(score: [1]), draws: draws, key: Self.key,
        transformation: { $0 + Variable(0.5 * Tensor.normal(shape: $0.shape, rowKeys: $1)) })
      let x = Tensor((0..<1000).map { [Float($0)] })
      let errors = zip(model.logits(x).scalars.enumerated().filter { $0.offset % 2 == 1 }, x.scalars)
        .map { Double($0.element - $1) }
      return (errors.reduce(0) { $0 + $1 * $1 } / 1000).squareRoot()
    }
    #expect(abs(spread(1) - 0.5) < 0.06 && abs(spread(25) - 0.1) < 0.012)
  }

  // Without a transformation the base is asked as often as there are draws: it may be random by itself.
  @Test func randomBases() {
    let counter = QueryCounter(LinearModel(score: [1, 2]))
    let model = ExpectationOverTransformation(counter, draws: 4, key: Self.key)
    let x = Tensor([[1, 2], [3, 4]])
    #expect(model.logits(x) == counter.base.logits(x))
    #expect(counter.take().forwards == 8)
    let goal = Untargeted(labels: IntTensor([0, 1]))
    #expect(model.inputGradient(at: x, goal: goal) == counter.base.inputGradient(at: x, goal: goal))
    #expect(counter.take() == .init(forwards: 8, gradients: 8))
  }

  @Test func noDrawsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = ExpectationOverTransformation(LinearModel(score: [1]), draws: 0, key: RandomKey(seed: 1))
    }
  }
}
