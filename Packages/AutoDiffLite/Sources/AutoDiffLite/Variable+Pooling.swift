import TensorCore

extension Variable {
  /// The largest element of each window: `[n, c, h, w] → [n, c, rows, columns]`. The gradient goes to that element, to
  /// the first in row-major order among equals.
  ///
  /// - Parameters:
  ///   - window: size, stride and padding; padding never wins.
  ///   - thenReLU: whether max(0, ·) follows; the gradient at 0 is 0.
  public func maxPooled(_ window: PoolingWindow, thenReLU: Bool = false) -> Variable {
    if isConstant { return Variable(value.maxPooled(window, thenReLU: thenReLU)) }
    let (y, places) = value.maxPooledWithPlaces(window, thenReLU: thenReLU)
    return .recorded("maxPooled", y, from: self) { dy in places.gradient(upstream: dy) }
      .endingInReLU(thenReLU)
  }

  /// The mean of each window: `[n, c, h, w] → [n, c, rows, columns]`; every element of a window gets its share of the
  /// gradient.
  ///
  /// - Parameter countsPadding: whether padding counts as zeros; if not, the mean is that of the pixels inside.
  public func averagePooled(_ window: PoolingWindow, countsPadding: Bool = true) -> Variable {
    let input = shape
    return .recorded(
      "averagePooled", value.averagePooled(window, countsPadding: countsPadding), from: self
    ) { dy in
      dy.averagePoolingGradient(window, countsPadding: countsPadding, input: input)
    }
  }

  /// The mean of each of `size` windows that share the plane evenly, as PyTorch's `AdaptiveAvgPool2d`:
  /// `[n, c, h, w] → [n, c, size.height, size.width]`.
  public func adaptiveAveragePooled(to size: Extent) -> Variable {
    let input = shape
    return .recorded("adaptiveAveragePooled", value.adaptiveAveragePooled(to: size), from: self) { dy in
      dy.adaptiveAveragePoolingGradient(input: input)
    }
  }
}
