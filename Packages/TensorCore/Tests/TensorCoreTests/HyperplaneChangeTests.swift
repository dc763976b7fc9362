import Foundation
import TensorCore
import Testing

@Suite struct HyperplaneChangeTests {
  private static let everywhere = -Float.infinity...Float.infinity

  private func change(
    _ x: Tensor, _ values: [Float], _ slopes: Tensor, _ norm: VectorNorm,
    range: ClosedRange<Float> = everywhere, through point: Tensor? = nil
  ) -> Tensor {
    x.shortestChange(toHyperplaneThrough: point ?? x, values: values, slopes: slopes, in: norm, range: range)
  }

  // −f / ‖w‖₁ for each element in L-infinity, −f w / ‖w‖₂² in L2; both ways to the plane, and a slope of 0 that stays.
  @Test func withoutARange() {
    let x = Tensor([[1, 2, 3], [0, 0, 0]])
    let slopes = Tensor([[2, -4, 0], [1, 2, -2]])
    #expect(change(x, [3, -9], slopes, .lInf) == Tensor([[-0.5, 0.5, 0], [1.8, 1.8, -1.8]]))
    #expect(change(x, [5, -9], slopes, .l2) == Tensor([[-0.5, 1, 0], [1, 2, -2]]))
    // linearised elsewhere: f at x is 5 + 2 · 1 − 4 · 1
    #expect(
      change(x, [5, -9], slopes, .lInf, through: Tensor([[0, 1, 7], [0, 0, 0]]))[row: 0]
        == Tensor([-0.5, 0.5, 0]))
    // on the plane already
    #expect(change(x, [0, 0], slopes, .l2) == .zeros(shape: [2, 3]))
  }

  // By hand: the first element may move 0.25 only, the others make up for it.
  @Test func elementsStopAtTheRange() {
    let x = Tensor([[0.75, 0.5, 0.5]])
    #expect(change(x, [-1], Tensor([[1, 1, -1]]), .lInf, range: 0...1) == Tensor([[0.25, 0.375, -0.375]]))
    #expect(change(x, [-1.25], Tensor([[2, 1, -1]]), .l2, range: 0...1) == Tensor([[0.25, 0.375, -0.375]]))
    // out of reach: every element goes to its end, as near as it can
    for norm in [VectorNorm.lInf, .l2] {
      #expect(change(x, [-9], Tensor([[1, 0, -1]]), norm, range: 0...1) == Tensor([[0.25, 0, -0.5]]))
      #expect(change(x, [-9], Tensor([[0, 0, 0]]), norm, range: 0...1) == .zeros(shape: [1, 3]))
    }
  }

  // Of all changes there, none is shorter: the condition of optimality, elements at the range's end apart. Lengths are those
  // that vectors of any width must cut.
  @Test(arguments: [1, 5, 16, 33, 784]) func conditionsOfOptimality(length: Int) {
    let key = RandomKey(seed: 101).derived(length)
    let count = 40
    let x = Tensor.uniform(shape: [count, length], key: key.derived("x"))
    let slopes = Tensor.normal(shape: [count, length], key: key.derived("slopes"))
    let shares = Tensor.uniform(shape: [count], in: -0.9...0.9, key: key.derived("share")).scalars
    // a share of what the range allows at most
    let values = (0..<count).map { sample in
      let gain = zip(x[row: sample].scalars, slopes[row: sample].scalars).reduce(0) { sum, pair in
        sum + pair.1 * ((pair.1 > 0) == (shares[sample] > 0) ? 1 - pair.0 : -pair.0)
      }
      return -abs(shares[sample]) * gain
    }
    for norm in [VectorNorm.lInf, .l2] {
      let change = change(x, values, slopes, norm, range: 0...1)
      for sample in 0..<count {
        let (d, w, t) = (change[row: sample].scalars, slopes[row: sample].scalars, x[row: sample].scalars)
        let gap = zip(d, w).reduce(Double(values[sample])) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(gap) < 1e-5 * Double(length), "\(norm), sample \(sample): \(gap)")
        // λ is the same for all elements that are not at an end
        let common = zip(d, w).map { norm == .lInf ? abs($0) : abs($0 / $1) }
        let free = d.indices.filter { t[$0] + d[$0] > 1e-4 && t[$0] + d[$0] < 1 - 1e-4 }
        let lambda = free.map { common[$0] }.max() ?? .infinity
        for i in d.indices {
          #expect(t[i] + d[i] > -1e-6 && t[i] + d[i] < 1 + 1e-6)
          #expect(d[i] == 0 || (d[i] > 0) == (w[i] * -values[sample] > 0))
          let isFree = free.contains(i)
          #expect(isFree ? abs(common[i] - lambda) < 2e-3 * lambda + 1e-4 : common[i] < lambda * 1.002 + 1e-3)
        }
      }
    }
  }

  @Test func wrongShapesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros(shape: [2, 3]).shortestChange(
        toHyperplaneThrough: .zeros(shape: [2, 3]), values: [0], slopes: .zeros(shape: [2, 3]), in: .l2,
        range: 0...1)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros(shape: [2, 3]).shortestChange(
        toHyperplaneThrough: .zeros(shape: [2, 3]), values: [0, 0], slopes: .zeros(shape: [2, 3]), in: .l1,
        range: 0...1)
    }
  }
}
