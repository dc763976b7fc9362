import Attacks
import TensorCore
import Testing

@Suite struct ClassAimTests {
  // Success, and the margin's sign, as the goals have them: for both kinds of aim, and for parts in another order.
  @Test(arguments: [false, true]) func aimsAreThoseOfTheGoals(isTargeted: Bool) throws {
    let logits = Tensor.normal(shape: [200, 5], key: RandomKey(seed: 81))
    let classes = IntTensor((0..<200).map { $0 % 5 })
    let goal: any Goal = isTargeted ? Targeted(targets: classes) : Untargeted(labels: classes)
    let aim = try #require(goal.aim)
    #expect(aim == ClassAim(classes: classes, isTargeted: isTargeted))
    #expect(aim.isReached(logits) == goal.isReached(logits))
    #expect(Margin(aim).objectives(logits).scalars.map { $0 > 0 } == goal.isReached(logits))
    let rows = [7, 3, 3, 190]
    #expect(aim.part(rows) == goal.part(rows)?.aim)
    #expect(aim.part(rows).isReached(logits.gathered(rows: rows)) == rows.map { goal.isReached(logits)[$0] })
    #expect(Whole(goal: Untargeted(labels: classes)).aim == nil)
  }
}
