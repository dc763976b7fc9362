import Foundation
import TensorCore

/// A model made ready for evaluation, immutable: logits and gradients with respect to the input, never with respect to a
/// weight. `Layer.prepared` makes one.
///
/// Logits equal the model's in evaluation mode up to rounding (1e-5 of the largest). No new memory is needed from the
/// second call on.
public struct EvaluationPlan: InferencePlan {
  let compiled: CompiledGraph
  private let graph: ComputationGraph
  private let output: ComputationGraph.Value
  /// For each operation the layer that it belongs to.
  private let owners: [String]
  private let names: [String]
  /// The shape of one input, without the batch.
  public let sample: Shape

  init(_ builder: PlanBuilder, output: ComputationGraph.Value) {
    names = builder.kept.keys.sorted()
    graph = builder.graph
    self.output = output
    owners = builder.owners
    sample = graph.shape(of: graph.input)
    compiled = CompiledGraph(graph, outputs: [output] + names.map { builder.kept[$0]! })
  }

  /// A network that was stored.
  init(_ network: StoredNetwork) {
    (graph, output) = (network.graph, network.output)
    (owners, names) = (network.names, [])
    sample = graph.shape(of: graph.input)
    compiled = CompiledGraph(graph, outputs: [output])
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

  /// The plan as a file holds it, without outputs of layers that were asked for: what `DeployedNetwork` reads gives the same
  /// bits. Weights with many zeros take less space.
  ///
  /// - Parameter metadata: text to store beside it.
  /// - Throws: `InputError.unsupported` naming a layer that is called as it is.
  public func deployed(metadata: [String: String] = [:]) throws -> SafeTensors {
    try StoredNetwork(graph, output: output, names: owners).file(metadata: metadata)
  }

  /// Writes `deployed`, whole or not at all.
  public func save(to url: URL, metadata: [String: String] = [:]) throws {
    try deployed(metadata: metadata).write(to: url)
  }
}
