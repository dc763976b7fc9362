import AutoDiffLite
import NNLayers
import TensorCore

/// What an attack sees of a model: inputs to logits, and which inputs are valid.
///
/// A range and the differentiable logits are enough. A model that is prepared for evaluation supplies the other two
/// without a tape; attacks and the judge call nothing else.
public protocol Classifier: Sendable {
  /// The values a valid input's elements may take, in pixel units.
  var inputRange: ClosedRange<Float> { get }
  /// `[n, …] → [n, classes]`, differentiable with respect to the input; the model's own parameters are constants.
  func logits(_ x: Variable) -> Variable
  /// The logits alone: `[n, …] → [n, classes]`.
  func logits(_ x: Tensor) -> Tensor
  /// The logits, and the gradient of a goal's objective with respect to each input, shaped as `x`. Samples do not mix.
  func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor)
}

extension Classifier {
  /// The value of the differentiable logits.
  public func logits(_ x: Tensor) -> Tensor { logits(Variable(x)).value }

  /// Passes the goal's `objectiveGradient` back through the differentiable logits.
  public func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
    let leaf = Variable.leaf(x)
    let logits = logits(leaf)
    let upstream = goal.objectiveGradient(logits.value)
    return (logits.value, logits.gradients(withRespectTo: [leaf], upstream: upstream)[0])
  }

  /// The gradient of a goal's objective with respect to each input: `[n, …] → [n, …]`. Samples do not mix.
  public func inputGradient(at x: Tensor, goal: some Goal) -> Tensor {
    logitsAndInputGradient(at: x, goal: goal).gradient
  }
}

/// A model in evaluation mode as an attack sees it.
public struct LayerClassifier<Model: Layer>: Classifier {
  /// The model.
  public let model: Model
  /// The values a valid input's elements may take.
  public let inputRange: ClosedRange<Float>

  /// A view of a model; `-.infinity ... .infinity` leaves inputs unbounded.
  public init(_ model: Model, inputRange: ClosedRange<Float> = 0...1) {
    self.model = model
    self.inputRange = inputRange
  }

  /// `[n, …] → [n, classes]`.
  public func logits(_ x: Variable) -> Variable { model(x, in: Pass(.evaluation)) }
}
