internal import CKernels
internal import COpenBLAS

/// OpenBLAS runs each call on the calling thread; the pool of `ThreadPool` shares the work.
let openBLASIsSerial: Bool = {
  openblas_set_num_threads(1)
  return true
}()

/// The OpenBLAS kernels in use, for example `Cooperlake`; results repeat bit by bit only within one.
public func openBLASCoreName() -> String { String(cString: openblas_get_corename()) }

extension Tensor {
  /// The matrix product: `[m, k] × [k, n] → [m, n]`, either side transposed first on request.
  ///
  /// - Precondition: both are matrices and the inner sizes agree.
  public func matmul(_ other: Tensor, transposingSelf: Bool = false, transposingOther: Bool = false) -> Tensor
  {
    product(other, transposingSelf, transposingOther, bias: nil)
  }

  /// A fully connected layer, `x·weightᵀ + bias`: `[m, k], [n, k], [n] → [m, n]`.
  public func linear(weight: Tensor, bias: Tensor?) -> Tensor {
    precondition(
      bias == nil || weight.rank == 2 && bias!.shape == [weight.shape[0]],
      "linear: weight \(weight.shape) with bias \(bias.map { "\($0.shape)" } ?? "none")")
    return product(weight, false, true, bias: bias)
  }

  private func product(_ other: Tensor, _ transposeA: Bool, _ transposeB: Bool, bias: Tensor?) -> Tensor {
    precondition(
      rank == 2 && other.rank == 2, "matmul: expected two matrices, got \(shape) and \(other.shape)")
    let (m, k) = transposeA ? (shape[1], shape[0]) : (shape[0], shape[1])
    let (inner, n) = transposeB ? (other.shape[1], other.shape[0]) : (other.shape[0], other.shape[1])
    precondition(k == inner, "matmul: inner sizes differ, [\(m), \(k)] × [\(inner), \(n)]")
    let result = Tensor(uninitialized: [m, n])
    let product = MatrixProduct(
      m: m, n: n, k: k, transposeA: transposeA, transposeB: transposeB, a: pointer, b: other.pointer,
      bias: bias?.pointer, c: SendablePointer(result.freshPointer))
    withExtendedLifetime((self, other, bias)) { product.run() }
    return result
  }
}

/// One product `C = A·B + bias`, cut into tasks by its shape alone. Only `A·Bᵀ` takes a bias.
private struct MatrixProduct {
  let m: Int, n: Int, k: Int
  let transposeA: Bool, transposeB: Bool
  let a: UnsafePointer<Float>, b: UnsafePointer<Float>
  let bias: UnsafePointer<Float>?
  let c: SendablePointer<Float>

  /// Sides up to this size go to the kernels of thin.c.
  private static let thin = 16
  /// Multiply-adds that are worth a task of their own. Rows that one core has gathered cost another core more to fetch
  /// than products of a few microseconds gain: with a quarter of this, 100x10x784 took twice as long on two threads.
  private static let taskWork = 1 << 20

  func run() {
    if m == 0 || n == 0 { return }
    if k == 0 {
      c.pointer.update(repeating: 0, count: m * n)
      startWithBias(rows: 0..<m, columns: 0..<n)
      return
    }
    if !transposeA && transposeB && n <= Self.thin {
      ThreadPool.run(count: m, inChunksOf: max(4, Self.taskWork / (n * k))) { rows in
        ck_thin_nt(a + rows.lowerBound * k, b, bias, c.pointer + rows.lowerBound * n, rows.count, n, k)
      }
    } else if transposeA && !transposeB && m <= Self.thin {
      // whole cache lines of columns to each task
      let columns = max(64, Self.taskWork / (m * k) / 64 * 64)
      ThreadPool.run(count: n, inChunksOf: columns) { range in
        ck_thin_tn(a, b + range.lowerBound, c.pointer + range.lowerBound, m, k, n, range.count)
      }
    } else if !transposeA && !transposeB && k <= Self.thin {
      ThreadPool.run(count: m, inChunksOf: max(4, Self.taskWork / (n * k))) { rows in
        ck_thin_nn(a + rows.lowerBound * k, b, c.pointer + rows.lowerBound * n, rows.count, k, n)
      }
    } else if suitsPanels {
      runPanels()
    } else if m >= n {
      let rows = tile(m, by: n)
      ThreadPool.run(count: m, inChunksOf: rows) { range in gemm(rows: range, columns: 0..<n) }
    } else {
      ThreadPool.run(count: n, inChunksOf: tile(n, by: m)) { range in gemm(rows: 0..<m, columns: range) }
    }
  }

  // Panels are 4 to 9 % faster than tiles of sgemm, unless they are mostly padding or have too few rows to run over.
  private var suitsPanels: Bool {
    let padding = (16 - n % 16) % 16
    return m >= 12 && padding * 10 <= n
  }

  private func runPanels() {
    let width = ck_gemm_panel_columns()
    let rows = 2048
    let panels = (n + width - 1) / width
    let scratch = width * Int(ck_gemm_panel_depth)
    let panelsPerTask = max(1, Self.taskWork / (min(m, rows) * k * width))
    let groups = (panels + panelsPerTask - 1) / panelsPerTask
    ThreadPool.run(tasks: groups * ((m + rows - 1) / rows)) { task in
      guard let panel = ck_buffer_take(scratch) else { preconditionFailure("matmul: out of memory") }
      defer { ck_buffer_return(panel, scratch) }
      let first = task / groups * rows
      let columns =
        (task % groups * panelsPerTask * width)..<min(n, (task % groups + 1) * panelsPerTask * width)
      for start in stride(from: columns.lowerBound, to: columns.upperBound, by: width) {
        var shape = ck_gemm_shape(
          rows: min(rows, m - first), columns: min(width, n - start), depth: k,
          a_row_stride: transposeA ? 1 : k,
          a_column_stride: transposeA ? m : 1, b_row_stride: transposeB ? 1 : n,
          b_column_stride: transposeB ? k : 1, c_stride: n)
        ck_gemm_panel(
          &shape, a + first * shape.a_row_stride, b + start * shape.b_column_stride, bias.map { $0 + start },
          c.pointer + first * n + start, panel)
      }
    }
  }

  // 128 rows a tile cost 4 % against one large product; thinner tiles cost more.
  private func tile(_ length: Int, by other: Int) -> Int {
    max(128, (Self.taskWork / max(1, other * k) + 15) / 16 * 16)
  }

  private func gemm(rows: Range<Int>, columns: Range<Int>) {
    _ = openBLASIsSerial
    let (lda, ldb) = (transposeA ? m : k, transposeB ? k : n)
    let aStart = transposeA ? rows.lowerBound : rows.lowerBound * lda
    let bStart = transposeB ? columns.lowerBound * ldb : columns.lowerBound
    startWithBias(rows: rows, columns: columns)
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      Int32(rows.count), Int32(columns.count), Int32(k), 1, a + aStart, Int32(lda), b + bStart, Int32(ldb),
      bias == nil ? 0 : 1, c.pointer + rows.lowerBound * n + columns.lowerBound, Int32(n))
  }

  // sgemm then adds to the bias, which also spares it the pass that clears C.
  private func startWithBias(rows: Range<Int>, columns: Range<Int>) {
    guard let bias else { return }
    for row in rows {
      let place = c.pointer + row * n + columns.lowerBound
      place.update(from: bias + columns.lowerBound, count: columns.count)
    }
  }
}
