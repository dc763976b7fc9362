import TensorCore

// Each operand's gradient may come in the broadcast shape: the engine sums it back.
extension Variable {
  /// The sum; axes of length 1 repeat.
  public static func + (a: Variable, b: Variable) -> Variable {
    .recorded("+", a.value + b.value, from: (a, { dy in dy }), (b, { dy in dy }))
  }

  /// The difference; axes of length 1 repeat.
  public static func - (a: Variable, b: Variable) -> Variable {
    .recorded("-", a.value - b.value, from: (a, { dy in dy }), (b, { dy in -dy }))
  }

  /// The product, element by element: `∂/∂a = b`, `∂/∂b = a`; axes of length 1 repeat.
  public static func * (a: Variable, b: Variable) -> Variable {
    let (x, y) = (a.value, b.value)
    return .recorded("*", x * y, from: (a, { dy in dy * y }), (b, { dy in dy * x }))
  }

  /// The quotient, element by element: `∂/∂a = 1/b`, `∂/∂b = −a/b²`; axes of length 1 repeat.
  public static func / (a: Variable, b: Variable) -> Variable {
    let (x, y) = (a.value, b.value)
    return .recorded("/", x / y, from: (a, { dy in dy / y }), (b, { dy in -(dy * x / y.squared()) }))
  }

  /// Adds a number to every element.
  public static func + (a: Variable, b: Float) -> Variable { a + Variable(b) }
  /// Adds every element to a number.
  public static func + (a: Float, b: Variable) -> Variable { Variable(a) + b }
  /// Subtracts a number from every element.
  public static func - (a: Variable, b: Float) -> Variable { a - Variable(b) }
  /// Subtracts every element from a number.
  public static func - (a: Float, b: Variable) -> Variable { Variable(a) - b }
  /// Multiplies every element by a number.
  public static func * (a: Variable, b: Float) -> Variable { a * Variable(b) }
  /// Multiplies every element by a number.
  public static func * (a: Float, b: Variable) -> Variable { Variable(a) * b }
  /// Divides every element by a number.
  public static func / (a: Variable, b: Float) -> Variable { a / Variable(b) }
  /// Divides a number by every element.
  public static func / (a: Float, b: Variable) -> Variable { Variable(a) / b }
  /// Every element with the other sign.
  public static prefix func - (x: Variable) -> Variable {
    .recorded("negate", -x.value, from: x) { dy in -dy }
  }

  /// The larger of each pair. Where both are equal each gets half of the gradient, as in PyTorch.
  public static func maximum(_ a: Variable, _ b: Variable) -> Variable {
    let (x, y) = (a.value, b.value)
    return .recorded(
      "maximum", .maximum(x, y), from: (a, { dy in dy * share(of: x, over: y) }),
      (b, { dy in dy * share(of: y, over: x) }))
  }

  /// The smaller of each pair. Where both are equal each gets half of the gradient, as in PyTorch.
  public static func minimum(_ a: Variable, _ b: Variable) -> Variable {
    let (x, y) = (a.value, b.value)
    return .recorded(
      "minimum", .minimum(x, y), from: (a, { dy in dy * share(of: y, over: x) }),
      (b, { dy in dy * share(of: x, over: y) }))
  }

  // 1 where the winner is larger, ½ where both are equal
  private static func share(of winner: Tensor, over other: Tensor) -> Tensor {
    (winner .> other) + 0.5 * (winner .== other)
  }

  /// Each element moved into the range; the gradient passes where the element was inside, its ends included, as in
  /// PyTorch.
  public func clamped(to range: ClosedRange<Float>) -> Variable {
    let x = value
    return .recorded("clamped", x.clamped(to: range), from: self) { dy in
      dy * ((x .>= Tensor(range.lowerBound)) * (x .<= Tensor(range.upperBound)))
    }
  }
}
