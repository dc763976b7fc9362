internal import CLAPACKE

// Decompositions are unique only up to signs, and LAPACK's depend on its version and on the CPU. Each
// function fixes them by a rule, so that results can be compared.
extension Tensor {
  /// The thin singular value decomposition of a matrix: `[m, n] → [m, k], [k], [k, n]` with k = min(m, n).
  ///
  ///     A = U · diag(s) · Vᵀ,  UᵀU = VᵀV = 1,  s₁ ≥ s₂ ≥ … ≥ 0
  ///
  /// In each column of U the entry of largest magnitude (the first of equals) is positive. LAPACK's sgesdd.
  ///
  /// - Throws: `InputError.outOfRange` when a number is not finite or the iteration does not converge.
  /// - Precondition: rank 2, no axis of length 0.
  public func svd() throws -> (u: Tensor, s: Tensor, vt: Tensor) {
    let (m, n) = try matrixSizes("svd")
    let k = Swift.min(m, n)
    var a = self
    var u = Tensor(uninitialized: [m, k])
    var s = Tensor(uninitialized: [k])
    var vt = Tensor(uninitialized: [k, n])
    let status = a.withUnsafeMutableBufferPointer { a in
      u.withUnsafeMutableBufferPointer { u in
        s.withUnsafeMutableBufferPointer { s in
          vt.withUnsafeMutableBufferPointer { vt in
            LAPACKE_sgesdd(
              LAPACK_ROW_MAJOR, option("S"), Int32(m), Int32(n), a.baseAddress, Int32(n), s.baseAddress,
              u.baseAddress, Int32(k), vt.baseAddress, Int32(n))
          }
        }
      }
    }
    try Self.requireConvergence(status, "svd")
    for column in u.columnsToNegate() {
      u.negate(column: column)
      vt.negate(row: column)
    }
    return (u, s, vt)
  }

  /// The thin QR decomposition of a matrix: `[m, n] → [m, k], [k, n]` with k = min(m, n).
  ///
  ///     A = Q · R,  QᵀQ = 1,  R upper triangular with a diagonal ≥ 0
  ///
  /// LAPACK's sgeqrf and sorgqr.
  ///
  /// - Throws: `InputError.outOfRange` when a number is not finite.
  /// - Precondition: rank 2, no axis of length 0.
  public func qr() throws -> (q: Tensor, r: Tensor) {
    let (m, n) = try matrixSizes("qr")
    let k = Swift.min(m, n)
    var a = self
    var scales = [Float](repeating: 0, count: k)
    var q = Tensor(uninitialized: [m, k])
    var r = Tensor.zeros(shape: [k, n])
    let status = a.withUnsafeMutableBufferPointer { a in
      let status = LAPACKE_sgeqrf(LAPACK_ROW_MAJOR, Int32(m), Int32(n), a.baseAddress, Int32(n), &scales)
      guard status == 0 else { return status }
      r.withUnsafeMutableBufferPointer { r in
        for i in 0..<k {
          for j in i..<n { r[i * n + j] = a[i * n + j] }
        }
      }
      return LAPACKE_sorgqr(LAPACK_ROW_MAJOR, Int32(m), Int32(k), Int32(k), a.baseAddress, Int32(n), &scales)
    }
    precondition(status == 0, "qr: LAPACK refused argument \(-status)")
    q.withUnsafeMutableBufferPointer { q in
      a.withUnsafeBufferPointer { a in
        for i in 0..<m {
          for j in 0..<k { q[i * k + j] = a[i * n + j] }
        }
      }
    }
    for i in 0..<k where r[i, i] < 0 {
      q.negate(column: i)
      r.negate(row: i)
    }
    return (q, r)
  }

  /// The Cholesky factor of a symmetric positive definite matrix: `[n, n] → [n, n]`.
  ///
  ///     A = L · Lᵀ,  L lower triangular with a positive diagonal
  ///
  /// Only the lower triangle of A is read. LAPACK's spotrf.
  ///
  /// - Throws: `InputError.outOfRange` when a number is not finite, or when A is not positive definite; then
  ///   it names the first pivot that is not positive.
  /// - Precondition: rank 2, square, not empty.
  public func cholesky() throws -> Tensor {
    let n = try squareSize("cholesky")
    var l = self
    let status = l.withUnsafeMutableBufferPointer { l in
      let status = LAPACKE_spotrf(LAPACK_ROW_MAJOR, option("L"), Int32(n), l.baseAddress, Int32(n))
      for i in 0..<n {
        for j in (i + 1)..<Swift.max(n, i + 1) { l[i * n + j] = 0 }
      }
      return status
    }
    guard status == 0 else {
      throw InputError(
        .outOfRange, "cholesky", expected: "a positive definite matrix",
        found: "pivot \(status) of \(n) that is not positive",
        remedy: "Check that the matrix is symmetric, or add a small multiple of the identity.")
    }
    return l
  }

  /// Eigenvalues and eigenvectors of a symmetric matrix: `[n, n] → [n], [n, n]`.
  ///
  ///     A · V = V · diag(values),  VᵀV = 1,  values ascending
  ///
  /// The vectors are the columns; in each the entry of largest magnitude (the first of equals) is positive.
  /// Only the lower triangle of A is read. LAPACK's ssyevd.
  ///
  /// - Throws: `InputError.outOfRange` when a number is not finite or the iteration does not converge.
  /// - Precondition: rank 2, square, not empty.
  public func symmetricEigen() throws -> (values: Tensor, vectors: Tensor) {
    let n = try squareSize("symmetricEigen")
    var vectors = self
    var values = Tensor(uninitialized: [n])
    let status = vectors.withUnsafeMutableBufferPointer { vectors in
      values.withUnsafeMutableBufferPointer { values in
        LAPACKE_ssyevd(
          LAPACK_ROW_MAJOR, option("V"), option("L"), Int32(n), vectors.baseAddress, Int32(n),
          values.baseAddress)
      }
    }
    try Self.requireConvergence(status, "symmetricEigen")
    for column in vectors.columnsToNegate() { vectors.negate(column: column) }
    return (values, vectors)
  }

  /// The solution X of A · X = B for this square matrix A: `[n, n]` and `[n]` or `[n, k]` give B's shape.
  ///
  /// By LU decomposition with row exchanges, LAPACK's sgesv.
  ///
  /// - Throws: `InputError.outOfRange` when a number is not finite or A is singular; then it names the zero
  ///   pivot.
  /// - Precondition: A is square and not empty, B has as many rows.
  public func solve(_ b: Tensor) throws -> Tensor {
    let n = try squareSize("solve")
    precondition(
      (b.rank == 1 || b.rank == 2) && b.shape[0] == n,
      "solve: \(shape) needs a right-hand side [\(n)] or [\(n), k], got \(b.shape)")
    try b.requireFinite("solve")
    if b.count == 0 { return b }
    let k = b.count / n
    var a = self
    var x = b
    var pivots = [Int32](repeating: 0, count: n)
    let status = a.withUnsafeMutableBufferPointer { a in
      x.withUnsafeMutableBufferPointer { x in
        LAPACKE_sgesv(
          LAPACK_ROW_MAJOR, Int32(n), Int32(k), a.baseAddress, Int32(n), &pivots, x.baseAddress, Int32(k))
      }
    }
    guard status == 0 else {
      throw InputError(
        .outOfRange, "solve", expected: "a matrix that can be inverted",
        found: "pivot \(status) of \(n) is zero")
    }
    return x
  }

  private func matrixSizes(_ operation: String) throws -> (rows: Int, columns: Int) {
    precondition(
      rank == 2 && count > 0 && count <= Int(Int32.max),
      "\(operation): expected a matrix that is not empty, got \(shape)")
    try requireFinite(operation)
    _ = openBLASIsSerial  // LAPACK stands on OpenBLAS: its bits, too, must not depend on the number of cores
    return (shape[0], shape[1])
  }

  private func squareSize(_ operation: String) throws -> Int {
    precondition(rank == 2 && shape[0] == shape[1], "\(operation): expected a square matrix, got \(shape)")
    return try matrixSizes(operation).rows
  }

  // LAPACK may loop for ever or return nonsense otherwise.
  private func requireFinite(_ operation: String) throws {
    let position = withUnsafeBufferPointer { values in values.firstIndex { !$0.isFinite } }
    if let position {
      throw InputError(
        .outOfRange, operation, expected: "finite numbers",
        found: "\(withUnsafeBufferPointer { $0[position] }) at position \(position)")
    }
  }

  private static func requireConvergence(_ status: Int32, _ operation: String) throws {
    guard status == 0 else {
      throw InputError(
        .outOfRange, operation, expected: "a matrix for which the iteration converges",
        found: "LAPACK's status \(status)")
    }
  }

  /// The columns whose entry of largest magnitude is negative.
  private func columnsToNegate() -> [Int] {
    withUnsafeBufferPointer { values in
      (0..<shape[1]).filter { column in
        var largest = values[column]
        for row in 1..<Swift.max(shape[0], 1)
        where values[row * shape[1] + column].magnitude > largest.magnitude {
          largest = values[row * shape[1] + column]
        }
        return largest < 0
      }
    }
  }

  private mutating func negate(column: Int) {
    let (rows, columns) = (shape[0], shape[1])
    withUnsafeMutableBufferPointer { values in
      for row in 0..<rows { values[row * columns + column].negate() }
    }
  }

  private mutating func negate(row: Int) {
    let columns = shape[1]
    withUnsafeMutableBufferPointer { values in
      for column in 0..<columns { values[row * columns + column].negate() }
    }
  }
}

private func option(_ letter: UnicodeScalar) -> CChar { CChar(UInt8(ascii: letter)) }
