import Attacks
import AutoDiffLite
import Defenses
import TensorCore
import Testing

@Suite struct MajorityVoteTests {
  /// Always the same logits.
  private struct Sure: Classifier {
    let answer: [Float]
    var inputRange: ClosedRange<Float> { 0...1 }
    func logits(_ x: Variable) -> Variable {
      Variable(Tensor([[Float]](repeating: answer, count: x.shape[0])))
    }
  }

  private let x = Tensor.zeros(shape: [2, 3])

  // Two lukewarm votes beat one very sure one, which the mean of probabilities would follow.
  @Test func votesCountAlike() {
    let members = [Sure(answer: [0.1, 0, 0]), Sure(answer: [0.1, 0, 0]), Sure(answer: [0, 50, 0])]
    let logits = MajorityVote(members).logits(x)
    #expect(logits.argmax(alongAxis: 1).scalars == [0, 0])
    #expect(logits[0, 0] > 2 && logits[0, 0] < 2.5 && logits[0, 1] > 1 && logits[0, 1] < 1.5)
    #expect(
      EnsembleClassifier(members, averaging: .probabilities).logits(x).argmax(alongAxis: 1).scalars == [1, 1])
  }

  // One vote each: the surer one decides, whichever comes first.
  @Test func equalsAreDecidedByProbability() {
    let (mild, sure) = (Sure(answer: [1, 0, 0]), Sure(answer: [0, 3, 0]))
    for members in [[mild, sure], [sure, mild]] {
      #expect(MajorityVote(members).logits(x).argmax(alongAxis: 1).scalars == [1, 1])
    }
  }

  // The logits say which vote won, the gradient is that of the mean of two linear scores: half of (1, -2) + (3, 6).
  @Test func gradientOfTheMean() {
    let vote = MajorityVote([Score(weight: [1, -2]), Score(weight: [3, 6])])
    let point = Tensor([[0.5, 0.75]])
    let goal = Margin(ClassAim(classes: IntTensor([1]), isTargeted: true))
    let (logits, gradient) = vote.logitsAndInputGradient(at: point, goal: goal)
    // one score is negative, the other 6: a vote each
    #expect(logits == vote.logits(point) && gradient.scalars == [2, 2])
    let leaf = Variable.leaf(point)
    let onTape = vote.logits(leaf)
    #expect(onTape.value == logits)
    #expect(
      onTape.gradients(withRespectTo: [leaf], upstream: goal.objectiveGradient(logits))[0] == gradient)
  }
}
