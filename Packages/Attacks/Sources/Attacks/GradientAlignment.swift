import TensorCore

/// How far two models' input gradients point the same way: what lets an attack on one succeed on the other.
///
///     cos(a, b) = ⟨∇ₓ J_a, ∇ₓ J_b⟩ / (‖∇ₓ J_a‖₂ ‖∇ₓ J_b‖₂)
///
/// Source: Demontis et al., "Why Do Adversarial Attacks Transfer? Explaining Transferability of Evasion and Poisoning
/// Attacks", USENIX Security 2019.
public struct GradientAlignment: Sendable, Hashable {
  /// One cosine a sample, −1 to 1; nil where a gradient is zero or not finite.
  public let cosines: [Double?]

  /// The samples that have a cosine: their number, mean and standard deviation; `summary.interval()` is the mean's interval.
  public var summary: Summary { Summary(cosines.compactMap { $0 }) }

  /// The cosines of two batches of gradients.
  ///
  /// - Precondition: both are `[n, …]`, of one shape.
  public init(_ a: Tensor, _ b: Tensor) {
    let (products, squares, others) = (innerProducts(a, b), innerProducts(a, a), innerProducts(b, b))
    cosines = products.indices.map { i in
      let lengths = (squares[i] * others[i]).squareRoot()
      return lengths > 0 && lengths.isFinite ? max(-1, min(1, products[i] / lengths)) : nil
    }
  }

  /// The cosines of several parts, one after the other.
  init(joining parts: [GradientAlignment]) { cosines = parts.flatMap(\.cosines) }
}

/// Compares two models' gradients of the cross-entropy of the label at samples of a data set.
///
/// - Parameters:
///   - first: a model.
///   - second: another one.
///   - source: where the samples come from.
///   - samples: their indices in the order of the result; nil takes all.
///   - batchSize: how many samples run at once.
/// - Throws: what the source throws; `InputError.outOfRange` for an input outside the range of either model.
public func gradientAlignment(
  of first: some Classifier, and second: some Classifier, on source: some BatchSource, samples: [Int]? = nil,
  batchSize: Int = 250
) throws -> GradientAlignment {
  precondition(batchSize > 0, "gradientAlignment: batch size \(batchSize) is not positive")
  let samples = samples ?? Array(0..<source.count)
  let parts = try stride(from: 0, to: samples.count, by: batchSize).map { start in
    let batch = try source.batch(at: Array(samples[start..<min(samples.count, start + batchSize)]))
    try batch.checkInputs(in: first.inputRange)
    try batch.checkInputs(in: second.inputRange)
    let goal = Untargeted(labels: batch.labels)
    return GradientAlignment(
      first.inputGradient(at: batch.inputs, goal: goal), second.inputGradient(at: batch.inputs, goal: goal))
  }
  return GradientAlignment(joining: parts)
}
