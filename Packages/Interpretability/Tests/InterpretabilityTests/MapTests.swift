import Foundation
import Interpretability
import TensorCore
import Testing

@Suite struct MapTests {
  // Columns of the fixture's table.
  private func statistics(_ column: Int) throws -> [Double] {
    let table = try Reference.tensor("statistics")
    return (0..<3).map { Double(table[$0, column]) }
  }

  // SciPy's entropy, the Gini index from all pairs, the top tenth (26 of 256) sorted.
  @Test func focus() throws {
    let maps = try Reference.tensor("maps")
    for i in 0..<3 {
      let focus = try #require(MapFocus(maps[row: i]))
      #expect(abs(focus.entropy - (try statistics(0)[i])) < 1e-5)
      #expect(abs(focus.relativeEntropy - (try statistics(0)[i]) / log(256)) < 1e-6)
      #expect(abs(focus.gini - (try statistics(1)[i])) < 1e-5)
      #expect(abs(focus.topTenthShare - (try statistics(2)[i])) < 1e-5)
    }
  }

  @Test func focusAtTheEnds() throws {
    let even = try #require(MapFocus(Tensor(repeating: -2, shape: [4, 5])))
    #expect(abs(even.entropy - log(20)) < 1e-12 && abs(even.relativeEntropy - 1) < 1e-12)
    #expect(abs(even.gini) < 1e-12 && abs(even.topTenthShare - 0.1) < 1e-12)
    var single = Tensor.zeros(shape: [4, 5])
    single[2, 3] = 0.01
    let focus = try #require(MapFocus(single))
    #expect(focus.entropy == 0 && focus.topTenthShare == 1 && abs(focus.gini - 0.95) < 1e-12)
    // 1, 3: Gini (−1 · ¼ + 1 · ¾) / 2; signs do not count
    #expect(abs((try #require(MapFocus(Tensor([-1, 3])))).gini - 0.25) < 1e-12)
    #expect(MapFocus(.zeros(shape: [4, 4])) == nil)
  }

  // SciPy's spearmanr, with ties, and center_of_mass.
  @Test func comparison() throws {
    let (a, b) = (try Reference.tensor("maps"), try Reference.tensor("other_maps"))
    for i in 0..<3 {
      let comparison = MapComparison(a[row: i], b[row: i])
      #expect(abs(try #require(comparison.rankCorrelation) - (try statistics(3)[i])) < 1e-5)
      #expect(abs(comparison.topFifthOverlap - (try statistics(4)[i])) < 1e-5)
      #expect(abs(try #require(comparison.centerShift) - (try statistics(5)[i])) < 1e-4)
    }
  }

  @Test func comparisonAtTheEnds() {
    let a = Tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])
    let same = MapComparison(a, 2 * a)
    #expect(same == MapComparison(a, a) && same.rankCorrelation == 1)
    #expect(same.topFifthOverlap == 1 && same.centerShift == 0)
    let opposite = MapComparison(a, 11 - a)
    #expect(opposite.rankCorrelation == -1 && opposite.topFifthOverlap == 0)
    let constant = MapComparison(a, .ones(shape: [2, 5]))
    #expect(constant.rankCorrelation == nil)
    let empty = MapComparison(a, .zeros(shape: [2, 5]))
    #expect(empty.centerShift == nil)
    // all mass in one pixel each, 3 rows and 4 columns apart
    var (one, other) = (Tensor.zeros(shape: [5, 6]), Tensor.zeros(shape: [5, 6]))
    one[1, 1] = 2
    other[4, 5] = -1
    #expect(MapComparison(one, other).centerShift == 5)
  }

  // PyTorch's interpolate, to more rows and to fewer columns.
  @Test func resizing() throws {
    let small = try Reference.tensor("plain/captum_grad_cam/5")[rows: 0..<1]
    let size = Extent(height: 13, width: 5)
    expectClose(small.resizedMaps(to: size), try Reference.tensor("resized"), within: 1e-6)
    expectClose(
      small.resizedMaps(to: size, aligningCorners: true), try Reference.tensor("resized_corners"),
      within: 1e-6)
    #expect(small.resizedMaps(to: 8) == small)
  }

  @Test func scaling() {
    let maps = Tensor(shape: [3, 1, 3], scalars: [1, 2, 5, -3, -3, -3, 0, -4, -1])
    #expect(
      maps.scaledToUnitRange() == Tensor(shape: [3, 1, 3], scalars: [0, 0.25, 1, 0, 0, 0, 1, 0, 0.75]))
  }

  // SciPy's gaussian_filter.
  @Test func blurring() throws {
    let blurred = Baseline.blurred(standardDeviation: 1.5).images(for: try Reference.images())
    expectClose(blurred, try Reference.tensor("blurred"), within: 1e-6)
  }

  // NumPy's leggauss; and 2m − 1 is the highest degree that is exact.
  @Test func quadrature() throws {
    let table = try Reference.tensor("legendre")
    for (k, node) in QuadratureRule.gaussLegendre.nodes(count: 50).enumerated() {
      #expect(abs(node.point - Double(table[0, k])) < 1e-7 && abs(node.weight - Double(table[1, k])) < 1e-8)
    }
    for count in [1, 2, 3, 8] {
      for rule in QuadratureRule.allCases {
        let degree = rule == .gaussLegendre ? 2 * count - 1 : 1
        let nodes = rule.nodes(count: count)
        let integral = nodes.reduce(0) { $0 + $1.weight * pow($1.point, Double(degree)) }
        #expect(abs(integral - 1 / Double(degree + 1)) < 1e-14, "\(rule), \(count)")
        #expect(nodes.map(\.point) == nodes.map(\.point).sorted())
      }
    }
  }
}
