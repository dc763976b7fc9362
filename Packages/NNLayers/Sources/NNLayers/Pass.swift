import AutoDiffLite
import TensorCore

/// One forward call through a model: its mode, its random key, which samples it sees, and what it is asked to keep.
/// Made for one call, never stored.
///
///     let pass = Pass(.evaluation, keeping: ["features.3"])
///     let logits = model(Variable(images), in: pass)
///     let maps = pass.activations["features.3"]
public final class Pass {
  /// Whether layers behave as in training (dropout drops, batch norm measures) or as in use.
  public enum Mode: Sendable, Hashable {
    /// Layers that differ behave as while learning.
    case training
    /// Layers behave as in use; no randomness.
    case evaluation
  }

  /// Training or evaluation; independent of whether gradients are recorded.
  public let mode: Mode
  /// The source of this pass's randomness; layers draw from their `layerKey`.
  private let key: RandomKey
  /// `[n]`, each row's index in its data set, else its row.
  public let samples: [Int]?
  /// The outputs that were asked for, by layer name.
  public private(set) var activations: [String: Variable] = [:]
  /// The name of the layer that runs, as in its parameters' names: `features.0`.
  public private(set) var path = ""

  /// What layers want to become of their buffers, by name, in call order.
  private(set) var bufferUpdates: [String: [(Tensor) -> Tensor]] = [:]
  private(set) var counts: [String: Int] = [:]

  /// A child that has run: its name, what it is where that is known, its output's shape and its place in the order in
  /// which children began.
  struct Visit {
    var name: String
    var layer: (any Layer)?
    var shape: Shape
    var position: Int
  }

  private let requested: Set<String>
  private let leaves: Set<String>
  private var isTracing = false
  private var entered = 0
  /// The children that have run, in the order in which they ended.
  private(set) var seen: [Visit] = []

  /// A pass in evaluation mode without randomness, or in training mode with a key.
  ///
  /// - Parameters:
  ///   - mode: how layers behave.
  ///   - key: where dropout and the like draw from; each step needs its own.
  ///   - samples: each row's index in its data set, so that random draws follow the sample, not its place in the
  ///     batch; nil: the row counts.
  ///   - keeping: names of layers whose outputs are kept in `activations`.
  ///   - keepingAsLeaves: names of layers whose outputs are kept too, and begin the tape anew: gradients can be asked for
  ///     with respect to them, and nothing flows to what came before.
  public init(
    _ mode: Mode, key: RandomKey = RandomKey(seed: 0), samples: [Int]? = nil, keeping: Set<String> = [],
    keepingAsLeaves leaves: Set<String> = []
  ) {
    self.mode = mode
    self.key = key
    self.samples = samples
    self.leaves = leaves
    requested = keeping.union(leaves)
  }

  /// A pass in evaluation mode that notes every child in `seen`.
  static func tracing() -> Pass {
    let pass = Pass(.evaluation)
    pass.isTracing = true
    return pass
  }

  /// The random key of the layer that runs.
  public var layerKey: RandomKey { key.derived(path) }

  /// A key for each row, derived from the running layer's key and the sample's index, so that a sample's draws do not
  /// depend on its place in the batch.
  public func sampleKeys(count: Int) -> [RandomKey] {
    let key = layerKey
    let indices = samples ?? []
    return (0..<count).map { key.derived(indices.count == count ? indices[$0] : $0) }
  }

  /// Asks for a change of one of the running layer's buffers, made by `Layer.applyUpdates` after the step.
  public func update(buffer name: String, _ change: @escaping (Tensor) -> Tensor) {
    bufferUpdates[ownName(name), default: []].append(change)
  }

  /// Asks for one more on one of the running layer's counters, counted by `Layer.applyUpdates` after the step.
  public func count(_ name: String) { counts[ownName(name), default: 0] += 1 }

  private func ownName(_ name: String) -> String { path.isEmpty ? name : path + "." + name }

  /// Whether the output of a child of the running layer was asked for, so that it must not be fused with what follows.
  public func keeps(_ name: String) -> Bool {
    !requested.isEmpty && requested.contains(path.isEmpty ? name : path + "." + name)
  }

  /// Runs a child layer under its name, and keeps its output when asked.
  public func enter(_ name: String, _ layer: any Layer, _ x: Variable) -> Variable {
    enter(name, as: layer) { layer(x, in: self) }
  }

  /// Runs a child layer under its name, rectified if `thenReLU`: in one pass over memory, unless the child's own output
  /// was asked for.
  public func enter(_ name: String, _ layer: any ReLUFusing, _ x: Variable, thenReLU: Bool) -> Variable {
    if thenReLU && keeps(name) { return enter(name, layer, x).relu() }
    return enter(name, as: layer, isHidden: thenReLU) { layer(x, in: self, thenReLU: thenReLU) }
  }

  /// Runs a closure as the child of this name, and keeps its result when asked.
  ///
  /// - Parameters:
  ///   - name: the child's name, as in its parameters' names.
  ///   - layer: what the closure calls, for `Layer.summary`.
  ///   - isHidden: whether the body computes more than the child's own output, which then is not kept.
  public func enter(
    _ name: String, as layer: (any Layer)? = nil, isHidden: Bool = false, _ body: () -> Variable
  ) -> Variable {
    let outer = path
    path = outer.isEmpty ? name : outer + "." + name
    defer { path = outer }
    let position = entered
    entered += 1
    var output = body()
    if isTracing || !requested.isEmpty {
      seen.append(Visit(name: path, layer: layer, shape: output.shape, position: position))
      if !isHidden && requested.contains(path) {
        if leaves.contains(path) { output = .leaf(output.value) }
        activations[path] = output
      }
    }
    return output
  }

  /// Checks that every requested layer has run.
  ///
  /// - Throws: `InputError.missing` that lists the valid names with their shapes.
  public func checkRequested() throws {
    for name in requested.sorted() where activations[name] == nil {
      throw Pass.unknownLayer(name, seen: seen.map { ($0.name, $0.shape) })
    }
  }

  static func unknownLayer(_ name: String, seen: [(name: String, shape: Shape)]) -> InputError {
    InputError(
      .missing, "layer \"\(name)\"",
      expected: "one of " + seen.map { "\($0.name) \($0.shape)" }.joined(separator: ", "),
      found: "no such layer")
  }
}
