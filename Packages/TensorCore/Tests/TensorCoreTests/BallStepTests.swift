import Foundation
import TensorCore
import Testing

@Suite struct BallStepTests {
  private static let key = RandomKey(seed: 62)
  private static let everywhere = -Float.infinity...Float.infinity
  /// Every length of a last, partial vector, and samples longer than a task.
  private static let lengths = Array(0...35) + [63, 64, 65, 784, 20_001]

  /// A norm as a plain sum.
  private func norm(_ v: [Double], _ kind: VectorNorm) -> Double {
    switch kind {
    case .lInf: v.reduce(0) { max($0, abs($1)) }
    case .l2: v.reduce(0) { $0 + $1 * $1 }.squareRoot()
    case .l1: v.reduce(0) { $0 + abs($1) }
    }
  }

  /// The nearest point of an L2 or L1 ball; the L1 form by sorting, as in Duchi et al., figure 1.
  private func nearest(_ offset: [Double], _ kind: VectorNorm, radius: Double) -> [Double] {
    let length = norm(offset, kind)
    if length <= radius { return offset }
    if kind == .l2 { return offset.map { $0 * radius / length } }
    var (sum, cut) = (0.0, 0.0)
    for (i, magnitude) in offset.map(abs).sorted(by: >).enumerated() {
      sum += magnitude
      if magnitude - (sum - radius) / Double(i + 1) > 0 { cut = (sum - radius) / Double(i + 1) }
    }
    return offset.map { ($0 < 0 ? -1 : 1) * max(abs($0) - cut, 0) }
  }

  private func doubles(_ row: Tensor) -> [Double] { row.scalars.map(Double.init) }

  @Test(arguments: VectorNorm.allCases) func distancesAreThoseOfAPlainSum(_ kind: VectorNorm) {
    for n in Self.lengths {
      let (a, b) = (
        Tensor.normal(shape: [3, n], key: Self.key.derived("a").derived(n)),
        Tensor.normal(shape: [3, n], key: Self.key.derived("b").derived(n))
      )
      for (row, distance) in a.distances(to: b, in: kind).enumerated() {
        let plain = norm(zip(doubles(a[row: row]), doubles(b[row: row])).map { $0 - $1 }, kind)
        #expect(abs(distance - plain) <= 1e-12 * plain, "\(kind), \(n) elements")
      }
    }
    // a lost element must not look like a small distance, wherever it stands
    for place in [0, 4, 16, 18] {
      var broken = Tensor.zeros(shape: [2, 19])
      broken[1, place] = .nan
      let distances = broken.distances(to: .zeros(shape: [2, 19]), in: kind)
      #expect(distances[0] == 0 && distances[1].isNaN, "\(kind), element \(place)")
    }
    // squares of the smallest and the largest numbers are none in Float
    for value: Float in [.leastNonzeroMagnitude, .greatestFiniteMagnitude] {
      #expect(Tensor([[0, value, 0]]).distances(to: Tensor([[0, 0, 0]]), in: kind) == [Double(value)])
    }
  }

  // Each against the other end: a sign lost or a sum cut short shows.
  @Test func steepestAscentByHand() {
    let gradient = Tensor([[3, -4, 0], [0, 0, 0], [-2, 2, 1], [1e-30, -1e-30, 0]])
    #expect(gradient.steepestAscent(in: .lInf) == gradient.sign())
    let root = Float(0.5).squareRoot()
    #expect(
      gradient.steepestAscent(in: .l2)
        == Tensor([[0.6, -0.8, 0], [0, 0, 0], [-2 / 3, 2 / 3, 1 / 3], [root, -root, 0]]))
    // the first of equals
    #expect(gradient.steepestAscent(in: .l1) == Tensor([[0, -1, 0], [0, 0, 0], [-1, 0, 0], [1, 0, 0]]))
    for n in 1...40 {
      for place in 0..<n {
        var slope = Tensor.uniform(shape: [1, n], in: -1...1, key: Self.key.derived(n))
        slope[0, place] = place % 2 == 0 ? 1.5 : -1.5
        var expected = Tensor.zeros(shape: [1, n])
        expected[0, place] = place % 2 == 0 ? 1 : -1
        #expect(slope.steepestAscent(in: .l1) == expected)
      }
    }
  }

  // L2: (0.3, −0.4) has length ½ and is brought to 1/20; the second sample is inside. L1: θ = (0.8 + 0.5 − 1) / 2 = 0.15
  // takes the third element to 0.
  @Test func projectionsByHand() {
    let x = Tensor([[0.5, 0.5], [0.5, 0.5]])
    var point = x + Tensor([[0.3, -0.4], [0.01, 0.02]])
    let second = point[row: 1]
    point.project(ontoBall: .l2, around: x, radius: 0.05, range: 0...1)
    #expect(abs(Double(point[0, 0]) - 0.53) < 1e-6 && abs(Double(point[0, 1]) - 0.46) < 1e-6)
    #expect(point[row: 1] == second)
    let center = Tensor([[0.5, 0.5, 0.5]])
    var other = center + Tensor([[0.8, -0.5, 0.1]])
    other.project(ontoBall: .l1, around: center, radius: 1, range: Self.everywhere)
    for (value, expected) in zip(other.scalars, [1.15, 0.15, 0.5]) {
      #expect(abs(Double(value) - expected) < 2e-6)
    }
    // the range comes after the ball, as in Foolbox and torchattacks: 0.9 + 0.6 leaves it, and 0.8 keeps its part
    var edge = Tensor([[2.1, 2.1]])
    edge.project(ontoBall: .l2, around: Tensor([[0.9, 0.5]]), radius: 1, range: 0...1)
    #expect(edge == Tensor([[1, 1]]))
    var corner = Tensor([[3.9, 4.5]])
    corner.project(ontoBall: .l2, around: Tensor([[0.9, 0.5]]), radius: 0.5, range: 0...1)
    #expect(corner[0, 0] == 1 && abs(Double(corner[0, 1]) - 0.9) < 1e-6)
  }

  // Against Double, for every length: a sample that begins in its neighbour, a tail that is left out, a wrong cut.
  @Test(arguments: [VectorNorm.l2, .l1]) func projectionsAreTheNearestPoints(_ kind: VectorNorm) {
    for n in Self.lengths {
      for (i, range) in [0...1, -3...1, 0.25...0.375, Self.everywhere].enumerated() {
        let key = Self.key.derived(n).derived(i)
        let finite = max(range.lowerBound, -3)...min(range.upperBound, 3)
        let x = Tensor.uniform(shape: [5, n], in: finite, key: key.derived("x")).clamped(to: range)
        // some samples inside, others far outside
        let scales = Tensor([1e-4, 0.05, 0.3, 2, 1]).reshaped(to: [5, 1])
        let candidate = x + scales * Tensor.normal(shape: [5, n], key: key.derived("offset"))
        let radius: Float = kind == .l2 ? 0.4 : 3
        var point = candidate
        point.project(ontoBall: kind, around: x, radius: radius, range: range)
        #expect(point.distances(to: x, in: kind).allSatisfy { $0 <= Double(radius) })
        for row in 0..<5 {
          let (c, start) = (doubles(candidate[row: row]), doubles(x[row: row]))
          let target = zip(start, nearest(zip(c, start).map { $0 - $1 }, kind, radius: Double(radius))).map {
            min(max($0 + $1, Double(range.lowerBound)), Double(range.upperBound))
          }
          let gaps = zip(doubles(point[row: row]), target).map { abs($0 - $1) }
          #expect((gaps.max() ?? 0) < 3e-6, "\(kind), \(n) elements, \(range), row \(row)")
        }
      }
    }
  }

  // Magnitudes of every order, equal ones, and one alone: the cut is found however the elements fall away.
  @Test func l1CutsOfUnevenSamples() {
    let offsets: [[Float]] = [
      (0..<100).map { Float(pow(1.3, Double($0)) * ($0 % 2 == 0 ? 1e-6 : -1e-6)) },
      (0..<100).map { 1 - Float(pow(0.9, Double($0))) },
      (0..<100).map { $0 == 57 ? -100 : 0 },
      (0..<100).map { $0 < 3 ? 1 : -1 },
      (0..<100).map { Float($0) / 100 },
    ]
    for offset in offsets {
      let length = norm(offset.map(Double.init), .l1)
      for share in [0.001, 0.1, 0.5, 0.999, 1, 1.5] {
        let radius = Float(length * share)
        var point = Tensor([offset])
        point.project(ontoBall: .l1, around: .zeros(shape: [1, 100]), radius: radius, range: Self.everywhere)
        let expected = nearest(offset.map(Double.init), .l1, radius: Double(radius))
        let worst = zip(doubles(point[row: 0]), expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(worst < 2e-6 * Double(offset.map(abs).max()!), "radius \(radius)")
        #expect(norm(doubles(point[row: 0]), .l1) <= Double(radius) * (1 + 1e-12))
      }
    }
  }

  // The fused step is the formula, bit by bit, at every length and wherever the samples begin in memory.
  @Test(arguments: VectorNorm.allCases) func stepsAreTheFormula(_ kind: VectorNorm) {
    for n in Self.lengths {
      for (i, range) in [0...1, Self.everywhere].enumerated() {
        let key = Self.key.derived("formula").derived(n).derived(i)
        let x = Tensor.uniform(shape: [7, n], key: key.derived("x"))[rows: 2..<6]
        let gradient = Tensor.normal(shape: [7, n], key: key.derived("gradient"))[rows: 3..<7]
        let radius: Float = kind == .l1 ? 0.5 : 0.1
        // inside the range, so that no element is stuck at its end
        let start = (x + 0.01 * Tensor.uniform(shape: [4, n], in: -1...1, key: key.derived("start")))
          .clamped(to: 0.001...0.999)
        for size in [0, radius / 4, radius * 3] {
          var point = start
          point.step(along: gradient, size: size, inBall: kind, around: x, radius: radius, range: range)
          var plain = start + size * gradient.steepestAscent(in: kind)
          plain.project(ontoBall: kind, around: x, radius: radius, range: range)
          #expect(point == plain, "\(kind), \(n) elements, size \(size), \(range)")
          #expect(point.distances(to: x, in: kind).allSatisfy { $0 <= Double(radius) })
        }
      }
    }
  }

  // The steepest elements stand at the ends that the gradient points to: the step goes along the next one, and back from
  // an end it may go.
  @Test func l1StepsLeaveStuckElements() {
    let x = Tensor([[1, 0, 0.5, 0.5], [1, 0, 0.5, 0.5], [1, 1, 0, 0]])
    let gradient = Tensor([[9, -8, 1, -2], [-9, -8, 1, -2], [1, 1, -1, -1]])
    var point = x
    point.step(along: gradient, size: 0.25, inBall: .l1, around: x, radius: 1, range: 0...1)
    #expect(point == Tensor([[1, 0, 0.5, 0.25], [0.75, 0, 0.5, 0.5], [1, 1, 0, 0]]))
    // without a range nothing is stuck
    var free = x
    free.step(along: gradient, size: 0.25, inBall: .l1, around: x, radius: 1, range: Self.everywhere)
    #expect(free == Tensor([[1.25, 0, 0.5, 0.5], [0.75, 0, 0.5, 0.5], [1.25, 1, 0, 0]]))
  }

  // Every radius from none to all, on points that Double can barely tell apart: inside the ball, and touching it where
  // the pixels are fine enough.
  @Test(arguments: [VectorNorm.l2, .l1]) func extremeRadii(_ kind: VectorNorm) {
    let x = Tensor.uniform(shape: [40, 37], key: Self.key.derived("pixels"))
    let gradient = Tensor.normal(shape: [40, 37], key: Self.key.derived("slope"))
    for radius: Float in [0, .leastNonzeroMagnitude, 1e-9, 5e-8, 1e-4, 0.3, 1e4, .greatestFiniteMagnitude] {
      for scale: Float in [1e-25, 1] {
        var point = x
        for _ in 0..<5 {
          point.step(
            along: scale * gradient, size: radius, inBall: kind, around: x, radius: radius, range: 0...1)
          #expect(point.scalars.allSatisfy { $0 >= 0 && $0 <= 1 }, "\(kind), radius \(radius)")
          #expect(point.distances(to: x, in: kind).allSatisfy { $0 <= Double(radius) }, "\(kind), \(radius)")
        }
        if radius == 0 { #expect(point == x) }
      }
      var wide = x + 1e30 * gradient
      wide.project(ontoBall: kind, around: x, radius: radius, range: Self.everywhere)
      let distances = wide.distances(to: x, in: kind)
      #expect(distances.allSatisfy { $0 <= Double(radius) })
      if radius > 1e-3 && radius < 1e5 {
        #expect(distances.allSatisfy { $0 > Double(radius) * (1 - 1e-5) }, "\(kind), radius \(radius)")
      }
    }
  }

  // A lost gradient or point must stay visible, in its own sample alone; an infinite candidate is far away, no more.
  @Test(arguments: [VectorNorm.l2, .l1]) func valuesThatAreNoNumbers(_ kind: VectorNorm) {
    let x = Tensor(repeating: 0.5, shape: [3, 21])
    for place in [0, 15, 20] {
      var gradient = Tensor(repeating: 0.1, shape: [3, 21])
      gradient[1, place] = .nan
      var point = x
      point.step(along: gradient, size: 0.1, inBall: kind, around: x, radius: 1, range: 0...1)
      #expect(point[row: 0].isFinite && point[row: 2].isFinite && point[1, place].isNaN)
      var broken = x
      broken[1, place] = .nan
      broken.project(ontoBall: kind, around: x, radius: 0.1, range: 0...1)
      #expect(broken[row: 0] == x[row: 0] && broken[1, place].isNaN)
      var far = x
      far[1, place] = .infinity
      far.project(ontoBall: kind, around: x, radius: 0.1, range: Self.everywhere)
      #expect(abs(far[1, place] - 0.6) < 1e-6 && abs(far[1, 3] - 0.5) < 1e-6)
    }
  }

  // In place, but not in the memory of a copy.
  @Test func copiesAreLeftAlone() {
    let x = Tensor([[0.5, 0.5]])
    var point = x
    point.step(along: Tensor([[1, 0]]), size: 0.25, inBall: .l2, around: x, radius: 1, range: 0...1)
    #expect(point == Tensor([[0.75, 0.5]]) && x == Tensor([[0.5, 0.5]]))
  }

  @Test func otherShapesAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = Tensor([[1, 2]]).distances(to: Tensor([[1]]), in: .l2) }
    await #expect(processExitsWith: .failure) {
      var point = Tensor([[1, 2]])
      point.project(ontoBall: .l1, around: Tensor([[1]]), radius: 1, range: 0...1)
    }
    await #expect(processExitsWith: .failure) {
      var point = Tensor([[1, 2]])
      point.step(
        along: Tensor([[1]]), size: 1, inBall: .l2, around: Tensor([[1, 2]]), radius: 1, range: 0...1)
    }
    await #expect(processExitsWith: .failure) { _ = Tensor(1).steepestAscent(in: .l2) }
  }
}
