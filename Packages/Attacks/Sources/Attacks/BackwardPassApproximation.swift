import AutoDiffLite
import TensorCore

/// A classifier behind a step that has no useful gradient, such as rounding or JPEG: forwards through the step itself,
/// backwards through a differentiable stand-in for it (BPDA).
///
///     logits(x) = f(step(x)),   the gradient at x: Jstandin(x)ᵀ ∇f(step(x))
///
/// With the identity as stand-in this is the straight-through estimator.
///
/// Source: Athalye, Carlini, Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.1.
public struct BackwardPassApproximation<Base: Classifier>: Classifier {
  /// f.
  public let base: Base
  /// The values a valid input's elements may take, before the step.
  public let inputRange: ClosedRange<Float>
  private let step: @Sendable (Tensor) -> Tensor
  private let standIn: (@Sendable (Variable) -> Variable)?

  /// A classifier with a step before it.
  ///
  /// - Parameters:
  ///   - base: f, which sees what the step makes of an input.
  ///   - inputRange: what the inputs' elements may be before the step; nil for the base's own range.
  ///   - step: `[n, …] → [n, …]`, each sample by itself.
  ///   - standIn: as `step`, with the same shape of the result, and differentiable; nil for the identity.
  public init(
    _ base: Base, inputRange: ClosedRange<Float>? = nil, step: @escaping @Sendable (Tensor) -> Tensor,
    standIn: (@Sendable (Variable) -> Variable)? = nil
  ) {
    self.base = base
    self.inputRange = inputRange ?? base.inputRange
    self.step = step
    self.standIn = standIn
  }

  /// The base's logits of what the step makes of x.
  public func logits(_ x: Variable) -> Variable {
    let input = x.value
    let result = step(input)
    return base.logits(.recorded("approximated step", result, from: x) { pulled($0, to: input) })
  }

  /// The base's logits of what the step makes of x.
  public func logits(_ x: Tensor) -> Tensor { base.logits(step(x)) }

  /// The base's gradient, passed back through the stand-in.
  public func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
    let (logits, gradient) = base.logitsAndInputGradient(at: step(x), goal: goal)
    return (logits, pulled(gradient, to: x))
  }

  private func pulled(_ upstream: Tensor, to x: Tensor) -> Tensor {
    guard let standIn else {
      precondition(
        upstream.shape == x.shape,
        "BackwardPassApproximation: the step turns \(x.shape) into \(upstream.shape): give it a stand-in")
      return upstream
    }
    return pullback(at: x, standIn)(upstream)
  }
}
