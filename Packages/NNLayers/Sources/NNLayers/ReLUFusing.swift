import AutoDiffLite

/// A layer that can apply the ReLU that follows it in the same pass over memory. `Sequential` uses it where a `ReLU`
/// comes next, unless the layer's own output was asked for.
public protocol ReLUFusing: Layer {
  /// The layer's output, rectified if `thenReLU`: the same numbers as the layer followed by `ReLU`.
  func callAsFunction(_ x: Variable, in pass: Pass, thenReLU: Bool) -> Variable
}

extension ReLUFusing {
  /// The layer's output as it is.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { self(x, in: pass, thenReLU: false) }
}
