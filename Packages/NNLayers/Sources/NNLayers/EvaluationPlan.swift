import TensorCore

/// A model made ready for evaluation, immutable: logits and gradients with respect to the input, never with respect to a
/// weight. `Layer.prepared` makes one.
///
/// Logits equal the model's in evaluation mode up to rounding (1e-5 of the largest). No new memory is needed from the
/// second call on.
public struct EvaluationPlan: Sendable {
  private let compiled: CompiledGraph
  private let names: [String]
  /// The shape of one input, without the batch.
  public let sample: Shape

  init(_ builder: PlanBuilder, output: ComputationGraph.Value) {
    names = builder.kept.keys.sorted()
    sample = builder.graph.shape(of: builder.graph.input)
    compiled = CompiledGraph(builder.graph, outputs: [output] + names.map { builder.kept[$0]! })
  }

  /// `[n, …] → [n, classes]`.
  public func logits(_ x: Tensor) -> Tensor { compiled.run(x)[0] }

  /// The logits and the outputs of the layers that were asked for, by name.
  public func logitsAndActivations(_ x: Tensor) -> (logits: Tensor, activations: [String: Tensor]) {
    let results = compiled.run(x)
    return (results[0], Dictionary(uniqueKeysWithValues: zip(names, results.dropFirst())))
  }

  /// The logits, and the gradient with respect to each input of a function of them: `[n, classes]` and `[n, …]`.
  ///
  /// - Parameter upstream: the function's gradient with respect to the logits of some rows, shaped as these; called from
  ///   several threads.
  public func logitsAndInputGradient(
    at x: Tensor, upstream: (_ logits: Tensor, _ rows: Range<Int>) -> Tensor
  ) -> (logits: Tensor, gradient: Tensor) {
    let (logits, gradient) = compiled.outputAndInputGradient(at: x, upstream: upstream)
    return (logits, gradient)
  }
}
