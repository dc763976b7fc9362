import AutoDiffLite
import TensorCore

/// The largest element of each window: `[n, c, h, w] → [n, c, rows, columns]`.
public struct MaxPool: ReLUFusing {
  /// Size, stride and padding.
  public let window: PoolingWindow

  /// A pooling layer.
  ///
  /// - Parameters:
  ///   - size: of a window.
  ///   - stride: from one window to the next; nil: the size, so that windows lie side by side.
  ///   - padding: around the image; it never wins.
  public init(_ size: Extent, stride: Extent? = nil, padding: Extent = 0) {
    window = PoolingWindow(size, stride: stride, padding: padding)
  }

  /// `[n, c, h, w] → [n, c, rows, columns]`.
  public func callAsFunction(_ x: Variable, in pass: Pass, thenReLU: Bool) -> Variable {
    x.maxPooled(window, thenReLU: thenReLU)
  }

  /// A pooling.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    builder.graph.maxPool(x, window)
  }
}

/// The mean of each window: `[n, c, h, w] → [n, c, rows, columns]`.
public struct AveragePool: Layer {
  /// Size, stride and padding.
  public let window: PoolingWindow
  /// Whether padding counts as zeros.
  public let countsPadding: Bool

  /// A pooling layer.
  ///
  /// - Parameters:
  ///   - size: of a window.
  ///   - stride: from one window to the next; nil: the size, so that windows lie side by side.
  ///   - padding: around the image.
  ///   - countsPadding: whether padding counts as zeros, PyTorch's default; if not, the mean is that of the pixels inside.
  public init(_ size: Extent, stride: Extent? = nil, padding: Extent = 0, countsPadding: Bool = true) {
    window = PoolingWindow(size, stride: stride, padding: padding)
    self.countsPadding = countsPadding
  }

  /// `[n, c, h, w] → [n, c, rows, columns]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    x.averagePooled(window, countsPadding: countsPadding)
  }

  /// A pooling.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    builder.graph.averagePool(x, window, countsPadding: countsPadding)
  }
}

/// Means over as many windows as are wanted, which share the image evenly: `[n, c, h, w] → [n, c, size]`.
public struct AdaptiveAveragePool: Layer {
  /// The size of the output.
  public let size: Extent

  /// A pooling layer; size 1 is the mean of each channel.
  public init(_ size: Extent) { self.size = size }

  /// `[n, c, h, w] → [n, c, size.height, size.width]`.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x.adaptiveAveragePooled(to: size) }

  /// A pooling.
  public func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    builder.graph.adaptiveAveragePool(x, to: size)
  }
}
