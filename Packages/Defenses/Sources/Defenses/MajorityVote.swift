import Attacks
import AutoDiffLite
import TensorCore

/// Several classifiers of which each has one vote: the class with most votes is the answer, and the mean probability decides
/// between equals.
///
///     zc = votes for c + p̄c / 2,   p̄ = mean of the softmax
///
/// Votes have no gradient. An attack is given that of the mean of the logits instead, so it climbs for all members at once.
public struct MajorityVote: Classifier {
  /// The voters.
  public var members: [any Classifier] { substitute.members }
  private let substitute: EnsembleClassifier

  /// A vote among these classifiers; of two the surer one decides where they differ.
  ///
  /// - Precondition: there is a member, and the members' input ranges overlap.
  public init(_ members: [any Classifier]) { substitute = EnsembleClassifier(members) }

  /// The inputs that are valid for all members.
  public var inputRange: ClosedRange<Float> { substitute.inputRange }

  /// The votes, with the gradient of the mean logits.
  public func logits(_ x: Variable) -> Variable {
    let (substitute, input) = (self.substitute, x.value)
    return .recorded("majority vote", logits(input), from: x) { dy in
      pullback(at: input) { substitute.logits($0) }(dy)
    }
  }

  /// The votes, with half the mean probabilities: `[n, …] → [n, classes]`.
  public func logits(_ x: Tensor) -> Tensor {
    let answers = members.map { $0.logits(x) }
    var sum = Tensor.zeros(shape: answers[0].shape)
    for answer in answers {
      for (row, label) in answer.argmax(alongAxis: 1).scalars.enumerated() { sum[row, Int(label)] += 1 }
      sum += answer.softmax() / Float(2 * answers.count)
    }
    return sum
  }

  /// The votes, and the gradient of the goal's objective for the mean logits.
  public func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
    (logits(x), substitute.inputGradient(at: x, goal: goal))
  }
}
