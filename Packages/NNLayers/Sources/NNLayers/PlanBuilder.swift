import AutoDiffLite
import TensorCore

/// Collects what a model's layers do in evaluation mode, as operations that can be joined and prepared.
///
/// A layer adds its operations to `graph`; a layer made of others calls `enter` for each of them, under the names that
/// `Pass.enter` has.
public struct PlanBuilder {
  /// The operations so far.
  public var graph: ComputationGraph
  private let requested: Set<String>
  private let executions: [String: WeightExecution]
  private var path = ""
  private var seen: [(name: String, shape: Shape)] = []
  private(set) var kept: [String: ComputationGraph.Value] = [:]
  /// For each operation so far the innermost layer that added it; those of the layer that is adding now may be missing.
  private(set) var owners: [String] = []

  init(sample: Shape, keeping requested: Set<String> = [], executions: [String: WeightExecution] = [:]) {
    graph = ComputationGraph(input: sample)
    self.requested = requested
    self.executions = executions
  }

  /// How the layer that adds its operations now is to compute its products.
  public var execution: WeightExecution { executions[path] ?? .dense }

  /// Adds a child's operations under its name.
  public mutating func enter(
    _ name: String, _ layer: some Layer, _ x: ComputationGraph.Value
  ) -> ComputationGraph.Value {
    noteOwner()
    let outer = path
    path = outer.isEmpty ? name : outer + "." + name
    defer { path = outer }
    let y = layer.plan(x, in: &self)
    noteOwner()
    seen.append((path, graph.shape(of: y)))
    if requested.contains(path) { kept[path] = y }
    return y
  }

  /// Calls a layer as it is, on whole batches and through the tape on the way back.
  public mutating func call(_ layer: some Layer, _ x: ComputationGraph.Value) -> ComputationGraph.Value {
    let shape = layer(
      Variable(.zeros(shape: graph.shape(of: x).inserting(axis: 0))), in: Pass(.evaluation)
    ).shape.removing(axis: 0)
    return graph.custom(
      x, shape: shape,
      ComputationGraph.Custom(
        forward: { layer(Variable($0), in: Pass(.evaluation)).value },
        gradient: { x, dy in
          let leaf = Variable.leaf(x)
          return layer(leaf, in: Pass(.evaluation)).gradients(withRespectTo: [leaf], upstream: dy)[0]
        }))
  }

  /// What was added since the last call belongs to the layer that runs.
  mutating func noteOwner() {
    owners += repeatElement(path, count: graph.operationCount - owners.count)
  }

  func checkRequested() throws {
    let names = Set(seen.map(\.name))
    // The empty name is the model's own, where it is a single layer.
    for name in requested.union(executions.keys.filter { !$0.isEmpty }).sorted() where !names.contains(name) {
      throw Pass.unknownLayer(name, seen: seen)
    }
    for (place, owner) in owners.enumerated() {
      guard let execution = executions[owner], graph.sparsity(at: place) != nil,
        !graph.canExecute(execution, at: place)
      else { continue }
      throw InputError(
        .unsupported, "execution of layer \"\(owner)\"",
        expected: graph.executions(at: place).map(\.rawValue).joined(separator: ", "),
        found: execution.rawValue)
    }
  }
}

extension Layer {
  /// Calls the layer as it is.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    builder.call(self, x)
  }

  /// The model made ready for evaluation: batch norm folded into convolutions, ReLUs and residual sums joined to them,
  /// weights packed. Changing the model later does not change the plan.
  ///
  /// - Parameters:
  ///   - sample: the shape of one input, without the batch: `[1, 28, 28]`.
  ///   - keeping: names of layers whose outputs are wanted too; they are computed apart from what follows them.
  ///   - executions: how layers compute their products, by name; the others are dense.
  /// - Throws: `InputError.missing` for an unknown name, listing the valid ones with their shapes; `.unsupported` for a way
  ///   in which a layer cannot be computed.
  public func prepared(
    for sample: Shape, keeping: Set<String> = [], executions: [String: WeightExecution] = [:]
  ) throws -> EvaluationPlan {
    var builder = PlanBuilder(sample: sample, keeping: keeping, executions: executions)
    let output = plan(builder.graph.input, in: &builder)
    builder.noteOwner()
    try builder.checkRequested()
    return EvaluationPlan(builder, output: output)
  }
}
