internal import CKernels

extension Tensor {
  /// e to the power of each element; relative error below 2⁻²².
  public func exp() -> Tensor { .unary(ck_exponential, self) }
  /// The natural logarithm of each element: −∞ at 0, NaN below.
  public func log() -> Tensor { .unary(ck_logarithm, self) }
  /// The hyperbolic tangent of each element.
  public func tanh() -> Tensor { .unary(ck_tanh, self) }
  /// 1 / (1 + e^−x) of each element.
  public func sigmoid() -> Tensor { .unary(ck_sigmoid, self) }
  /// max(x, 0) of each element; NaN stays.
  public func relu() -> Tensor { .unary(ck_relu, self) }
  /// The square root of each element.
  public func squareRoot() -> Tensor { .unary(ck_square_root, self) }
  /// Each element times itself.
  public func squared() -> Tensor { .unary(ck_square, self) }
  /// Each element without its sign.
  public func absolute() -> Tensor { .unary(ck_absolute, self) }
  /// −1, 0 or 1; 0 at 0.
  public func sign() -> Tensor { .unary(ck_sign, self) }
}
