import Attacks
import Foundation
import TensorCore
import Testing

@Suite struct RandomNoiseTests {
  private static let key = RandomKey(seed: 83)

  private func change(_ attack: RandomNoise<some Budget>, inputs: Int, count: Int) -> Tensor {
    let x = Tensor.zeros(shape: [count, inputs])
    return attack.perturb(
      x, against: LinearModel(classes: 2, inputs: inputs, key: Self.key),
      goal: Untargeted(labels: IntTensor([Int](repeating: 0, count: count))), key: Self.key)
  }

  // Each element by exactly the radius, up and down equally often: of 20,000 the share lies within 5 deviations of ½.
  @Test func signsAreCorners() {
    let values = change(
      RandomNoise(budget: LInfBall(radius: 0.25), distribution: .sign), inputs: 100, count: 200
    )
    .scalars
    #expect(values.allSatisfy { abs($0) == 0.25 })
    #expect(abs(values.count { $0 > 0 } - 10_000) < 354)
    // neighbours are drawn apart: as often alike as not
    #expect(abs(zip(values, values.dropFirst()).count { $0 == $1 } - 10_000) < 354)
  }

  // The whole length is used, in every ball: ±r/√d in L2, ±r/d in L1; normal draws on the surface.
  @Test(arguments: VectorNorm.allCases) func noiseHasTheBudgetsLength(_ kind: VectorNorm) {
    func check(_ ball: some Budget) {
      for distribution in RandomNoise<L2Ball>.Distribution.allCases where distribution != .uniform {
        let noise = RandomNoise(
          budget: ball, distribution: .init(rawValue: distribution.rawValue) ?? .uniform)
        let change = change(noise, inputs: 16, count: 50)
        for row in 0..<50 {
          let length = norm(change[row: row], kind)
          #expect(length <= 0.5 && length > 0.5 * (1 - 1e-4), "\(noise), \(length)")
        }
      }
    }
    check(ball(kind, radius: 0.5))
  }

  // Normal draws are not signs: in the L2 ball an element's square is 1/d of the whole on average, its fourth power 3 times
  // that of signs.
  @Test func normalDrawsAreNormal() {
    let change = change(
      RandomNoise(budget: L2Ball(radius: 1), distribution: .gaussian), inputs: 64, count: 400)
    let fourth = change.scalars.reduce(0.0) { $0 + pow(Double($1), 4) } / Double(change.count)
    // E[u⁴] = 3 / (d (d + 2)) on the sphere
    #expect(abs(fourth * 64 * 66 / 3 - 1) < 0.05)
    #expect(abs(change.scalars.reduce(0.0) { $0 + Double($1) }) < 5 * 20)
  }

  // A sign fells a sample with probability ½: of 2,000 about half fall to one draw, 7/8 to three.
  @Test func moreDrawsFellMore() {
    let model = LinearModel(score: [1])
    let x = Tensor(repeating: -0.5, shape: [2000, 1])
    let goal = Untargeted(labels: IntTensor([Int](repeating: 0, count: 2000)))
    func fallen(_ draws: Int) -> [Bool] {
      let noise = RandomNoise(budget: LInfBall(radius: 1), distribution: .sign, draws: draws)
      return goal.isReached(model.logits(noise.perturb(x, against: model, goal: goal, key: Self.key)))
    }
    let (one, three) = (fallen(1), fallen(3))
    // five deviations each
    #expect(abs(one.count { $0 } - 1000) < 112)
    #expect(abs(three.count { $0 } - 1750) < 74)
    #expect(zip(one, three).allSatisfy { !$0 || $1 })
  }

  // A sample that has fallen is not asked about again, and keeps the point at which it fell.
  @Test func fallenSamplesLeave() {
    let model = LinearModel(score: [1])
    let counter = QueryCounter(model)
    let x = Tensor([[-0.5], [-2]])
    let noise = RandomNoise(budget: LInfBall(radius: 1), distribution: .sign, draws: 20)
    let changed = noise.perturb(
      x, against: counter, goal: Untargeted(labels: IntTensor([0, 0])), key: Self.key)
    // the second one cannot fall: its best draw is the nearer one
    #expect(changed == Tensor([[0.5], [-1]]))
    let asked = counter.count
    #expect(asked.forwards > 20 && asked.forwards < 40 && asked.gradients == 0)
    #expect("\(noise)" == "sign noise, L-infinity, radius 1.0, 20 draws")
  }

  @Test func noDrawsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = RandomNoise(budget: LInfBall(radius: 1), distribution: .uniform, draws: 0)
    }
  }
}
