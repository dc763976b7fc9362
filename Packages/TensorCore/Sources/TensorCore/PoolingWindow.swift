internal import CKernels

/// Where a pooling layer's windows lie on a plane: their size, how far apart they begin, and by how many pixels they
/// may reach over each edge.
///
///     PoolingWindow(2)                            // 2×2, one beside the other
///     PoolingWindow(3, stride: 2, padding: 1)
///
/// A plane of height h has `(h + 2·padding − size) / stride + 1` windows, rounded down, as in PyTorch with
/// `ceil_mode=False`; a rest at the lower and right edge lies in no window.
public struct PoolingWindow: Hashable, Sendable {
  /// The size of a window.
  public let size: Extent
  /// From the beginning of one window to that of the next.
  public let stride: Extent
  /// By how much the first window begins before the plane, and the last may end behind it.
  public let padding: Extent

  /// Windows of this size; without a stride, one begins where the other ends.
  ///
  /// - Precondition: size and stride are positive, and the padding lies between 0 and half the size.
  public init(_ size: Extent, stride: Extent? = nil, padding: Extent = 0) {
    let stride = stride ?? size
    precondition(
      min(size.height, size.width, stride.height, stride.width) > 0,
      "PoolingWindow: size \(size) and stride \(stride) must be positive")
    precondition(
      padding.height >= 0 && padding.width >= 0 && 2 * padding.height <= size.height
        && 2 * padding.width <= size.width,
      "PoolingWindow: padding \(padding) must lie between 0 and half the size \(size)")
    self.size = size
    self.stride = stride
    self.padding = padding
  }
}

/// The bounds of all windows on a plane, along both axes.
struct PoolingGrid {
  /// Windows along one axis.
  struct Axis {
    private enum Layout {
      case regular(size: Int, stride: Int, padding: Int, countsPadding: Bool)
      case even
    }
    let length: Int
    /// How many windows there are.
    let count: Int
    private let layout: Layout

    /// Windows of one size at equal distances.
    init(length: Int, size: Int, stride: Int, padding: Int, countsPadding: Bool, _ name: String) {
      precondition(
        length > 0 && length + 2 * padding >= size,
        "\(name): a window of \(size) does not fit into \(length) pixels with \(padding) of padding on each side"
      )
      self.length = length
      count = (length + 2 * padding - size) / stride + 1
      layout = .regular(size: size, stride: stride, padding: padding, countsPadding: countsPadding)
    }

    /// As many windows as wanted, of nearly equal size: window i covers ⌊i·h/m⌋ ..< ⌈(i + 1)·h/m⌉.
    init(length: Int, windows: Int, _ name: String) {
      precondition(length > 0 && windows > 0, "\(name): \(length) pixels cannot give \(windows) windows")
      self.length = length
      count = windows
      layout = .even
    }

    /// The first and one past the last pixel of window i inside the plane, and the count to divide a sum by.
    func bounds(_ i: Int) -> (start: Int, end: Int, divisor: Int) {
      switch layout {
      case .regular(let size, let stride, let padding, let countsPadding):
        let (start, end) = (max(0, i * stride - padding), min(length, i * stride - padding + size))
        return (start, end, countsPadding ? size : end - start)
      case .even:
        let (start, end) = (i * length / count, ((i + 1) * length + count - 1) / count)
        return (start, end, end - start)
      }
    }

    /// The most pixels that a window can hold.
    var longest: Int {
      switch layout {
      case .regular(let size, _, _, _): min(size, length)
      case .even: min(length, (length - 1) / count + 2)
      }
    }

    /// Whether one window covers everything.
    var isWhole: Bool { count == 1 && bounds(0) == (0, length, length) }

    /// Whether the windows are pairs of pixels, one beside the other.
    var isPairs: Bool {
      switch layout {
      case .regular(let size, let stride, let padding, _): size == 2 && stride == 2 && padding == 0
      case .even: length == 2 * count
      }
    }
  }

  let rows: Axis
  let columns: Axis

  init(_ window: PoolingWindow, on shape: Shape, countsPadding: Bool, _ name: String) {
    let (size, stride, padding) = (window.size, window.stride, window.padding)
    rows = Axis(
      length: shape[2], size: size.height, stride: stride.height, padding: padding.height,
      countsPadding: countsPadding, name)
    columns = Axis(
      length: shape[3], size: size.width, stride: stride.width, padding: padding.width,
      countsPadding: countsPadding, name)
  }

  init(windows: Extent, on shape: Shape, _ name: String) {
    rows = Axis(length: shape[2], windows: windows.height, name)
    columns = Axis(length: shape[3], windows: windows.width, name)
  }

  /// Which kernel means have.
  enum Kind { case whole, pairs, other }

  var kind: Kind { rows.isWhole && columns.isWhole ? .whole : isPairs ? .pairs : .other }

  /// 2×2 windows side by side: what most networks use, with kernels of its own.
  var isPairs: Bool { rows.isPairs && columns.isPairs }

  /// The most pixels that a window can hold.
  var largestWindow: Int { rows.longest * columns.longest }

  /// The output's shape for images of this shape.
  func outputShape(for shape: Shape) -> Shape { [shape[0], shape[1], rows.count, columns.count] }

  /// Calls `body` with the bounds in the kernels' form, or with nil for the kernels that need none.
  func withKernelGrid(isNeeded: Bool, _ body: (UnsafePointer<ck_pool_grid>?) -> Void) {
    if !isNeeded { return body(nil) }
    var bounds: [UInt32] = []
    bounds.reserveCapacity(3 * (rows.count + columns.count))
    for axis in [rows, columns] {
      let windows = (0..<axis.count).map(axis.bounds)
      bounds += windows.map { UInt32($0.start) }
      bounds += windows.map { UInt32($0.end) }
      bounds += windows.map { UInt32($0.divisor) }
    }
    bounds.withUnsafeBufferPointer { buffer in
      guard let first = buffer.baseAddress else { return }
      let second = first + 3 * rows.count
      var grid = ck_pool_grid(
        height: rows.length, width: columns.length, rows: rows.count, columns: columns.count,
        row_starts: first, row_ends: first + rows.count, column_starts: second,
        column_ends: second + columns.count, row_counts: first + 2 * rows.count,
        column_counts: second + 2 * columns.count)
      body(&grid)
    }
  }
}
