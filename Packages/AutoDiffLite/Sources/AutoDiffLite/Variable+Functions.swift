import TensorCore

extension Variable {
  /// e to the power of each element: `∂y/∂x = y`.
  public func exp() -> Variable {
    let y = value.exp()
    return .recorded("exp", y, from: self) { dy in dy * y }
  }

  /// The natural logarithm: `∂y/∂x = 1/x`.
  public func log() -> Variable {
    let x = value
    return .recorded("log", x.log(), from: self) { dy in dy / x }
  }

  /// The hyperbolic tangent: `∂y/∂x = 1 − y²`.
  public func tanh() -> Variable {
    let y = value.tanh()
    return .recorded("tanh", y, from: self) { dy in dy * (1 - y.squared()) }
  }

  /// 1 / (1 + e^−x): `∂y/∂x = y (1 − y)`.
  public func sigmoid() -> Variable {
    let y = value.sigmoid()
    return .recorded("sigmoid", y, from: self) { dy in dy * (y * (1 - y)) }
  }

  /// max(x, 0); the gradient at 0 is 0.
  public func relu() -> Variable {
    let y = value.relu()
    return .recorded("relu", y, from: self) { dy in dy.wherePositive(y) }.endingInReLU()
  }

  /// x where x > 0, else `slope · x`; the gradient at 0 is `slope`.
  public func leakyReLU(slope: Float = 0.01) -> Variable {
    let factor = (value .> Tensor(0)) * (1 - slope) + slope
    return .recorded("leakyReLU", value * factor, from: self) { dy in dy * factor }
  }

  /// x · Φ(x), Φ the normal distribution function; `approximate` is PyTorch's tanh form. `∂y/∂x = Φ(x) + x φ(x)`.
  public func gelu(approximate: Bool = false) -> Variable {
    let x = value
    return .recorded("gelu", x.gelu(approximate: approximate), from: self) { dy in
      x.geluGradient(upstream: dy, approximate: approximate)
    }
  }

  /// x / (1 + e^−x): with `s = 1 / (1 + e^−x)`, `∂y/∂x = s (1 + x (1 − s))`.
  public func silu() -> Variable {
    let x = value
    return .recorded("silu", x.silu(), from: self) { dy in x.siluGradient(upstream: dy) }
  }

  /// The square root: `∂y/∂x = 1 / 2y`; infinite at 0.
  public func squareRoot() -> Variable {
    let y = value.squareRoot()
    return .recorded("squareRoot", y, from: self) { dy in dy / (2 * y) }
  }

  /// Each element times itself: `∂y/∂x = 2x`.
  public func squared() -> Variable {
    let x = value
    return .recorded("squared", x.squared(), from: self) { dy in dy * (2 * x) }
  }

  /// Each element without its sign; the gradient at 0 is 0.
  public func absolute() -> Variable {
    let x = value
    return .recorded("absolute", x.absolute(), from: self) { dy in dy * x.sign() }
  }

  /// Φ⁻¹ of each element, the inverse of the normal distribution function: `∂y/∂p = √(2π) exp(y²/2)`. At 0 and 1 both y
  /// and the gradient are infinite.
  ///
  /// Near 1 a `Float` has few digits left; `−Φ⁻¹(1 − p)` from a known `1 − p` keeps them.
  ///
  /// - Precondition: elements lie in 0...1.
  public func normalQuantile() -> Variable {
    let y = Tensor(
      shape: shape, scalars: value.scalars.map { Float(NormalDistribution.quantile(Double($0))) })
    let root = Float((2 * Double.pi).squareRoot())
    return .recorded("normalQuantile", y, from: self) { dy in dy * ((0.5 * y.squared()).exp() * root) }
  }
}
