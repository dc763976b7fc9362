import TensorCore

/// A network made ready to be used and attacked, immutable: logits, and gradients with respect to the input, never with
/// respect to a weight.
public protocol InferencePlan: Sendable {
  /// The shape of one input, without the batch.
  var sample: Shape { get }

  /// `[n, …] → [n, classes]`.
  func logits(_ x: Tensor) -> Tensor

  /// The logits, and the gradient with respect to each input of a function of them: `[n, classes]` and `[n, …]`.
  ///
  /// - Parameter upstream: the function's gradient with respect to the logits of some rows, shaped as these; called from
  ///   several threads.
  func logitsAndInputGradient(
    at x: Tensor, upstream: (_ logits: Tensor, _ rows: Range<Int>) -> Tensor
  ) -> (logits: Tensor, gradient: Tensor)
}
