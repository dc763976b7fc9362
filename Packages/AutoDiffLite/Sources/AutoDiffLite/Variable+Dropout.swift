import TensorCore

extension Variable {
  /// Dropout: each element becomes 0 with probability `rate` and x / (1 − rate) else; the gradient likewise.
  ///
  /// - Parameters:
  ///   - rate: the share to drop, 0 to 1.
  ///   - keys: one a row; a row's draws depend on its key alone.
  public func dropped(rate: Float, keys: [RandomKey]) -> Variable {
    let (y, mask) = value.dropped(rate: rate, keys: keys)
    return .recorded("dropped", y, from: self) { dy in mask.gradient(upstream: dy) }
  }

  /// Each row times its constant factor, a row being what is left when the factors' axes are taken off the front:
  /// `[n, c, h, w]` by `[n, c]` scales planes.
  public func scaledRows(by factors: Tensor) -> Variable {
    .recorded("scaledRows", value.scaledRows(by: factors), from: self) { dy in dy.scaledRows(by: factors) }
  }

  /// max(x + other, 0), of the same shape: the end of a residual block in one pass. The gradient at 0 is 0.
  public func addedThenReLU(_ other: Variable) -> Variable {
    precondition(shape == other.shape, "addedThenReLU: \(shape) and \(other.shape)")
    let y = value.addedThenReLU(other.value)
    return .recorded(
      "addedThenReLU", y, from: [self, other],
      jointly: { dy, wanted in
        let part = dy.wherePositive(y)
        return wanted.map { $0 ? part : nil }
      }
    ).endingInReLU()
  }
}
