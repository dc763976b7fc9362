import Attacks
import Foundation
import TensorCore
import Testing

@Suite struct BudgetTests {
  private static let key = RandomKey(seed: 51)
  private static let radii: [Float] = [
    0, .leastNonzeroMagnitude, 5e-8, 1e-4, 0.02, 0.1, 1, 40, .greatestFiniteMagnitude,
  ]
  private static let ranges: [ClosedRange<Float>] = [
    0...1, -3...1, 0.25...0.375, -Float.infinity...Float.infinity,
  ]

  /// Points of a range, its ends among them, and candidates near to and far from them.
  private func points(in range: ClosedRange<Float>, spread: Float, key: RandomKey) -> (
    x: Tensor, candidate: Tensor
  ) {
    let finite = max(range.lowerBound, -100)...min(range.upperBound, 100)
    var x = Tensor.uniform(shape: [6, 3, 7], in: finite, key: key.derived("x")).clamped(to: range)
    x.withUnsafeMutableBufferPointer { values in
      for i in 0..<21 { values[i] = i % 2 == 0 ? finite.lowerBound : finite.upperBound }
      if range.contains(0) { for i in 21..<42 { values[i] = 0 } }
    }
    let step = Tensor.normal(shape: x.shape, standardDeviation: spread, key: key.derived("step"))
    return (x, x + step)
  }

  // Each promise of `project` for every ball, radius and range. Tiny radii against pixels near 1 hang a projection that
  // shrinks what it has already rounded; huge ones overflow one that adds in Float.
  @Test(arguments: VectorNorm.allCases) func projectionKeepsItsPromises(_ kind: VectorNorm) {
    func check(_ ball: some Budget, _ range: ClosedRange<Float>, spread: Float, key: RandomKey) {
      let (x, candidate) = points(in: range, spread: spread, key: key)
      let projected = ball.project(candidate, around: x, range: range)
      let what = "\(ball), range \(range), spread \(spread)"
      #expect(projected.shape == x.shape)
      #expect(ball.distances(projected, x).allSatisfy { $0 <= Double(ball.radius) }, "\(what): left the ball")
      for sample in 0..<x.shape[0] {
        let change = zip(projected[row: sample].scalars, x[row: sample].scalars).map {
          Double($0) - Double($1)
        }
        #expect(norm(change, kind) <= Double(ball.radius), "\(what): left the ball by the test's own norm")
      }
      #expect(projected.scalars.allSatisfy(range.contains), "\(what): left the range")
      #expect(ball.project(projected, around: x, range: range) == projected, "\(what): not idempotent")
      let clamped = candidate.clamped(to: range)
      for (sample, distance) in ball.distances(candidate, x).enumerated()
      where distance <= Double(ball.radius) {
        #expect(projected[row: sample] == clamped[row: sample], "\(what): changed an allowed sample")
      }
    }
    for (i, radius) in Self.radii.enumerated() {
      for (j, range) in Self.ranges.enumerated() {
        for (k, spread) in [Float(1e-6), 2].enumerated() {
          let key = Self.key.derived("project").derived(i).derived(j).derived(k)
          check(ball(kind, radius: radius), range, spread: spread, key: key)
        }
      }
    }
  }

  // Why the ends are rounded inwards: in Float, x + r lies outside the ball for a large share of pixels.
  @Test func roundingInwardsMatters() {
    let radius: Float = 0.1
    let x = Tensor.uniform(shape: [1, 1000], in: 0...0.8, key: Self.key.derived("naive"))
    let naive = (x + radius).scalars
    let leaves = zip(naive, x.scalars).count { Double($0) - Double($1) > Double(radius) }
    #expect(leaves > 250)
    let projected = LInfBall(radius: radius).project(x + 1, around: x, range: 0...1).scalars
    for (value, start) in zip(projected, x.scalars) {
      #expect(Double(value) - Double(start) <= Double(radius))
      // and no further inwards than one step of the pixel
      #expect(Double(value.nextUp) - Double(start) > Double(radius))
    }
  }

  // A projection that gives away much of the radius makes every attack weaker than it is.
  @Test func projectedSamplesTouchTheSurface() {
    let everywhere = -Float.infinity...Float.infinity
    let (x, candidate) = points(in: -3...1, spread: 1, key: Self.key.derived("surface"))
    for radius: Float in [0.02, 0.1, 0.5] {
      for ball: any Budget in [L2Ball(radius: radius), L1Ball(radius: radius)] {
        let projected = ball.project(candidate, around: x, range: everywhere)
        #expect(ball.distances(projected, x).allSatisfy { $0 > Double(radius) * (1 - 1e-4) }, "\(ball)")
      }
    }
  }

  // By hand: θ = (0.8 + 0.5 − 1) / 2 = 0.15, so that the third element falls to 0 (Duchi et al., 2008, figure 1).
  @Test func l1ProjectionByHand() {
    let x = Tensor([[0.5, 0.5, 0.5]])
    let projected = L1Ball(radius: 1).project(
      x + Tensor([[0.8, -0.5, 0.1]]), around: x, range: -Float.infinity...Float.infinity)
    for (value, expected) in zip(projected.scalars, [1.15, 0.15, 0.5]) {
      #expect(abs(Double(value) - expected) < 2e-6)
    }
  }

  // The nearest of 20,001 points on the edge that the offset points to.
  @Test func l1ProjectionAgainstBruteForce() {
    for trial in 0..<20 {
      let offset = Tensor.normal(
        shape: [1, 2], standardDeviation: 2, key: Self.key.derived("l1").derived(trial))
      let (a, b) = (Double(offset[0, 0]), Double(offset[0, 1]))
      guard abs(a) + abs(b) > 1 else { continue }
      let nearest = (0...20_000).map { i -> (Double, Double) in
        let part = Double(i) / 20_000
        return (a < 0 ? -part : part, b < 0 ? part - 1 : 1 - part)
      }.min { hypot($0.0 - a, $0.1 - b) < hypot($1.0 - a, $1.1 - b) }!
      let projected = L1Ball(radius: 1).project(
        offset, around: .zeros(shape: [1, 2]), range: -Float.infinity...Float.infinity)
      #expect(
        abs(Double(projected[0, 0]) - nearest.0) < 1e-4 && abs(Double(projected[0, 1]) - nearest.1) < 1e-4)
    }
  }

  // An L2 projection moves along the line to x; another way to the ball would be another attack.
  @Test func l2ProjectionKeepsTheDirection() {
    let x = Tensor([[0.5, 0.5]])
    let projected = L2Ball(radius: 0.05).project(x + Tensor([[0.3, -0.4]]), around: x, range: 0...1)
    #expect(abs(Double(projected[0, 0]) - 0.53) < 1e-6 && abs(Double(projected[0, 1]) - 0.46) < 1e-6)
  }

  @Test(arguments: VectorNorm.allCases) func steepestAscent(_ kind: VectorNorm) {
    let budget = ball(kind, radius: 1)
    // tiny gradients occur where a model is sure: their squares must not vanish
    for scale: Float in [1, 1e-25] {
      let gradient =
        scale * Tensor.normal(shape: [1, 9], standardDeviation: 1, key: Self.key.derived("gradient"))
      let best = budget.steepestAscent(gradient)
      #expect(abs(norm(best, kind) - 1) < 1e-6)
      func rise(_ step: [Double]) -> Double {
        zip(gradient.scalars, step).reduce(0) { $0 + Double($1.0) * $1.1 }
      }
      let highest = rise(best.scalars.map(Double.init))
      for i in 0..<1000 {
        let step = Tensor.normal(shape: [9], standardDeviation: 1, key: Self.key.derived("step").derived(i))
          .scalars.map(Double.init)
        #expect(rise(step.map { $0 / norm(step, kind) }) <= highest * (1 + 1e-6))
      }
    }
    // each sample by itself; a zero gradient has no direction
    let two = budget.steepestAscent(Tensor([[0, 0, 0], [0, -2, 0]]))
    #expect(two == Tensor([[0, 0, 0], [0, -1, 0]]))
  }

  @Test func impossibleRadiiAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = LInfBall(radius: -0.1) }
    await #expect(processExitsWith: .failure) { _ = L2Ball(radius: .infinity) }
    await #expect(processExitsWith: .failure) { _ = L1Ball(radius: .nan) }
  }
}
