import TensorCore

extension Variable {
  /// The sum of all elements, a scalar: the gradient is the same for each.
  public func sum() -> Variable {
    let shape = self.shape
    return .recorded("sum", Tensor(value.sum()), from: self) { dy in Tensor(repeating: dy.item, shape: shape)
    }
  }

  /// The mean of all elements, a scalar.
  public func mean() -> Variable {
    let (shape, count) = (self.shape, Float(value.count))
    return .recorded("mean", Tensor(value.mean()), from: self) { dy in
      Tensor(repeating: dy.item / count, shape: shape)
    }
  }

  /// Sums along one axis, which disappears: `[2, 3, 4]` along axis 1 gives `[2, 4]`.
  public func sum(alongAxis axis: Int) -> Variable {
    let shape = self.shape
    let axis = shape.validAxis(axis, for: "sum(alongAxis:)")
    return .recorded("sum(alongAxis:)", value.sum(alongAxis: axis), from: self) { dy in
      dy.expanded(axis: axis) + Tensor.zeros(shape: shape)
    }
  }

  /// The mean along one axis, which disappears.
  public func mean(alongAxis axis: Int) -> Variable {
    let axis = shape.validAxis(axis, for: "mean(alongAxis:)")
    return sum(alongAxis: axis) / Float(shape[axis])
  }

  /// The largest element along one axis, which disappears. Ties: equal elements share the gradient, as PyTorch's
  /// `amax`.
  public func max(alongAxis axis: Int) -> Variable {
    let axis = shape.validAxis(axis, for: "max(alongAxis:)")
    let x = value
    let y = x.max(alongAxis: axis)
    return .recorded("max(alongAxis:)", y, from: self) { dy in
      let winners = x .== y.expanded(axis: axis)
      return winners / winners.sum(alongAxis: axis).expanded(axis: axis) * dy.expanded(axis: axis)
    }
  }
}
