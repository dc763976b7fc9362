import TensorCore

/// A model made ready for evaluation with 8-bit weights and activations, immutable: exact deployed logits, and gradients
/// that pass rounding straight through. `Layer.quantized` makes one.
public struct QuantizedPlan: Sendable {
  private let quantized: QuantizedGraph
  private let dense: CompiledGraph
  /// The shape of one input, without the batch.
  public let sample: Shape

  fileprivate init(
    _ graph: ComputationGraph, output: ComputationGraph.Value, calibration: Tensor, rule: QuantizationRule
  ) throws {
    sample = graph.shape(of: graph.input)
    quantized = try QuantizedGraph(graph, output: output, calibration: calibration, rule: rule)
    dense = CompiledGraph(graph, outputs: [output])
  }

  /// `[n, …] → [n, classes]`, by bytes.
  public func logits(_ x: Tensor) -> Tensor { quantized.run(x) }

  /// The logits by bytes, and a gradient with respect to each input: that of the unquantised network at the same place,
  /// for the upstream gradient at the logits by bytes. Rounding itself has slope 0 almost everywhere.
  /// Source: Bengio, Léonard, Courville, "Estimating or Propagating Gradients Through Stochastic Neurons", 2013.
  ///
  /// - Parameter upstream: the function's gradient with respect to the logits of some rows, shaped as these; called from
  ///   several threads.
  public func logitsAndInputGradient(
    at x: Tensor, upstream: (_ logits: Tensor, _ rows: Range<Int>) -> Tensor
  ) -> (logits: Tensor, gradient: Tensor) {
    let logits = logits(x)
    let (_, gradient) = dense.outputAndInputGradient(at: x) { _, rows in upstream(logits[rows: rows], rows) }
    return (logits, gradient)
  }
}

extension Layer {
  /// The model made ready for evaluation with 8-bit weights and activations; see `QuantizedGraph`.
  ///
  /// - Parameters:
  ///   - sample: the shape of one input, without the batch.
  ///   - calibration: inputs like those to come, `[n, …]`; a few dozen are enough.
  ///   - rule: how each activation's range follows from the calibration.
  /// - Throws: `InputError.unsupported` for operations that bytes do not have, `.outOfRange` for activations that are not
  ///   finite.
  public func quantized(
    for sample: Shape, calibration: Tensor, rule: QuantizationRule = .minMax
  ) throws -> QuantizedPlan {
    var builder = PlanBuilder(sample: sample)
    let output = plan(builder.graph.input, in: &builder)
    return try QuantizedPlan(builder.graph, output: output, calibration: calibration, rule: rule)
  }
}
