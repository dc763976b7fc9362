import Foundation
import TensorCore
import Testing

/// Against NumPy's decompositions in double precision, with its signs brought to the documented convention.
@Suite struct LinearAlgebraTests {
  let file: NPZFile

  init() throws { file = try NPZFile(contentsOf: FixtureFile.url("arrays/linear-algebra.npz")) }

  private func reference(_ name: String) throws -> Tensor { try file.array(named: name).tensor() }

  @Test(arguments: ["tall", "wide", "square"]) func singularValues(name: String) throws {
    let (u, s, vt) = try reference(name).svd()
    #expect(try u.mismatch(with: reference(name + "_u"), relativeToLargest: 2e-5) == nil)
    #expect(try s.mismatch(with: reference(name + "_s"), relativeToLargest: 2e-6) == nil)
    #expect(try vt.mismatch(with: reference(name + "_vt"), relativeToLargest: 2e-5) == nil)
  }

  // Singular values √45 and √5 by hand: AᵀA = [[25, 20], [20, 25]] has eigenvalues 45 and 5.
  @Test func singularValuesByHand() throws {
    let (u, s, vt) = try Tensor([[3, 0], [4, 5]]).svd()
    #expect(s.mismatch(with: Tensor([Float(45).squareRoot(), Float(5).squareRoot()]), ulps: 8) == nil)
    let half = Float(0.5).squareRoot()
    #expect(vt.mismatch(with: Tensor([[half, half], [half, -half]]), relativeToLargest: 1e-6) == nil)
    let tenth = Float(0.1).squareRoot()
    #expect(
      u.mismatch(with: Tensor([[tenth, 3 * tenth], [3 * tenth, -tenth]]), relativeToLargest: 1e-6) == nil)
  }

  @Test(arguments: ["tall", "wide", "square"]) func orthogonalTimesTriangular(name: String) throws {
    let (q, r) = try reference(name).qr()
    #expect(try q.mismatch(with: reference(name + "_q"), relativeToLargest: 1e-5) == nil)
    #expect(try r.mismatch(with: reference(name + "_r"), relativeToLargest: 1e-5) == nil)
  }

  @Test func choleskyFactor() throws {
    let l = try reference("symmetric").cholesky()
    #expect(try l.mismatch(with: reference("symmetric_cholesky"), relativeToLargest: 1e-6) == nil)
    // By hand; the 99 in the upper triangle must not be read, nor stand in the result.
    let small = try Tensor([[4, 99], [6, 10]]).cholesky()
    #expect(small == Tensor([[2, 0], [3, 1]]))
  }

  @Test func choleskyNamesThePivot() throws {
    let error = try inputError { _ = try Tensor([[1, 0, 0], [0, 4, 6], [0, 6, 8]]).cholesky() }
    #expect(error.found.contains("pivot 3 of 3"))
  }

  @Test func eigenvalues() throws {
    let (values, vectors) = try reference("symmetric").symmetricEigen()
    #expect(try values.mismatch(with: reference("symmetric_values"), relativeToLargest: 1e-6) == nil)
    #expect(try vectors.mismatch(with: reference("symmetric_vectors"), relativeToLargest: 1e-5) == nil)
  }

  @Test func linearSystems() throws {
    let square = try reference("square")
    let x = try square.solve(reference("right"))
    #expect(try x.mismatch(with: reference("solution"), relativeToLargest: 1e-5) == nil)
    // A vector stays one; x = 1, y = 2 by hand, and the zero forces a row exchange.
    #expect(try Tensor([[0, 2], [3, 1]]).solve(Tensor([4, 5])) == Tensor([1, 2]))
    let error = try inputError { _ = try Tensor([[1, 2], [2, 4]]).solve(Tensor([1, 1])) }
    #expect(error.found.contains("pivot 2 of 2"))
  }

  // A tensor that shares its memory must not be overwritten by LAPACK, which works in place.
  @Test func argumentsStayUnchanged() throws {
    let symmetric = try reference("symmetric")
    let copy = Tensor(shape: symmetric.shape, scalars: symmetric.scalars)
    _ = try (symmetric.svd(), symmetric.qr(), symmetric.cholesky(), symmetric.symmetricEigen())
    _ = try symmetric.solve(symmetric)
    #expect(symmetric == copy)
  }

  @Test func resultsRepeat() throws {
    let a = Tensor.normal(shape: [60, 40], key: RandomKey(seed: 1))
    let first = try a.svd()
    for _ in 0..<3 {
      let again = try a.svd()
      #expect(again.u == first.u && again.s == first.s && again.vt == first.vt)
    }
  }

  @Test(arguments: [Float.nan, .infinity]) func numbersMustBeFinite(value: Float) throws {
    let a = Tensor([[1, 0], [value, 1]])
    #expect(throws: InputError.self) { try a.svd() }
    #expect(throws: InputError.self) { try a.qr() }
    #expect(throws: InputError.self) { try a.cholesky() }
    #expect(throws: InputError.self) { try a.symmetricEigen() }
    #expect(throws: InputError.self) { try a.solve(Tensor([1, 1])) }
    #expect(throws: InputError.self) { try Tensor([[1, 0], [0, 1]]).solve(Tensor([1, value])) }
  }

  @Test func wrongShapesStop() async {
    await #expect(processExitsWith: .failure) { _ = try Tensor([1, 2]).svd() }
    await #expect(processExitsWith: .failure) { _ = try Tensor([[1, 2]]).cholesky() }
    await #expect(processExitsWith: .failure) { _ = try Tensor([[1]]).solve(Tensor([1, 2])) }
  }
}
