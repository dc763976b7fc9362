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

  /// What most networks use, with kernels of its own.
  var isPairs: Bool { size == 2 && stride == 2 && padding == 0 }
}

/// The bounds of all windows on a plane, along both axes.
struct PoolingGrid {
  /// Windows along one axis: the first and one past the last pixel inside the plane, and the count to divide a sum by.
  struct Axis {
    var length: Int
    var starts: [UInt32] = []
    var ends: [UInt32] = []
    var counts: [UInt32] = []

    /// Windows of one size at equal distances.
    init(length: Int, size: Int, stride: Int, padding: Int, countsPadding: Bool, _ name: String) {
      self.length = length
      precondition(
        length > 0 && length + 2 * padding >= size,
        "\(name): a window of \(size) does not fit into \(length) pixels with \(padding) of padding on each side"
      )
      for start in Swift.stride(from: -padding, through: length + padding - size, by: stride) {
        append(max(0, start), min(length, start + size), countsPadding ? size : nil)
      }
    }

    /// As many windows as wanted, of nearly equal size: window i covers ⌊i·h/m⌋ ..< ⌈(i + 1)·h/m⌉.
    init(length: Int, windows: Int, _ name: String) {
      self.length = length
      precondition(length > 0 && windows > 0, "\(name): \(length) pixels cannot give \(windows) windows")
      for i in 0..<windows { append(i * length / windows, ((i + 1) * length + windows - 1) / windows, nil) }
    }

    private mutating func append(_ start: Int, _ end: Int, _ count: Int?) {
      starts.append(UInt32(start))
      ends.append(UInt32(end))
      counts.append(UInt32(count ?? end - start))
    }
  }

  var rows: Axis
  var columns: Axis

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

  /// The most pixels that a window holds.
  var largestWindow: Int {
    func longest(_ axis: Axis) -> Int { zip(axis.starts, axis.ends).reduce(0) { max($0, Int($1.1 - $1.0)) } }
    return longest(rows) * longest(columns)
  }

  /// The output's shape for images of this shape.
  func outputShape(for shape: Shape) -> Shape {
    [shape[0], shape[1], rows.starts.count, columns.starts.count]
  }

  /// Calls `body` with the bounds in the kernels' form.
  func withKernelGrid(_ body: (UnsafePointer<ck_pool_grid>) -> Void) {
    let (rowCount, columnCount) = (rows.starts.count, columns.starts.count)
    let bounds =
      rows.starts + rows.ends + rows.counts + columns.starts + columns.ends + columns.counts
    bounds.withUnsafeBufferPointer { buffer in
      guard let first = buffer.baseAddress else { return }
      let second = first + 3 * rowCount
      var grid = ck_pool_grid(
        height: rows.length, width: columns.length, rows: rowCount, columns: columnCount, row_starts: first,
        row_ends: first + rowCount, column_starts: second, column_ends: second + columnCount,
        row_counts: first + 2 * rowCount, column_counts: second + 2 * columnCount)
      body(&grid)
    }
  }
}
