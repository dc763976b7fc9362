import AutoDiffLite
import NNLayers
import TensorCore

/// What an attack sees of a model: inputs to logits, and which inputs are valid.
public protocol Classifier: Sendable {
  /// The values a valid input's elements may take, in pixel units.
  var inputRange: ClosedRange<Float> { get }
  /// `[n, …] → [n, classes]`, differentiable with respect to the input; the model's own parameters are constants.
  func logits(_ x: Variable) -> Variable
}

extension Classifier {
  /// The logits without a tape.
  public func logits(_ x: Tensor) -> Tensor { logits(Variable(x)).value }
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
