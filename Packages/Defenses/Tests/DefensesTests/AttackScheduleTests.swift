import Attacks
import Defenses
import TensorCore
import Testing

@Suite struct AttackScheduleTests {
  // r(t) = 0.5 min(1, t / 4) exactly, the step with it; later, and without a time, the full attack.
  @Test func linearRamp() {
    let schedule = AttackSchedule(radius: 0.5, warmUp: 4) { radius in
      ProjectedGradient(budget: LInfBall(radius: radius), stepSize: radius / 2, steps: 3)
    }
    for (time, radius) in [(0, 0), (1, 0.125), (2.5, 0.3125), (4, 0.5), (9, 0.5), (.infinity, 0.5)]
      as [(Double, Float)]
    {
      #expect(schedule.attack(at: time).budget.radius == radius)
      #expect(schedule.attack(at: time).stepSize == radius / 2)
    }
    #expect("\(schedule)".hasSuffix("random start, radius growing over 4.0 epochs"))
  }

  @Test func withoutRamp() {
    let schedule = AttackSchedule(FastGradient(budget: L2Ball(radius: 5)))
    #expect(schedule.attack(at: 0).budget.radius == 5)
    #expect("\(schedule)" == "fast gradient, L2, radius 5.0")
    let atOnce = AttackSchedule(radius: 1, warmUp: 0) { FastGradient(budget: L2Ball(radius: $0)) }
    #expect(atOnce.attack(at: 0).budget.radius == 1)
  }

  @Test func impossibleWarmUpsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = AttackSchedule(radius: 1, warmUp: -1) { FastGradient(budget: L2Ball(radius: $0)) }
    }
  }
}

@Suite struct NormalStartTests {
  // Close to the input but not there, each sample by its own key, within the range; everything else is the inner budget's.
  @Test func startsLieClose() {
    let key = RandomKey(seed: 8)
    let (inner, x) = (LInfBall(radius: 0.3), Tensor(repeating: 0.5, shape: [40, 50]))
    let budget = NormalStart(inner, standardDeviation: 0.01)
    let keys = (0..<40).map { key.derived($0) }
    let start = budget.randomStart(x, range: 0...1, keys: keys)
    let offset = start - x
    let deviation = (offset.sumOfSquares() / 2000).squareRoot()
    #expect(abs(deviation - 0.01) < 0.0006 && offset.absolute().max() < 0.06)
    let others = budget.randomStart(x[rows: 0..<2], range: 0...1, keys: [keys[7], keys[3]])
    #expect(others[row: 0] == start[row: 7] && others[row: 1] == start[row: 3])
    #expect(budget.randomStart(x, range: 0.5...1, keys: keys).min() == 0.5)
    #expect(NormalStart(inner, standardDeviation: 5).randomStart(x, range: -9...9, keys: keys).max() <= 0.8)

    let slope = Tensor.normal(shape: [40, 50], key: key)
    var (ours, theirs) = (start, start)
    budget.ascend(&ours, along: slope, by: 0.4, around: x, range: 0...1)
    inner.ascend(&theirs, along: slope, by: 0.4, around: x, range: 0...1)
    #expect(ours == theirs && budget.radius == 0.3 && budget.distances(start, x) == inner.distances(start, x))
    #expect(budget.steepestAscent(slope) == inner.steepestAscent(slope))
    #expect(budget.project(slope, around: x, range: 0...1) == inner.project(slope, around: x, range: 0...1))
  }
}
