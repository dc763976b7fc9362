import NNLayers
import TensorCore
import Testing

@testable import Compression

/// Where sparse and dense meet, from given times by hand.
@Suite struct BreakEvenSparsityTests {
  private static func found(_ ratios: [(Double, Double)]) -> BreakEvenSparsity {
    BreakEvenSparsity(
      points: ratios.map { sparsity, ratio in
        BreakEvenSparsity.Point(
          sparsity: sparsity, LatencyComparison(seconds: [[2, 2, 2], [2 * ratio, 2 * ratio, 1]]))
      })
  }

  // 1.5 at 60 % and 0.75 at 80 %: two thirds of the way, 73.3 %. The points may come in any order.
  @Test func interpolates() {
    let found = Self.found([(0.8, 0.75), (0.5, 2), (0.6, 1.5)])
    #expect(abs(found.sparsity! - (0.6 + 0.2 * 2 / 3)) < 1e-12)
    #expect(found.description == "break-even at 73.3 % zeros")
    #expect(found.points.map(\.sparsity) == [0.5, 0.6, 0.8] && found.points[1].sparseSeconds == 3)
  }

  // A dip below 1 that does not last is no break-even.
  @Test func onlyTheLastCrossingCounts() {
    let found = Self.found([(0.5, 0.5), (0.6, 1.25), (0.7, 0.75)])
    #expect(abs(found.sparsity! - 0.65) < 1e-12)
  }

  @Test func ends() {
    let never = Self.found([(0.5, 2), (0.9, 1.25)])
    #expect(never.sparsity == nil && never.description == "break-even not reached up to 90.0 % zeros")
    let always = Self.found([(0.5, 0.75), (0.9, 0.5)])
    #expect(always.sparsity == 0.5 && always.description == "break-even at 50.0 % zeros or fewer")
  }

  // A real network: 0 % zeros is slower than dense by far, nothing but zeros faster, so a break-even is reached.
  @Test func measures() throws {
    let key = RandomKey(seed: 9)
    let model = Sequential(
      Convolution(inputs: 3, outputs: 64, kernel: 1, key: key.derived("a")),
      Convolution(inputs: 64, outputs: 64, kernel: 3, padding: 1, key: key.derived("b")), Flatten(),
      Linear(inputs: 64 * 256, outputs: 4, key: key.derived("c")))
    let found = try BreakEvenSparsity(
      of: model, on: .uniform(shape: [4, 3, 16, 16], key: key), sparsities: [0, 1], rounds: 5)
    #expect(found.points[0].ratio > 1 && found.points[1].ratio < 1)
    let sparsity = try #require(found.sparsity)
    #expect(sparsity > 0 && sparsity < 1)
    #expect(throws: InputError.self) {
      try BreakEvenSparsity(of: model, on: .uniform(shape: [1, 3, 16, 16], key: key), sparsities: [1.5])
    }
  }
}
