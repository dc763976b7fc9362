import AutoDiffLite
import TensorCore

/// The gradients of a loss with respect to a model's trainable parameters, in walk order.
public struct Gradients: Sendable {
  /// The parameters' names, in walk order.
  public let names: [String]
  private var positions: [String: Int]
  private var values: [Tensor]

  /// Gradients from elsewhere, for example averaged over several passes.
  ///
  /// - Precondition: as many values as names, and no name twice.
  public init(names: [String], values: [Tensor]) {
    precondition(names.count == values.count, "Gradients: \(names.count) names for \(values.count) values")
    self.names = names
    self.values = values
    positions = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in
      preconditionFailure(
        "Gradients: two parameters are called \"\(names[first])\"; give each child its own name")
    }
  }

  /// The gradient of one parameter; nil for a frozen or unknown one.
  public subscript(name: String) -> Tensor? {
    get { positions[name].map { values[$0] } }
    _modify {
      guard let position = positions[name] else {
        var none: Tensor?
        yield &none
        return
      }
      var value: Tensor? = values[position]
      values[position] = Gradients.placeholder
      yield &value
      values[position] = value ?? Gradients.placeholder
    }
  }

  // Stands in while a gradient is changed in place, so that its memory has one owner.
  private static let placeholder = Tensor(0)

  /// The L2 norm of all gradients taken as one vector.
  public var norm: Double { values.reduce(0) { $0 + $1.sumOfSquares() }.squareRoot() }

  /// Scales all gradients down so that their common L2 norm is at most `limit`; returns the norm before.
  ///
  /// As PyTorch's `clip_grad_norm_`: the factor is `limit / (norm + 1e-6)` where that is below 1. A norm that is
  /// not finite leaves the gradients as they are; check the returned value.
  @discardableResult
  public mutating func clipNorm(to limit: Double) -> Double {
    let norm = self.norm
    let factor = limit / (norm + 1e-6)
    if norm.isFinite && factor < 1 {
      for i in values.indices { values[i] *= Float(factor) }
    }
    return norm
  }
}

/// A loss and the gradients of a model's trainable parameters.
///
///     let (loss, gradients) = gradients(of: model, in: pass) { model, pass in
///       model(Variable(images), in: pass).crossEntropy(labels: labels).mean()
///     }
///
/// The model itself is constant on every tape; the closure gets a copy whose trainable parameters are leaves. Copy
/// and tape are gone when this returns, so an optimizer's step then changes the model in place. The
/// gradient of a pruned weight is 0.
///
/// - Precondition: the closure returns a single element.
public func gradients<Model: Layer>(
  of model: Model, in pass: Pass, _ loss: (_ bound: Model, _ pass: Pass) -> Variable
) -> (loss: Float, gradients: Gradients) {
  let bound = BoundModel(model)
  let result = loss(bound.model, pass)
  return (result.value.item, bound.gradients(result.gradients(withRespectTo: bound.leaves)))
}

/// A loss, the gradients of a model's trainable parameters, and the gradient of the input, all from one way back.
///
/// - Parameters:
///   - model: as it is.
///   - pass: the forward call.
///   - input: where the closure's `x` stands, `[n, …]`.
///   - loss: from a bound copy of the model and the input to a single element.
/// - Returns: `inputGradient` is shaped as `input`.
public func gradients<Model: Layer>(
  of model: Model, in pass: Pass, at input: Tensor,
  _ loss: (_ bound: Model, _ x: Variable, _ pass: Pass) -> Variable
) -> (loss: Float, gradients: Gradients, inputGradient: Tensor) {
  let bound = BoundModel(model)
  let x = Variable.leaf(input)
  let result = loss(bound.model, x, pass)
  let slopes = result.gradients(withRespectTo: [x] + bound.leaves)
  return (result.value.item, bound.gradients(Array(slopes.dropFirst())), slopes[0])
}

/// A copy of a model whose trainable parameters are leaves, with their names and masks, in walk order.
private struct BoundModel<Model: Layer> {
  private(set) var model: Model
  private(set) var leaves: [Variable] = []
  private var names: [String] = []
  private var masks: [Tensor?] = []

  init(_ model: Model) {
    self.model = model
    self.model.visitParameters { name, parameter in
      guard parameter.isTrainable else { return }
      let leaf = TapeLeaf(parameter.value)
      parameter.leaf = leaf
      leaves.append(leaf.variable)
      names.append(name)
      masks.append(parameter.mask)
    }
  }

  /// The leaves' gradients under their names. What is pruned does not vary, so it must not count in the norm either.
  func gradients(_ slopes: [Tensor]) -> Gradients {
    var slopes = slopes
    for (i, mask) in masks.enumerated() {
      if let mask { slopes[i] *= mask }
    }
    return Gradients(names: names, values: slopes)
  }
}
