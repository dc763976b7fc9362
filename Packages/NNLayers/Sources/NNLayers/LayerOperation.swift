import TensorCore

/// An operation of a model in evaluation mode, and the layer that it belongs to: how a model's layers are connected, for
/// tools that change several of them in step.
public struct LayerOperation: Sendable, Hashable {
  /// The innermost layer that added the operation, as in its parameters' names: `layer1.0.conv1`; empty for the model.
  public let layer: String
  /// What it does.
  public let kind: ComputationGraph.Kind
  /// The places of its operands in the list.
  public let inputs: [Int]
  /// The result's shape, without the batch.
  public let shape: Shape
}

extension Layer {
  /// The model's operations, each after its operands, and which of them gives the output; the first is the input. They are
  /// those of `plan`: what a layer without one does is a single operation of which nothing is known.
  ///
  /// - Parameter sample: the shape of one input, without the batch.
  public func operations(for sample: Shape) -> (operations: [LayerOperation], output: Int) {
    var builder = PlanBuilder(sample: sample, keeping: [])
    let output = plan(builder.graph.input, in: &builder)
    builder.noteOwner()
    let operations = zip(builder.owners, builder.graph.descriptions).map { layer, description in
      LayerOperation(
        layer: layer, kind: description.kind, inputs: description.inputs, shape: description.shape)
    }
    return (operations, builder.graph.place(of: output))
  }
}
