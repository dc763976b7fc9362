import Foundation
import TensorCore
import Testing

@Suite struct ProductTests {
  /// The product in Double, and for each element the sum of the terms' magnitudes, to which rounding is
  /// relative.
  private static func exact(
    _ a: Tensor, _ b: Tensor, _ transposeA: Bool, _ transposeB: Bool
  ) -> (product: [Double], magnitude: [Double], shape: Shape) {
    let (x, y) = (a.scalars.map(Double.init), b.scalars.map(Double.init))
    let (m, k) = transposeA ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
    let n = transposeB ? b.shape[0] : b.shape[1]
    var (product, magnitude) = ([Double](repeating: 0, count: m * n), [Double](repeating: 0, count: m * n))
    for i in 0..<m {
      for j in 0..<n {
        for l in 0..<k {
          let term = x[transposeA ? l * m + i : i * k + l] * y[transposeB ? j * k + l : l * n + j]
          product[i * n + j] += term
          magnitude[i * n + j] += abs(term)
        }
      }
    }
    return (product, magnitude, [m, n])
  }

  /// Checks one product of random matrices: every element within the bound `k · 2⁻²⁴ · Σ |terms|` of Higham,
  /// "Accuracy and Stability of Numerical Algorithms", section 3.1, for any order of additions.
  private static func check(m: Int, n: Int, k: Int, _ transposeA: Bool, _ transposeB: Bool) {
    let a = PlainReference.uniform(transposeA ? [k, m] : [m, k], "a \(m) \(n) \(k)")
    let b = PlainReference.uniform(transposeB ? [n, k] : [k, n], "b \(m) \(n) \(k)")
    let y = a.matmul(b, transposingSelf: transposeA, transposingOther: transposeB)
    let (product, magnitude, shape) = exact(a, b, transposeA, transposeB)
    let name = "[\(m), \(k)] × [\(k), \(n)], transposed \(transposeA), \(transposeB)"
    #expect(y.shape == shape, "\(name)")
    let wrong = zip(y.scalars, zip(product, magnitude)).filter {
      !(abs(Double($0) - $1.0) <= Double(k + 1) * 0x1p-24 * $1.1)
    }
    #expect(wrong.isEmpty, "\(name): \(wrong.count) of \(y.count) elements are wrong")
  }

  static let combinations = [(false, false), (false, true), (true, false), (true, true)]

  // Each side from 1 to 17 by itself, thin kernels and OpenBLAS on both sides of the change at 16, with odd
  // other sides: the rows and columns left over after blocks of 4 or 5 and vectors of 4, 8 and 16.
  @Test(arguments: combinations) func thinSides(transposeA: Bool, transposeB: Bool) {
    for side in 1...17 {
      for (p, q) in [(1, 1), (3, 7), (5, 33), (9, 70), (21, 131)] {
        Self.check(m: side, n: p, k: q, transposeA, transposeB)
        Self.check(m: p, n: side, k: q, transposeA, transposeB)
        Self.check(m: p, n: q, k: side, transposeA, transposeB)
      }
    }
  }

  @Test(arguments: combinations) func oddSizes(transposeA: Bool, transposeB: Bool) {
    for (m, n, k) in [(65, 63, 31), (33, 20, 129), (20, 300, 17), (257, 19, 40), (64, 64, 64)] {
      Self.check(m: m, n: n, k: k, transposeA, transposeB)
    }
  }

  // Whole numbers, exact in any order: sizes that several tasks share, in each of the five ways a product is
  // cut. A task at the wrong place leaves memory as it was or writes twice.
  @Test(arguments: [
    (3000, 10, 100, false, true), (10, 700, 1001, true, false), (2000, 500, 10, false, false),
    (700, 40, 60, false, true), (40, 900, 60, false, false), (900, 40, 50, true, true),
    (33, 1000, 70, true, true),
  ])
  func sharedAmongTasks(m: Int, n: Int, k: Int, transposeA: Bool, transposeB: Bool) {
    // a[i][l] = i mod 5 + l mod 3 and b[l][j] = j mod 7 + 1, so each sum has a closed form
    let aValues = { (i: Int, l: Int) in Float(i % 5 + l % 3) }
    let bValues = { (j: Int) in Float(j % 7 + 1) }
    let a = Tensor(shape: transposeA ? [k, m] : [m, k]) { x in
      for i in 0..<m { for l in 0..<k { x[transposeA ? l * m + i : i * k + l] = aValues(i, l) } }
    }
    let b = Tensor(shape: transposeB ? [n, k] : [k, n]) { x in
      for j in 0..<n { for l in 0..<k { x[transposeB ? j * k + l : l * n + j] = bValues(j) } }
    }
    let thirds = (0..<k).reduce(0) { $0 + $1 % 3 }
    let expected = Tensor(shape: [m, n]) { y in
      for i in 0..<m { for j in 0..<n { y[i * n + j] = Float(k * (i % 5) + thirds) * bValues(j) } }
    }
    #expect(a.matmul(b, transposingSelf: transposeA, transposingOther: transposeB) == expected)
  }

  // An empty inner side is a sum of nothing; the result's memory comes uninitialised.
  @Test(arguments: combinations) func emptySides(transposeA: Bool, transposeB: Bool) {
    func product(_ m: Int, _ n: Int, _ k: Int) -> Tensor {
      Tensor.ones(shape: transposeA ? [k, m] : [m, k]).matmul(
        .ones(shape: transposeB ? [n, k] : [k, n]), transposingSelf: transposeA, transposingOther: transposeB)
    }
    for (m, n) in [(2, 3), (20, 30), (1, 1)] { #expect(product(m, n, 0) == .zeros(shape: [m, n])) }
    #expect(product(0, 3, 2).shape == [0, 3])
    #expect(product(3, 0, 2).shape == [3, 0])
  }

  // The bias belongs to the column; thin outputs add it in the kernel, others after OpenBLAS.
  @Test(arguments: [1, 2, 5, 10, 16, 17, 40, 300]) func linear(outputs: Int) {
    for (rows, inputs) in [(1, 3), (7, 20), (150, 33), (6, 0)] {
      let x = PlainReference.uniform([rows, inputs], "x")
      let weight = PlainReference.uniform([outputs, inputs], "weight")
      let bias = PlainReference.uniform([outputs], "bias")
      let plain = x.matmul(weight, transposingOther: true)
      #expect(x.linear(weight: weight, bias: nil) == plain)
      let expected = plain + bias
      #expect(x.linear(weight: weight, bias: bias).mismatch(with: expected, relativeToLargest: 1e-6) == nil)
    }
  }

  // A NaN or infinity must reach every sum that it belongs to and no other.
  @Test(arguments: combinations) func specialValuesStayInTheirRow(transposeA: Bool, transposeB: Bool) {
    for (m, n, k) in [(5, 7, 6), (40, 30, 20)] {
      var a = Tensor.ones(shape: [m, k])
      a[2, 3] = .nan
      let b = Tensor.ones(shape: [k, n])
      let y = (transposeA ? a.transposed() : a).matmul(
        transposeB ? b.transposed() : b, transposingSelf: transposeA, transposingOther: transposeB)
      for i in 0..<m { for j in 0..<n { #expect(y[i, j].isNaN == (i == 2)) } }
    }
  }

  // Tiles must depend on the shape alone. In a process of its own: the thread count is the whole process's.
  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let sizes = [
        (1000, 10, 785), (10, 785, 1000), (333, 257, 129), (100, 513, 300), (901, 700, 13), (64, 64, 3000),
      ]
      let hashes = [1, 2, 4, 8].map { threads in
        ThreadPool.threadCount = threads
        return PlainReference.hash(
          sizes.flatMap { m, n, k in
            Self.combinations.map { transposeA, transposeB in
              PlainReference.uniform(transposeA ? [k, m] : [m, k], "a").matmul(
                PlainReference.uniform(transposeB ? [n, k] : [k, n], "b"), transposingSelf: transposeA,
                transposingOther: transposeB)
            }
          })
      }
      #expect(Set(hashes).count == 1, "\(hashes)")
    }
  }

  // A row must not depend on which rows are computed beside it in the thin kernels: leftover rows go one by
  // one.
  @Test func thinRowsDoNotDependOnTheirNeighbours() {
    let (x, weight) = (PlainReference.uniform([23, 100], "x"), PlainReference.uniform([10, 100], "weight"))
    let whole = x.linear(weight: weight, bias: nil)
    for row in 0..<23 {
      let alone = x[rows: row..<(row + 1)].linear(weight: weight, bias: nil)
      #expect(PlainReference.sameBits(alone, whole[rows: row..<(row + 1)]), "row \(row)")
    }
  }
}
