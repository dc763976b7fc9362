import Attacks
import AutoDiffLite
import TensorCore
import Testing

@Suite struct QueryCounterTests {
  private static let key = RandomKey(seed: 84)
  private let model = Rowwise(classes: 3, inputs: 5, key: key)
  private let x = Tensor.uniform(shape: [7, 5], key: key.derived("x"))
  private var batch: Batch { Batch(x, labels: [0, 1, 2, 0, 1, 2, 0]) }

  // Five steps of seven samples, and the judge's two looks at each.
  @Test func whatAnAttackCosts() throws {
    let counter = QueryCounter(model)
    let attack = ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.03, steps: 5)
    let result = try judge(attack, against: counter, on: batch, key: Self.key)
    #expect(counter.count.forwards == 7 * 5 + 14 && counter.count.gradients == 7 * 5)
    #expect(try judge(attack, against: model, on: batch, key: Self.key).records == result.records)
    try counter.check(atMost: 49)
    let error = try #require(throws: InputError.self) { try counter.check(atMost: 48) }
    #expect(error.description.contains("at most 48, found 49"))
    #expect(counter.take().forwards == 49 && counter.count == .init())
  }

  // On a tape a gradient is counted when it is passed back.
  @Test func tapesAreCounted() {
    let counter = QueryCounter(model)
    let leaf = Variable.leaf(x)
    let logits = counter.logits(leaf)
    #expect(counter.count.forwards == 7 && counter.count.gradients == 0)
    let upstream = Tensor.uniform(shape: [7, 3], key: Self.key)
    let gradient = logits.gradients(withRespectTo: [leaf], upstream: upstream)[0]
    #expect(counter.count.gradients == 7)
    #expect(gradient == pullback(at: x) { model.logits($0) }(upstream))
    _ = counter.logits(x)
    #expect(counter.count.forwards == 14 && counter.count.gradients == 7)
  }
}
