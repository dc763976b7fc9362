import Attacks
import Foundation
import Synchronization
import TensorCore
import Testing

@Suite struct MinimalRadiusTests {
  private static let key = RandomKey(seed: 91)

  /// Moves the only element up by a radius for which it is said to work, and notes the radii it was made with.
  private struct Working: Attack {
    var budget: LInfBall
    var works: @Sendable (Float) -> Bool
    func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor {
      works(budget.radius) ? x + budget.radius : x
    }
    var description: String { "working, \(budget)" }
  }

  // A linear score falls at |f| / ‖w‖₁: what is found lies less than a step of the grid above.
  @Test func linearModels() throws {
    let model = LinearModel(classes: 2, inputs: 10, key: Self.key)
    let x = Tensor.uniform(shape: [25, 10], key: Self.key.derived("x"))
    let batch = Batch(inputs: x, labels: model.logits(x).argmax(alongAxis: 1), indices: Array(0..<25))
    let shortest = (0..<25).map { model.margins.smallestChange(of: x[row: $0], norm: .lInf).length }
    let limit = Float(shortest.sorted()[20]) + 0.001
    let search = MinimalRadius(upTo: limit, tolerance: limit / 500) {
      FastGradient(budget: LInfBall(radius: $0))
    }
    #expect(search.halvings == 9)
    let counter = QueryCounter(model)
    let result = try judge(WithinBudget(search), against: counter, on: batch, key: Self.key)
    for (found, exact) in zip(result.distances(in: .lInf), shortest) {
      if exact > Double(limit) {
        #expect(found == .infinity)
      } else {
        #expect(found >= exact - 1e-6 && found <= exact + Double(limit) / 512 + 1e-6, "\(found), \(exact)")
      }
    }
    #expect(result.distances(in: .lInf).count { $0 == .infinity } == 4)
    // one attack at the largest radius and at most nine more, two rows each, and three looks at the input
    #expect(counter.count.forwards <= 25 * 2 * 10 + 3 * 25)
  }

  // An attack that fails at ½ although it works at ¼: the interval goes up, and the answer is a radius that works next to one
  // that does not, not the smallest one.
  @Test func successNeedNotBeMonotone() {
    let model = LinearModel(score: [1])
    let asked = Mutex([Float]())
    let search = MinimalRadius(upTo: 1, tolerance: 1 / 16) { radius in
      asked.withLock { $0.append(radius) }
      return Working(budget: LInfBall(radius: radius)) { $0 == 0.25 || $0 >= 0.6 }
    }
    asked.withLock { $0 = [] }
    let point = search.closest(
      to: Tensor([[-0.1]]), against: model, goal: Untargeted(labels: IntTensor([0])), keys: [Self.key])
    #expect(abs(point[0, 0] - 0.525) < 1e-6, "found at 0.625")
    #expect(asked.withLock { $0 } == [1, 0.5, 0.75, 0.625, 0.5625])
  }

  // A point much closer than its radius shortens the interval to where it is.
  @Test func closePointsSaveRuns() {
    let asked = Mutex([Float]())
    let search = MinimalRadius(upTo: 1, tolerance: 1 / 16) { radius in
      asked.withLock { $0.append(radius) }
      return ProjectedGradient(
        budget: LInfBall(radius: radius), stepSize: 0.2, steps: 1, startsAtRandom: false)
    }
    asked.withLock { $0 = [] }
    let point = search.closest(
      to: Tensor([[-0.19]]), against: LinearModel(score: [1]), goal: Untargeted(labels: IntTensor([0])),
      keys: [Self.key])
    // 0.2 is between 3/16 and 4/16: a step of it works at every radius from there on
    #expect(abs(point[0, 0] - 0.01) < 1e-6)
    #expect(asked.withLock { $0 } == [1, 0.125, 0.1875])
  }

  // Samples that are wrong already and such that never fall come back as they are.
  @Test func nothingToFind() {
    let search = MinimalRadius(upTo: 0.25, tolerance: 0.1) { FastGradient(budget: LInfBall(radius: $0)) }
    let x = Tensor([[0.5], [-0.5]])
    let points = search.closest(
      to: x, against: LinearModel(score: [1]), goal: Untargeted(labels: IntTensor([0, 0])),
      keys: [Self.key, Self.key])
    #expect(points == x && search.norm == .lInf)
    #expect("\(search)" == "smallest radius up to 0.25 in 2^2 steps, fast gradient, L-infinity, radius 0.25")
  }

  @Test func impossibleGridsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = MinimalRadius(upTo: 1, tolerance: 0) { FastGradient(budget: L2Ball(radius: $0)) }
    }
  }
}
