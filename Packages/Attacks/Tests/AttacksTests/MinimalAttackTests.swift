import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

/// Finds what it was given.
private struct Finding: MinimalAttack {
  var norm: VectorNorm = .l2
  var points: Tensor
  func closest(to x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor {
    points
  }
  var description: String { "finding" }
}

@Suite struct MinimalAttackTests {
  private static let key = RandomKey(seed: 87)
  // `Transparent` predicts the place of the larger element
  private let batch = Batch(
    Tensor([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.25]]), labels: [0, 0, 0, 0])
  private let search = Finding(points: Tensor([[0.375, 0.625], [0.5, 1], [0.25, 0.75], [0.75, 0.25]]))

  // Moved by (3, 3)/8 and (1, 3)/4; wrong from the start; nothing found. All by hand.
  @Test func distancesByHand() throws {
    let result = try judge(WithinBudget(search), against: Transparent(), on: batch, key: Self.key)
    #expect(result.adversarialInputs == search.points)
    let (first, second) = ((2.0 * 9 / 64).squareRoot(), (10.0 / 16).squareRoot())
    let l2 = result.distances(in: .l2)
    #expect(abs(l2[0] - first) < 1e-12 && abs(l2[1] - second) < 1e-12 && l2[2] == 0 && l2[3] == .infinity)
    #expect(result.distances(in: .lInf) == [0.375, 0.75, 0, .infinity])
    #expect(result.distances(in: .l1) == [0.75, 1, 0, .infinity])
    #expect(result.robustAccuracy(within: 0.7, in: .l2) == Proportion(successes: 2, count: 4))
    #expect(result.robustAccuracy(within: 0.75, in: .lInf) == Proportion(successes: 1, count: 4))
    #expect(result.robustAccuracy(within: 0, in: .l1) == result.cleanAccuracy)
    #expect(result.robustAccuracy(within: .greatestFiniteMagnitude, in: .l1) == result.robustAccuracy)
    #expect(result.attack == "finding, within any l2 distance")
  }

  // A point within the budget stays as it is; one outside is drawn back, and counts only if it reaches the goal there.
  @Test func onlyWhatIsAllowedCounts() throws {
    func records(_ budget: some Budget) throws -> [AttackRecord] {
      try judge(WithinBudget(search, budget: budget), against: Transparent(), on: batch, key: Self.key)
        .records
    }
    let wide = try records(L2Ball(radius: 0.6))
    #expect(wide.map(\.isSuccess) == [true, true, true, false])
    #expect(wide[0].norms.lInf == 0.375 && wide[1].norms.l2 > 0.599 && wide[1].norms.l2 <= Double(Float(0.6)))
    #expect(try records(L2Ball(radius: 0.3)).map(\.isSuccess) == [false, false, true, false])
    #expect(
      "\(WithinBudget(search, budget: L1Ball(radius: 2)))" == "finding, within L1, radius 2.0")
  }

  // Other attacks may be given any distance too: a step of a length of its own, back into the range only.
  @Test func anyDistance() {
    let budget = AnyDistance(in: .l2)
    let x = Tensor([[0.5, 0.5]])
    #expect(budget.project(Tensor([[7, -3]]), around: x, range: 0...1) == Tensor([[1, 0]]))
    #expect(budget.distances(Tensor([[3.5, 4.5]]), x) == [5])
    #expect(budget.steepestAscent(Tensor([[3, 4]])) == Tensor([[0.6, 0.8]]))
    #expect(AnyDistance(in: .lInf).steepestAscent(Tensor([[3, -4]])) == Tensor([[1, -1]]))
  }
}
