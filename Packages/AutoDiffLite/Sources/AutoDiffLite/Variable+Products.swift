import TensorCore

extension Variable {
  /// The matrix product: `[m, k] × [k, n] → [m, n]`; `∂L/∂a = dy·bᵀ`, `∂L/∂b = aᵀ·dy`.
  public func matmul(_ other: Variable) -> Variable {
    let (a, b) = (value, other.value)
    return .recorded(
      "matmul", a.matmul(b), from: (self, { dy in dy.matmul(b, transposingOther: true) }),
      (other, { dy in a.matmul(dy, transposingSelf: true) }))
  }

  /// A fully connected layer, `x·weightᵀ + bias`: `[m, k], [n, k], [n] → [m, n]`.
  ///
  ///     ∂L/∂x = dy·weight,  ∂L/∂weight = dyᵀ·x,  ∂L/∂bias = Σᵢ dyᵢ
  public func linear(weight: Variable, bias: Variable?) -> Variable {
    let (x, w) = (value, weight.value)
    let y = x.linear(weight: w, bias: bias?.value)
    return .recorded(
      "linear", y, from: (self, { dy in dy.matmul(w) }),
      (weight, { dy in dy.matmul(x, transposingSelf: true) }),
      (bias ?? Variable(0), { dy in dy.sum(alongAxis: 0) }))
  }
}
