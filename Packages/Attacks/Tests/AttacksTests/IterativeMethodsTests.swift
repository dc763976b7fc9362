import Attacks
import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct IterativeMethodsTests {
  private static let key = RandomKey(seed: 82)
  private static let fixture = Fixture("attack_family.safetensors")

  // min(ε + 4, 1.25 ε) for ε = 2, 8, 16 and 100 grey levels.
  @Test func basicIterativeSteps() {
    for (levels, steps) in [(2, 3), (8, 10), (16, 20), (100, 104)] {
      let attack = ProjectedGradient.basicIterative(budget: LInfBall(radius: Float(levels) / 255))
      #expect(attack.steps == steps && attack.stepSize == 1 / 255 && !attack.startsAtRandom)
    }
    #expect(
      ProjectedGradient.basicIterative(budget: LInfBall(radius: 0.5), stepSize: 0.25, steps: 7).steps == 7)
  }

  /// Two classes with the scores 0 and −(x − 7/16)² of a single input.
  private struct Peak: Classifier {
    var inputRange: ClosedRange<Float> { 0...1 }
    func logits(_ x: Variable) -> Variable { (-(x - 0.4375).squared()) * Variable(Tensor([0, 1])) }
  }

  // From ⅛ by steps of ¼ over a peak at 7/16, whose slopes have the signs +, +, −, −. With μ = 1 the sums of signs are 1, 2,
  // 1, 0: no step at last. With μ = ½ they are 1, 1½, −¼, ⅞. Sums of the slopes themselves, which are not alike in size,
  // would turn back earlier.
  @Test func momentumByHand() {
    let goal = Targeted(target: 1, count: 1)
    func place(_ momentum: Float, steps: Int) -> Float {
      ProjectedGradient(
        budget: LInfBall(radius: 1), stepSize: 0.25, steps: steps, startsAtRandom: false, momentum: momentum
      ).perturb(Tensor([[0.125]]), against: Peak(), goal: goal, key: Self.key)[0, 0]
    }
    #expect((1...4).map { place(0, steps: $0) } == [0.375, 0.625, 0.375, 0.625])
    #expect((1...4).map { place(1, steps: $0) } == [0.375, 0.625, 0.875, 0.875])
    #expect((1...4).map { place(0.5, steps: $0) } == [0.375, 0.625, 0.375, 0.625])
    let method = ProjectedGradient.momentumIterative(budget: LInfBall(radius: 1), steps: 4)
    #expect(method.stepSize == 0.25 && method.steps == 4 && method.momentum == 1 && !method.startsAtRandom)
    #expect(
      method.perturb(Tensor([[0.125]]), against: Peak(), goal: goal, key: Self.key) == Tensor([[0.875]]))
  }

  // A flat place adds nothing to the sum, and gradients far below 1 count like any other.
  @Test func gradientsOfAnySizeCountAlike() {
    var model = LinearModel(score: [1e-30, -2e-30])
    model.inputRange = 0...1
    let goal = Targeted(target: 1, count: 2)
    let changed = ProjectedGradient.momentumIterative(budget: L2Ball(radius: 0.1), steps: 2)
      .perturb(Tensor([[0.5, 0.5], [0.5, 0.25]]), against: model, goal: goal, key: Self.key)
    let expected = [0.5 + 0.1 / 5.0.squareRoot(), 0.5 - 0.2 / 5.0.squareRoot()]
    #expect(zip(changed[row: 0].scalars, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 })
    let flat = LinearModel(score: [0, 0])
    #expect(
      ProjectedGradient.momentumIterative(budget: L2Ball(radius: 0.1)).perturb(
        Tensor([[0.5, 0.5]]), against: flat, goal: Targeted(target: 1, count: 1), key: Self.key)
        == Tensor([[0.5, 0.5]]))
  }

  // Against torchattacks 3.5.1. A sign may differ where the gradient is no more than rounding.
  @Test(arguments: ["bim", "mifgsm"], [false, true]) func stepsAreTheLibrarys(
    _ method: String, isTargeted: Bool
  ) throws {
    let model = LayerClassifier(try Digits.network())
    let images = try Digits.images()
    let name = "\(method)/\(isTargeted ? "targeted" : "untargeted")"
    let iterates = try Self.fixture.tensor(name + "/iterates")
    let ball = LInfBall(radius: 0.125)
    func run(_ count: Int, steps: Int) throws -> Tensor {
      let classes = (isTargeted ? try Digits.targets() : try Digits.labels())[rows: 0..<count]
      let goal: any Goal = isTargeted ? Targeted(targets: classes) : Untargeted(labels: classes)
      var attack = ProjectedGradient.momentumIterative(budget: ball)
      if method == "bim" { attack = .basicIterative(budget: ball, stepSize: 1 / 64, steps: 10) }
      attack.steps = steps
      return attack.perturb(images[rows: 0..<count], against: model, goal: goal, key: Self.key)
    }
    for step in 0..<iterates.shape[0] {
      let expected = iterates[row: step]
      let gaps = zip(try run(expected.shape[0], steps: step + 1).scalars, expected.scalars).map {
        abs($0 - $1)
      }
      #expect(gaps.count { $0 > 5e-6 } <= gaps.count / 500, "\(name), step \(step)")
    }
    let changed = try run(images.shape[0], steps: 10)
    let classes = isTargeted ? try Digits.targets() : try Digits.labels()
    let losses = model.logits(changed).crossEntropy(labels: classes).losses.scalars
    for (ours, theirs) in zip(losses, try Self.fixture.tensor(name + "/loss").scalars) {
      #expect(abs(ours - theirs) <= 1e-3 * max(theirs, 0.05), "\(name): \(ours), \(theirs)")
    }
  }

  @Test func impossibleSettingsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = ProjectedGradient(budget: LInfBall(radius: 1), stepSize: 1, steps: 1, momentum: -1)
    }
    await #expect(processExitsWith: .failure) {
      _ = ProjectedGradient.momentumIterative(budget: LInfBall(radius: 1), steps: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = ProjectedGradient.basicIterative(budget: LInfBall(radius: 1), stepSize: 0)
    }
  }
}
