import Foundation
import TensorCore

/// A model made ready for evaluation with 8-bit weights and activations, immutable: exact deployed logits, and gradients
/// that pass rounding straight through. `Layer.quantized` makes one.
public struct QuantizedPlan: InferencePlan {
  private let network: StoredNetwork
  private let quantized: QuantizedGraph
  private let dense: CompiledGraph
  /// The shape of one input, without the batch.
  public let sample: Shape

  /// A network in 8 bits.
  init(_ network: StoredNetwork) throws {
    self.network = network
    sample = network.graph.shape(of: network.graph.input)
    quantized = try QuantizedGraph(network)
    dense = CompiledGraph(network.graph, outputs: [network.output])
  }

  /// `[n, …] → [n, classes]`, by bytes.
  public func logits(_ x: Tensor) -> Tensor { quantized.run(x) }

  /// The logits by bytes, and a gradient with respect to each input: that of the network in floats with the weights that its
  /// bytes stand for, at the same place, for the upstream gradient at the logits by bytes. Rounding of activations itself has
  /// slope 0 almost everywhere.
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

  /// The plan as a file holds it: what `DeployedNetwork` reads gives the same bytes. Weights with many zeros take less space.
  ///
  /// - Parameter metadata: text to store beside it.
  public func deployed(metadata: [String: String] = [:]) throws -> SafeTensors {
    try network.file(metadata: metadata)
  }

  /// Writes `deployed`, whole or not at all.
  public func save(to url: URL, metadata: [String: String] = [:]) throws {
    try deployed(metadata: metadata).write(to: url)
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
    builder.noteOwner()
    return try QuantizedPlan(
      StoredNetwork(
        builder.graph, output: output, names: builder.owners, calibration: calibration, rule: rule))
  }
}
