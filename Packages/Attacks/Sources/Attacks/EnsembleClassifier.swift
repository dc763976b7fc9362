import AutoDiffLite
import TensorCore

/// Several models that answer together: a surrogate whose weaknesses more other models share, or a defence.
///
/// Source: Liu, Chen, Liu, Song, "Delving into Transferable Adversarial Examples and Black-box Attacks", ICLR 2017
/// (probabilities); Dong et al., "Boosting Adversarial Attacks with Momentum", CVPR 2018 (logits).
public struct EnsembleClassifier: Classifier {
  /// What is averaged.
  public enum Average: String, Sendable, Hashable, CaseIterable {
    /// The logits, `z = Σᵢ zᵢ / m`.
    case logits
    /// The probabilities; the answer is their logarithm, `z = log Σᵢ softmax(zᵢ) / m`, whose softmax they are.
    case probabilities
  }

  /// The models.
  public let members: [any Classifier]
  /// What is averaged.
  public let average: Average
  /// The inputs that are valid for all members.
  public let inputRange: ClosedRange<Float>

  /// An ensemble in which all members weigh the same.
  ///
  /// - Precondition: there is a member, and the members' input ranges overlap.
  public init(_ members: [any Classifier], averaging average: Average = .logits) {
    precondition(!members.isEmpty, "EnsembleClassifier: no members")
    let lower = members.map(\.inputRange.lowerBound).max() ?? 0
    let upper = members.map(\.inputRange.upperBound).min() ?? 0
    precondition(
      lower <= upper, "EnsembleClassifier: no input is valid for all of \(members.map(\.inputRange))")
    self.members = members
    self.average = average
    inputRange = lower...upper
  }

  /// The average of the members' answers to `[n, …]`: `[n, classes]`.
  public func logits(_ x: Variable) -> Variable {
    let share = 1 / Float(members.count)
    let answers = members.map { $0.logits(x) }
    switch average {
    case .logits: return share * sum(answers)
    case .probabilities:
      // the logarithm of a mean of exponentials, with the largest taken out: no probability underflows
      let logs = answers.map { $0.logSoftmax() }
      let largest = logs.dropFirst().reduce(logs[0].value) { .maximum($0, $1.value) }
      let shares = logs.map { ($0 - Variable(largest)).exp() }
      return (share * sum(shares)).log() + Variable(largest)
    }
  }

  private func sum(_ terms: [Variable]) -> Variable { terms.dropFirst().reduce(terms[0], +) }
}
