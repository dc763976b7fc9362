import AutoDiffLite
import TensorCore

/// Part of a model, and a model itself: a value that maps a batch to a batch. A forward pass never changes it.
///
/// A new layer is a struct with its parameters, the call, and the walk over them:
///
///     struct Scale: Layer {
///       var factor: Parameter
///       func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x * factor.variable }
///       mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) { visit("factor", &factor) }
///     }
public protocol Layer: Sendable {
  /// The output for a batch; random layers draw from `pass` only.
  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable

  /// Calls `visit` with each parameter and its name, always in the same order, children's names prefixed by theirs
  /// and a dot. Counting, saving, freezing, optimizing and pruning are all written on this walk.
  mutating func visitParameters(_ visit: (String, inout Parameter) -> Void)

  /// Adds what the layer does in evaluation mode to a plan and returns its result. A layer without this method is called
  /// as it is.
  func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value

  /// Calls `visit` with each tensor that is saved but not learned: running means and the like.
  mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void)

  /// Calls `visit` with each integer that is saved but not learned: how many batches were seen and the like.
  mutating func visitCounters(_ visit: (String, inout Int) -> Void)

  /// Calls `visit` with each layer inside that another one may replace, under the name of its parameters; not with those
  /// inside of these. A model that holds a layer as `any Layer` can let it be exchanged.
  mutating func visitLayers(_ visit: (String, inout any Layer) -> Void)
}

extension Layer {
  /// No parameters.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {}
  /// No buffers.
  public mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {}

  /// No counters.
  public mutating func visitCounters(_ visit: (String, inout Int) -> Void) {}

  /// No layers that could be exchanged.
  public mutating func visitLayers(_ visit: (String, inout any Layer) -> Void) {}

  /// Replaces layers inside by others, outer ones first. What takes a layer's place is not searched further.
  ///
  /// - Parameter exchange: from a layer's name and the layer to what takes its place; nil leaves it.
  /// - Throws: what the closure throws first; the model is then unchanged.
  public mutating func exchangeLayers(_ exchange: (String, any Layer) throws -> (any Layer)?) throws {
    var copy = self
    var failure: (any Error)?
    copy.visitLayers { name, layer in
      if failure != nil { return }
      do {
        if let other = try exchange(name, layer) {
          layer = other
        } else {
          try layer.exchangeLayers { try exchange("\(name).\($0)", $1) }
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
    self = copy
  }

  /// All parameters with their names, in walk order.
  public var parameters: [(name: String, parameter: Parameter)] {
    var copy = self
    var list: [(String, Parameter)] = []
    copy.visitParameters { name, parameter in list.append((name, parameter)) }
    return list
  }

  /// All buffers with their names, in walk order.
  public var buffers: [(name: String, value: Tensor)] {
    var copy = self
    var list: [(String, Tensor)] = []
    copy.visitBuffers { name, value in list.append((name, value)) }
    return list
  }

  /// All counters with their names, in walk order.
  public var counters: [(name: String, value: Int)] {
    var copy = self
    var list: [(String, Int)] = []
    copy.visitCounters { name, value in list.append((name, value)) }
    return list
  }

  /// Applies what the layers asked for during a pass: running means and the like. A training step calls it after the
  /// optimizer's step, once for each pass whose loss was differentiated.
  ///
  /// - Precondition: this model's walks have every name that was asked for, so the model runs its children under the
  ///   names of its walks.
  public mutating func applyUpdates(of pass: Pass) {
    if pass.bufferUpdates.isEmpty && pass.counts.isEmpty { return }
    var left = Set(pass.bufferUpdates.keys).union(pass.counts.keys)
    visitBuffers { name, buffer in
      for update in pass.bufferUpdates[name] ?? [] { buffer = update(buffer) }
      left.remove(name)
    }
    visitCounters { name, counter in
      counter += pass.counts[name] ?? 0
      left.remove(name)
    }
    precondition(
      left.isEmpty, "applyUpdates: the model's walks have no \"\(left.sorted().joined(separator: "\", \""))\""
    )
  }

  /// How many numbers the parameters hold, pruned and frozen ones included.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.parameter.value.count } }

  /// The logits for a batch in evaluation mode: `[n, …] → [n, classes]`.
  public func logits(_ x: Tensor) -> Tensor { self(Variable(x), in: Pass(.evaluation)).value }

  /// The class probabilities for a batch: the softmax of `logits`. Losses take logits, never these.
  public func probabilities(_ x: Tensor) -> Tensor { logits(x).softmax() }

  /// The class with the largest logit for each sample: `[n, …] → [n]`.
  public func predictions(_ x: Tensor) -> IntTensor { logits(x).argmax(alongAxis: 1) }

  /// Freezes or thaws the parameters whose names fulfil a condition.
  public mutating func setTrainable(_ isTrainable: Bool, where condition: (String) -> Bool = { _ in true }) {
    visitParameters { name, parameter in
      if condition(name) { parameter.isTrainable = isTrainable }
    }
  }
}
