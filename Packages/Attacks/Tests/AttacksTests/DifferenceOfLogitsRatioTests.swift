import Attacks
import AutoDiffLite
import Foundation
import TensorCore
import Testing

@Suite struct DifferenceOfLogitsRatioTests {
  private func expectClose(_ a: Tensor, _ b: Tensor, _ what: String) {
    #expect(a.shape == b.shape)
    let scale = b.scalars.reduce(0) { max($0, abs($1)) }
    for (i, (x, y)) in zip(a.scalars, b.scalars).enumerated() {
      #expect(abs(x - y) <= 1e-6 * scale, "\(what), \(i): \(x), \(y)")
    }
  }

  private func stored(_ classes: Int, _ name: String) throws -> Tensor {
    try MNISTSample.fixture.tensor("objective/\(classes)/\(name)")
  }

  // The authors' losses and their derivatives: right, wrong and sure predictions among them.
  @Test(arguments: [3, 4, 10]) func ratiosAreTheAuthors(classes: Int) throws {
    let logits = try stored(classes, "logits")
    let labels = try MNISTSample.fixture.integers("objective/\(classes)/labels")
    let targets = try MNISTSample.fixture.integers("objective/\(classes)/targets")
    func check(_ goal: some Goal, _ name: String) throws {
      expectClose(goal.objectives(logits), try stored(classes, name), name)
      let slope = try stored(classes, name + "Gradient")
      expectClose(goal.objectiveGradient(logits), slope, name)
      expectClose(gradient(at: logits) { (2 * goal.objective($0)).sum() }, 2 * slope, name)
      #expect(goal.isReached(logits) == Untargeted(labels: labels).isReached(logits))
      let rows = [5, 0, 0]
      expectClose(
        goal.part(rows)?.objectives(logits.gathered(rows: rows)) ?? logits,
        try stored(classes, name).gathered(rows: rows), name)
    }
    try check(DifferenceOfLogitsRatio(ClassAim(classes: labels, isTargeted: false)), "ratio")
    if classes > 3 {
      try check(TargetedDifferenceOfLogitsRatio(labels: labels, targets: targets), "targeted")
    }
  }

  // What cross-entropy lacks: a network whose logits are multiplied is as easy to attack.
  @Test func shiftAndScaleChangeNothing() {
    let logits = Tensor.normal(shape: [30, 6], key: RandomKey(seed: 90))
    let labels = IntTensor((0..<30).map { $0 % 6 })
    let ratio = DifferenceOfLogitsRatio(ClassAim(classes: labels, isTargeted: false))
    expectClose(ratio.objectives(1024 * logits - 64), ratio.objectives(logits), "ratio")
    let targeted = TargetedDifferenceOfLogitsRatio(
      labels: labels, targets: IntTensor((0..<30).map { ($0 + 1) % 6 }))
    expectClose(targeted.objectives(1024 * logits - 64), targeted.objectives(logits), "targeted")
  }

  // Towards a class the same ratio is descended, and reached where the class wins.
  @Test func aimsTurnTheSign() {
    let logits = Tensor([[4, 1, 0], [1, 4, 3]])
    let classes = IntTensor([0, 0])
    let away = DifferenceOfLogitsRatio(ClassAim(classes: classes, isTargeted: false))
    let towards = DifferenceOfLogitsRatio(ClassAim(classes: classes, isTargeted: true))
    #expect(away.objectives(logits) == Tensor([-0.75, 1]))
    #expect(towards.objectives(logits) == Tensor([0.75, -1]))
    #expect(towards.objectiveGradient(logits) == -away.objectiveGradient(logits))
    #expect(away.isReached(logits) == [false, true] && towards.isReached(logits) == [true, false])
  }

  // Without a third or fourth class there is no denominator: margins, by hand.
  @Test func fewClassesHaveMargins() {
    let two = Tensor([[4, 1], [1, 3]])
    let ratio = DifferenceOfLogitsRatio(ClassAim(classes: IntTensor([0, 0]), isTargeted: false))
    #expect(ratio.objectives(two) == Tensor([-3, 2]))
    #expect(ratio.objectiveGradient(two) == Tensor([[-1, 1], [-1, 1]]))
    let three = Tensor([[4, 1, 0], [1, 3, 7]])
    let targeted = TargetedDifferenceOfLogitsRatio(labels: IntTensor([0, 2]), targets: IntTensor([2, 1]))
    #expect(targeted.objectives(three) == Tensor([-4, -4]))
    #expect(targeted.objectiveGradient(three) == Tensor([[-1, 0, 1], [0, 1, -1]]))
  }

  // Equal logits give 0, not 0 / 0.
  @Test func equalLogits() {
    let ratio = DifferenceOfLogitsRatio(ClassAim(classes: IntTensor([1]), isTargeted: false))
    #expect(ratio.objectives(Tensor([[2, 2, 2]])) == Tensor([0]))
    #expect(ratio.objectiveGradient(Tensor([[2, 2, 2]])).isFinite)
  }

  @Test func oneClassIsRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = Margin(ClassAim(classes: IntTensor([0]), isTargeted: false)).objectives(Tensor([[1]]))
    }
  }

  // The first goal decides, the second leads.
  @Test func surrogatesJoinTwoGoals() {
    let logits = Tensor([[4, 1, 0], [1, 4, 3]])
    let goal = Surrogate(
      Targeted(targets: IntTensor([1, 1])),
      climbing: Margin(ClassAim(classes: IntTensor([2, 2]), isTargeted: true)))
    #expect(goal.isReached(logits) == [false, true])
    #expect(goal.objectives(logits) == Tensor([-4, -1]))
    #expect(goal.objectiveGradient(logits) == Tensor([[-1, 0, 1], [0, -1, 1]]))
    #expect(goal.aim == ClassAim(classes: IntTensor([1, 1]), isTargeted: true))
    #expect(goal.part([1])?.objectives(logits[rows: 1..<2]) == Tensor([-1]))
  }
}
