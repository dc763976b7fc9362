import Foundation
import TensorCore
import Testing

@Suite struct ComparisonTests {
  private static let values: [Float] = [
    -.infinity, -2, -1, -0.0, 0, .leastNonzeroMagnitude, 1, 1.5, .infinity, .nan,
  ]
  // every value against every other one
  private let a = Tensor(values.flatMap { x in values.map { _ in x } })
  private let b = Tensor(values.flatMap { _ in values })

  private func truth(_ operation: (Float, Float) -> Bool) -> Tensor {
    Tensor(zip(a.scalars, b.scalars).map { operation($0, $1) ? 1 : 0 })
  }

  // IEEE 754: NaN is neither smaller, nor larger, nor equal, and differs from itself; the zeros are equal.
  @Test func comparisons() {
    #expect((a .< b) == truth(<))
    #expect((a .<= b) == truth(<=))
    #expect((a .> b) == truth(>))
    #expect((a .>= b) == truth(>=))
    #expect((a .== b) == truth(==))
    #expect((a .!= b) == truth(!=))
  }

  @Test func comparisonsBroadcast() {
    #expect((Tensor([[1], [2]]) .> Tensor([0, 1, 2])) == Tensor([[1, 0, 0], [1, 1, 0]]))
    #expect((Tensor([[1], [2]]) .<= Tensor([0, 1, 2])) == Tensor([[0, 1, 1], [0, 0, 1]]))
    #expect((Tensor(1) .>= Tensor([0, 1, 2])) == Tensor([1, 1, 0]))
  }

  // As torch.maximum and torch.minimum; the instruction set's own maximum would drop a NaN on one side.
  @Test func extremesKeepNaN() {
    let pairs = zip(a.scalars, b.scalars)
    let larger = Tensor(pairs.map { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) })
    let smaller = Tensor(pairs.map { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) })
    #expect(Tensor.maximum(a, b).mismatch(with: larger, ulps: 0) == nil)
    #expect(Tensor.minimum(a, b).mismatch(with: smaller, ulps: 0) == nil)
  }

  @Test func tailsOfAllLengths() {
    for n in 0...40 {
      let (x, y) = (PlainReference.uniform([n], "x"), PlainReference.uniform([n], "y"))
      let pairs = zip(x.scalars, y.scalars)
      #expect((x .< y).scalars == pairs.map { $0 < $1 ? 1 : 0 }, "\(n) elements")
      #expect(Tensor.maximum(x, y).scalars == pairs.map { Swift.max($0, $1) }, "\(n) elements")
      #expect(x.wherePositive(y).scalars == pairs.map { $1 > 0 ? $0 : 0 }, "\(n) elements")
      #expect((x .> y).select(x, otherwise: -y).scalars == pairs.map { $0 > $1 ? $0 : -$1 }, "\(n) elements")
    }
  }

  @Test func selection() {
    let mask = Tensor([1, 0, -2, .nan, -0.0])
    let result = mask.select(Tensor([1, 2, 3, 4, 5]), otherwise: Tensor([-1, -2, -3, -4, -5]))
    #expect(result == Tensor([1, -2, 3, 4, -5]))
  }

  // At exactly 0 nothing passes.
  @Test func wherePositive() {
    let gate = Tensor([-1, -0.0, 0, .leastNonzeroMagnitude, 2, .infinity])
    #expect(Tensor([1, 2, 3, 4, 5, 6]).wherePositive(gate) == Tensor([0, 0, 0, 4, 5, 6]))
  }

  @Test func clamping() {
    let x = Tensor([-.infinity, -1, 0, 0.5, 1, 2, .infinity, .nan])
    let expected = Tensor([0, 0, 0, 0.5, 1, 1, 1, .nan])
    #expect(x.clamped(to: 0...1).mismatch(with: expected, ulps: 0) == nil)
    let lower = Tensor([0, -1, 2])
    #expect(
      Tensor([-2, 0.5, 0]).clamped(lower: lower, upper: Tensor([1, 0.25, 3])) == Tensor([0, 0.25, 2]))
  }

  @Test func finiteness() {
    #expect(Tensor([Float]()).isFinite)
    #expect(Tensor([1, -.greatestFiniteMagnitude]).isFinite)
    for bad: Float in [.nan, .infinity, -.infinity] { #expect(!Tensor([1, 2, bad, 3]).isFinite) }
  }
}
