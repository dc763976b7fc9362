internal import CKernels

/// A matrix product `x·B + bias` with a fixed `B`, packed into panels once: `[m, depth] → [m, columns]`.
final class PreparedProduct: Sendable {
  private let packed: Tensor
  private let bias: Tensor?
  private let depth: Int
  private let columns: Int

  /// - Parameter transposed: whether `matrix` is given as `[columns, depth]`.
  init(_ matrix: Tensor, transposed: Bool, bias: Tensor? = nil) {
    self.bias = bias
    (columns, depth) = transposed ? (matrix.shape[0], matrix.shape[1]) : (matrix.shape[1], matrix.shape[0])
    let width = ck_gemm_panel_columns()
    let panels = (columns + width - 1) / width
    packed = Tensor(uninitialized: [panels * depth * width])
    let target = SendablePointer(packed.freshPointer)
    let (depth, columns) = (self.depth, self.columns)
    withExtendedLifetime(matrix) {
      ThreadPool.run(tasks: panels) { panel in
        var shape = ck_gemm_shape(
          rows: 0, columns: min(width, columns - panel * width), depth: depth, a_row_stride: 0,
          a_column_stride: 0, b_row_stride: transposed ? 1 : columns, b_column_stride: transposed ? depth : 1,
          c_stride: 0)
        ck_gemm_pack(
          &shape, matrix.pointer + panel * width * shape.b_column_stride,
          target.pointer + panel * depth * width)
      }
    }
  }

  /// `[m, depth] → [m, columns]`.
  func callAsFunction(_ x: Tensor, thenReLU: Bool = false) -> Tensor {
    let rows = x.shape[0]
    let result = Tensor(uninitialized: [rows, columns])
    if rows == 0 || columns == 0 { return result }
    let target = SendablePointer(result.freshPointer)
    let width = ck_gemm_panel_columns()
    let panels = (columns + width - 1) / width
    let panelsPerTask = max(1, (1 << 18) / (rows * depth * width))
    withExtendedLifetime((x, bias)) {
      ThreadPool.run(count: panels, inChunksOf: panelsPerTask) { range in
        for panel in range {
          var shape = ck_gemm_shape(
            rows: rows, columns: min(width, columns - panel * width), depth: depth, a_row_stride: depth,
            a_column_stride: 1, b_row_stride: 0, b_column_stride: 0, c_stride: columns)
          let place = target.pointer + panel * width
          ck_gemm_packed(
            &shape, x.pointer, packed.pointer + panel * depth * width,
            bias.map { $0.pointer + panel * width }, place)
          if thenReLU {
            for row in 0..<rows {
              ck_unary(ck_relu, place + row * columns, place + row * columns, shape.columns)
            }
          }
        }
      }
    }
    return result
  }
}
