import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@testable import Attacks

@Suite struct SquareAttackTests {
  private static let key = RandomKey(seed: 94)
  private static func keys(_ count: Int) -> [RandomKey] { (0..<count).map { key.derived($0) } }

  // The authors' windows at every query where the schedule changes, for images of MNIST's and CIFAR's size.
  @Test(arguments: [28, 32]) func sidesAreTheAuthors(image: Int) throws {
    let queries = try MNISTSample.fixture.integers("square/queries").scalars.map(Int.init)
    let expected = try MNISTSample.fixture.integers("square/sides/\(image)").scalars.map(Int.init)
    let x = Tensor.zeros(shape: [1, 3, image, image])
    let attack = SquareAttack(budget: LInfBall(radius: 0.1))
    let signs = SignWindows(budget: LInfBall(radius: 0.1), x: x, range: 0...1)
    let masses = MassWindows(budget: L2Ball(radius: 1), x: x, range: 0...1)
    let sides =
      queries.map { signs.side(of: attack.share(at: $0)) }
      + queries.map { masses.side(of: attack.share(at: $0)) }
    #expect(sides == expected)
    // as in the paper: of 10,000 queries
    let rescaled = SquareAttack(budget: LInfBall(radius: 0.1), queries: 1000, rescalesSchedule: true)
    for query in queries { #expect(rescaled.share(at: query / 10) == attack.share(at: query / 10 * 10)) }
  }

  @Test(arguments: [3, 5, 6, 8]) func windowsAreTheAuthors(side: Int) throws {
    let expected = try MNISTSample.fixture.tensor("square/window/\(side)")
    let window = MassWindows.Window(side: side)
    for y in 0..<side {
      for z in 0..<side {
        #expect(abs(window[y, z, isTransposed: false] - expected[y, z]) < 1e-6)
        #expect(window[y, z, isTransposed: true] == window[z, y, isTransposed: false])
      }
    }
  }

  // L-infinity: stripes at the start, then squares; every pixel at an end of what is allowed, and every place is found.
  @Test func signWindowsAreSquares() {
    let count = 400
    let x = Tensor.uniform(shape: [count, 2, 6, 7], key: Self.key)
    let ball = LInfBall(radius: 0.25)
    let windows = SignWindows(budget: ball, x: x, range: 0...1)
    let (low, high) = (
      ball.project(x - 0.25, around: x, range: 0...1), ball.project(x + 0.25, around: x, range: 0...1)
    )
    let start = windows.start(keys: Self.keys(count))
    var ups = 0
    for sample in 0..<count {
      for channel in 0..<2 {
        for column in 0..<7 {
          let isUp = (0..<6).map { start[sample, channel, $0, column] == high[sample, channel, $0, column] }
          let isDown = (0..<6).map { start[sample, channel, $0, column] == low[sample, channel, $0, column] }
          #expect(!isUp.contains(false) || !isDown.contains(false))
          ups += isUp.contains(false) ? 0 : 1
        }
      }
    }
    // a fair coin: five standard deviations
    let spread = Double(count * 14).squareRoot() / 2
    #expect(abs(Double(ups - count * 7)) < 5 * spread)
    let moved = windows.changed(low, side: 3, keys: Self.keys(count))
    var places = [Int: Int]()
    for sample in 0..<count {
      let changed = (0..<42).filter { i in
        (0..<2).contains { moved[sample, $0, i / 7, i % 7] != low[sample, $0, i / 7, i % 7] }
      }
      guard let first = changed.first else { continue }
      let square = [0, 1, 2, 7, 8, 9, 14, 15, 16].map { first + $0 }
      #expect(changed == square, "sample \(sample)")
      for channel in 0..<2 {
        let ends = changed.map {
          moved[sample, channel, $0 / 7, $0 % 7] == high[sample, channel, $0 / 7, $0 % 7]
        }
        #expect(Set(ends).count == 1)
      }
      places[first, default: 0] += 1
    }
    #expect(places.count == 4 * 5)
    // both channels stay at the lower end for a quarter of the draws
    #expect(abs(places.values.reduce(0, +) - 300) < 45)
  }

  // L2: on the ball's surface, one window emptied and one filled, the rest only rescaled.
  @Test func massWindowsKeepTheLength() {
    let count = 200
    let x = Tensor(repeating: 0.5, shape: [count, 2, 10, 10])
    let ball = L2Ball(radius: 0.5)
    let windows = MassWindows(budget: ball, x: x, range: 0...1)
    let start = windows.start(keys: Self.keys(count))
    let moved = windows.changed(start, side: 3, keys: Self.keys(count).map { $0.derived(1) })
    for point in [start, moved] {
      #expect(ball.distances(point, x).allSatisfy { abs($0 - 0.5) < 1e-5 && $0 <= 0.5 })
    }
    var emptied = 0
    for sample in 0..<count {
      let (before, after) = (
        start[row: sample].scalars.map { $0 - 0.5 }, moved[row: sample].scalars.map { $0 - 0.5 }
      )
      // 25 tiles of 2 × 2, each with a positive and a negative half
      #expect(before.allSatisfy { $0 != 0 })
      #expect(abs(before.reduce(0, +)) < 1e-4)
      emptied += after.count { $0 == 0 } > 0 ? 1 : 0
      // outside the two windows of 9 pixels the signs stay, and the ratios
      let ratios = zip(after, before).map { $0 / $1 }
      let common = ratios.sorted()[ratios.count / 2]
      #expect(ratios.count { abs($0 - common) < 1e-3 } >= 200 - 2 * 18)
    }
    // but for windows that coincide
    #expect(emptied > 190)
  }

  // The mass of both windows goes into one, so that a change already of full length needs no rescaling: by hand, one channel.
  @Test func massIsConserved() {
    let x = Tensor.zeros(shape: [30, 1, 9, 9])
    let ball = L2Ball(radius: 1)
    let windows = MassWindows(budget: ball, x: x, range: -1...1)
    let start = windows.start(keys: Self.keys(30))
    let moved = windows.changed(start, side: 3, keys: Self.keys(30).map { $0.derived(1) })
    for sample in 0..<30 {
      let same = zip(start[row: sample].scalars, moved[row: sample].scalars).count { abs($0 - $1) < 1e-6 }
      #expect(same >= 81 - 18, "sample \(sample)")
    }
  }

  // Against a linear score the best change is known; a search without gradients comes close, and closer with more queries.
  @Test(arguments: [VectorNorm.lInf, .l2]) func linearModelsAreNearlySolved(_ norm: VectorNorm) {
    let weights = Tensor.normal(shape: [36], key: Self.key.derived("w")).scalars
    let model = OnImages(inner: LinearModel(score: weights))
    let x = Tensor.zeros(shape: [4, 1, 6, 6])
    let best =
      norm == .lInf ? weights.reduce(0) { $0 + abs($1) } : weights.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let goal = Surrogate(
      Beyond(score: 2 * best),
      climbing: Margin(ClassAim(classes: IntTensor([0, 0, 0, 0]), isTargeted: false)))
    func scores(_ ball: some NormBall, _ queries: Int) -> [Float] {
      let attack = SquareAttack(budget: ball, queries: queries)
      let changed = attack.perturb(x, against: model, goal: goal, key: Self.key)
      return (0..<4).map { model.logits(changed)[$0, 1] / best }
    }
    func check(_ ball: some NormBall, reach: Float) {
      let (few, many) = (scores(ball, 20), scores(ball, 3000))
      #expect(zip(few, many).allSatisfy { $0 < $1 })
      #expect(many.allSatisfy { $0 > reach && $0 <= 1.0001 }, "\(norm): \(few), \(many)")
      #expect(Set(few).count > 1)
    }
    if norm == .lInf { check(LInfBall(radius: 1), reach: 0.95) } else { check(L2Ball(radius: 1), reach: 0.6) }
  }

  /// A score that is never reached.
  private struct Beyond: Goal {
    let score: Float
    func isReached(_ logits: Tensor) -> [Bool] { (0..<logits.shape[0]).map { logits[$0, 1] > score } }
    func objective(_ logits: Variable) -> Variable { logits.sum(alongAxis: 1) }
    func part(_ rows: [Int]) -> Beyond? { self }
    var aim: ClassAim? { nil }
  }

  // Logits only; as many as queries, and none for samples that fell; the trace tells how many each took.
  @Test func queriesAreCounted() throws {
    let inner = Rowwise(classes: 4, inputs: 16, key: Self.key)
    let model = QueryCounter(OnImages(inner: inner))
    let x = Tensor.uniform(shape: [20, 1, 4, 4], key: Self.key.derived("x"))
    let goal = Untargeted(labels: model.base.logits(x).argmax(alongAxis: 1))
    let attack = SquareAttack(budget: LInfBall(radius: 0.04), queries: 30)
    let (changed, trace) = attack.traced(x, against: model, goal: goal, keys: Self.keys(20))
    let steps = try #require(trace).stepsToSuccess
    #expect(steps.contains(nil))
    #expect(steps.contains { ($0 ?? 0) > 1 }, "\(steps)")
    let asked = steps.reduce(0) { $0 + ($1 ?? 29) + 1 }
    #expect(model.take() == .init(forwards: asked, gradients: 0))
    #expect(goal.isReached(model.base.logits(changed)) == steps.map { $0 != nil })
    #expect(attack.perturb(x, against: model, goal: goal, keys: Self.keys(20)) == changed)
    // samples do not mix
    for rows in [[4], [19, 0], [7, 3, 3]] {
      let some = attack.perturb(
        x.gathered(rows: rows), against: model, goal: Untargeted(labels: goal.labels.gathered(rows: rows)),
        keys: rows.map { Self.keys(20)[$0] })
      #expect(some == changed.gathered(rows: rows))
    }
  }

  @Test func flatInputsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = SquareAttack(budget: LInfBall(radius: 0.1)).perturb(
        .zeros(shape: [1, 4]), against: LinearModel(score: [1, 1, 1, 1]),
        goal: Untargeted(labels: IntTensor([0])),
        key: RandomKey(seed: 0))
    }
  }
}
