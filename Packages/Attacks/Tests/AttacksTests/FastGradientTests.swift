import Attacks
import Foundation
import TensorCore
import Testing

@Suite struct FastGradientTests {
  private static let key = RandomKey(seed: 52)

  // Against a linear score w·x no change of a given norm does better than radius · ‖w‖*, and one step attains it.
  @Test(arguments: VectorNorm.allCases) func linearScoresFallByTheDualNorm(_ kind: VectorNorm)
    throws
  {
    func check(_ budget: some Budget) throws {
      for trial in 0..<5 {
        let key = Self.key.derived(trial)
        let w = Tensor.normal(shape: [30], standardDeviation: 1, key: key.derived("w")).scalars
        let x = Tensor.uniform(shape: [1, 30], in: -1...1, key: key.derived("x"))
        let model = LinearModel(score: w)
        let v = w.map(Double.init)
        let dual =
          switch kind {
          case .lInf: norm(v, .l1)
          case .l2: norm(v, .l2)
          case .l1: norm(v, .lInf)
          }
        let changed = FastGradient(budget: budget).perturb(
          x, against: model, goal: Targeted(target: 1, count: 1), key: key)
        let rise =
          model.scores(changed.scalars.map(Double.init))[1] - model.scores(x.scalars.map(Double.init))[1]
        #expect(abs(rise - Double(budget.radius) * dual) < 1e-5 * dual, "\(budget)")
        // away from label 1 is the other way, as far
        let away = FastGradient(budget: budget).perturb(
          x, against: model, goal: Untargeted(labels: IntTensor([1])), key: key)
        let fall =
          model.scores(x.scalars.map(Double.init))[1] - model.scores(away.scalars.map(Double.init))[1]
        #expect(abs(fall - Double(budget.radius) * dual) < 1e-5 * dual, "\(budget)")
      }
    }
    try check(ball(kind, radius: 0.3))
  }

  // The document's example: w·x = −3 and (x + w/2)·w = 2; sigmoid(−3) = 4.74 %, sigmoid(2) = 88.08 %.
  @Test func documentExample() throws {
    let w: [Float] = [-1, -1, 1, -1, 1, -1, 1, 1, -1, 1]
    let x = Tensor([[2, -1, 3, -2, 2, 2, 1, -4, 5, 1]])
    let attack = FastGradient(budget: LInfBall(radius: 0.5))
    let result = try judge(
      attack, against: LinearModel(score: w), on: Batch(x, labels: [0]), targets: IntTensor([1]),
      key: Self.key)
    let record = result.records[0]
    #expect(record.clean.label == 0 && abs(record.clean.confidence - 0.9526) < 5e-5)
    #expect(record.adversarial.label == 1 && abs(record.adversarial.confidence - 0.8808) < 5e-5)
    #expect(record.norms.lInf == 0.5 && record.isSuccess)
    let changed = attack.perturb(
      x, against: LinearModel(score: w), goal: Targeted(target: 1, count: 1), key: Self.key)
    #expect(changed == x + 0.5 * Tensor([w]))
  }

  // Clipping to [0, 1] can only shorten the change: at most ε√784, and less where dark pixels cannot get darker.
  @Test func clippedNorms() throws {
    let epsilon: Float = 0.1
    var model = LinearModel(
      score: Tensor.normal(shape: [784], standardDeviation: 1, key: Self.key.derived("D2.18")).scalars)
    model.inputRange = 0...1
    let grey = Tensor(repeating: 0.5, shape: [1, 784])
    var dark = grey
    for i in 0..<400 { dark[0, i] = 0 }
    let result = try judge(
      FastGradient(budget: LInfBall(radius: epsilon)), against: model,
      on: Batch(Tensor.concatenated([grey, dark]), labels: [0, 0]), key: Self.key)
    let bound = Double(epsilon) * 28
    #expect(result.records.allSatisfy { $0.norms.l2 <= bound && $0.norms.lInf <= Double(epsilon) })
    #expect(result.records[0].norms.l2 > bound * (1 - 1e-5))
    // about half of the 400 dark pixels stay: √(1 − 200/784) = 0.86
    #expect(result.records[1].norms.l2 < bound * 0.9)
  }
}
