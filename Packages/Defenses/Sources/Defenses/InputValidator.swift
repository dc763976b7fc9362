import TensorCore

/// What a service asks of its inputs before any model sees them: a shape, finite numbers, a range.
///
/// It stops no adversarial example, which is a valid image; it stops inputs for which nothing was measured.
public struct InputValidator: Sendable, Hashable {
  /// The shape of one input, without the batch axis.
  public let shape: Shape
  /// What the elements may be.
  public let range: ClosedRange<Float>

  /// A check of inputs of this shape.
  public init(shape: Shape, range: ClosedRange<Float> = 0...1) {
    self.shape = shape
    self.range = range
  }

  /// Refuses inputs that are not `[n, …]` of this shape with n ≥ 1, finite and in the range.
  ///
  /// - Throws: `InputError.mismatch` naming both shapes; `.outOfRange` naming sample, element and value.
  public func check(_ inputs: Tensor) throws {
    guard inputs.rank == shape.rank + 1, inputs.shape[0] > 0, inputs.shape.removing(axis: 0) == shape else {
      throw InputError(
        .mismatch, "input", expected: "one or more samples of shape \(shape)", found: "\(inputs.shape)")
    }
    let rows = Array(0..<inputs.shape[0])
    try Batch(inputs: inputs, labels: IntTensor(rows.map { _ in 0 }), indices: rows).checkInputs(in: range)
  }
}
