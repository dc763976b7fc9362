import TensorCore

extension SmoothedClassifier {
  /// The smoothed classifier's class for each sample, or nil where the noise did not tell: procedure PREDICT.
  ///
  /// Of the two most frequent classes among `draws` copies, with nA ≥ nB counts, the first is the answer when the exact
  /// two-sided binomial test rejects that both are equally likely: p-value of nA among nA + nB at ½ ≤ α. Else it abstains.
  /// An answer differs from g(x) with probability at most α.
  ///
  /// - Parameters:
  ///   - batch: samples; labels are not looked at.
  ///   - draws: n, how many noisy copies of each.
  ///   - failureProbability: α.
  ///   - key: the noise; a sample draws from `key.derived(index)`.
  /// - Throws: `InputError.outOfRange` for an input outside the range, naming sample and value, for an α outside 0 to 1,
  ///   and for an n with which even equal draws could not answer, naming the smallest usable one.
  public func predict(_ batch: Batch, draws: Int, failureProbability: Double, key: RandomKey) throws -> [Int?]
  {
    try CertificationSettings.check(failureProbability: failureProbability)
    let smallest = CertificationSettings.smallest {
      Proportion(successes: $0, count: $0).twoSidedPValue() <= failureProbability
    }
    guard draws >= smallest else {
      throw CertificationSettings.tooFew(
        "the number of draws of a prediction", draws, smallest: smallest, failureProbability)
    }
    try batch.checkInputs(in: inputRange)
    let keys = batch.indices.map { key.derived($0).derived("prediction") }
    return try classCounts(of: batch.inputs, copies: 0..<draws, keys: keys).map { counts in
      let order = counts.indices.sorted { (counts[$0], $1) > (counts[$1], $0) }
      let (first, second) = (counts[order[0]], order.count > 1 ? counts[order[1]] : 0)
      let test = Proportion(successes: first, count: first + second)
      return test.twoSidedPValue() <= failureProbability ? order[0] : nil
    }
  }
}
