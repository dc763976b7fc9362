import Attacks
import Defenses
import NNLayers
import TensorCore
import Testing

@Suite struct FreeAdversarialTrainingTests {
  private static let key = RandomKey(seed: 75)

  private static func step(_ replay: Int) -> TrainingStep {
    TrainingStep(
      epoch: 0, batch: 0, batches: 1, replay: replay, epochKey: key, key: key.derived(replay))
  }

  /// Logits (0, x₁ − x₂): label 0 is left along (+, −), label 1 along (−, +).
  private static func model() -> Linear {
    var layer = Linear(inputs: 2, outputs: 2, key: key)
    layer.weight.value = Tensor([[0, 0], [1, -1]])
    layer.bias?.value = Tensor([0, 0])
    return layer
  }

  // δ is 0 at first, moves by 0.1 after each step and ends at the radius of 0.15; the input is cut to the range, δ is not.
  @Test func perturbationIsCarried() throws {
    let method = FreeAdversarialTraining(budget: LInfBall(radius: 0.15), replays: 3, stepSize: 0.1)
    let batch = Batch(
      inputs: Tensor([[0.5, 0.5], [0.5, 1], [0.5, 0.5]]), labels: IntTensor([0, 1, 1]), indices: [4, 2, 0])
    var carried: [String: Tensor] = [:]
    var answers: [[Float]] = []
    for replay in 0..<3 {
      let outcome = try method.outcome(of: Self.model(), on: batch, at: Self.step(replay), carried: &carried)
      answers.append((0..<3).map { outcome.logits[$0, 1] })
    }
    let expected: [[Float]] = [[0, -0.5, 0], [0.2, -0.6, -0.2], [0.3, -0.65, -0.3]]
    for (row, numbers) in zip(answers, expected) {
      for (a, b) in zip(row, numbers) { #expect(abs(a - b) < 1e-6) }
    }
    let r: Float = 0.15
    #expect(carried == ["perturbation": Tensor([[r, -r], [-r, r], [-r, r]])])

    // a smaller batch moves its own row only, and begins where the row stood
    let last = Batch(inputs: Tensor([[0.5, 0.5]]), labels: IntTensor([1]), indices: [9])
    let outcome = try method.outcome(of: Self.model(), on: last, at: Self.step(0), carried: &carried)
    #expect(abs(outcome.logits[0, 1] - 0.3) < 1e-6)
    let moved = try #require(carried["perturbation"])
    #expect(abs(moved[0, 0] - 0.05) < 1e-6 && abs(moved[0, 1] + 0.05) < 1e-6)
    #expect(moved[rows: 1..<3] == Tensor([[-r, r], [-r, r]]))

    // a larger one has rows without a perturbation yet
    let four = Batch(
      inputs: Tensor(repeating: 0.5, shape: [4, 2]), labels: IntTensor([1, 1, 1, 1]), indices: [0, 1, 2, 3])
    let larger = try method.outcome(of: Self.model(), on: four, at: Self.step(0), carried: &carried)
    #expect(larger.logits[3, 1] == 0 && carried["perturbation"]?.shape == [4, 2])
  }

  // The weights' gradient is that of the step's input: (p − [label]) x' summed over samples, by n.
  @Test func gradientsAreThoseOfThePerturbedInput() throws {
    let method = FreeAdversarialTraining(budget: L2Ball(radius: 0.2), replays: 2)
    let batch = Batch(inputs: Tensor([[0.5, 0.25]]), labels: IntTensor([0]), indices: [0])
    var carried = ["perturbation": Tensor([[0.125, -0.125]])]
    let outcome = try method.outcome(of: Self.model(), on: batch, at: Self.step(0), carried: &carried)
    let p = Tensor([[0, 0.5]]).softmax()
    let expected = Tensor([[0.625 * -p[0, 1], 0.125 * -p[0, 1]], [0.625 * p[0, 1], 0.125 * p[0, 1]]])
    #expect(
      try #require(outcome.gradients["weight"]).mismatch(with: expected, relativeToLargest: 1e-6) == nil)
    // δ + 0.2 (1, −1)/√2 is longer than 0.2 and comes back to the ball's surface
    let length = Float(0.2 / 2.0.squareRoot())
    #expect(
      try #require(carried["perturbation"]).mismatch(
        with: Tensor([[length, -length]]), relativeToLargest: 1e-5)
        == nil)
  }

  @Test func impossibleSettingsAndInputsAreRefused() async throws {
    await #expect(processExitsWith: .failure) {
      _ = FreeAdversarialTraining(budget: L2Ball(radius: 1), replays: 0)
    }
    let batch = Batch(inputs: Tensor([[0.5, 1.5]]), labels: IntTensor([0]), indices: [3])
    var carried: [String: Tensor] = [:]
    let error = try #require(throws: InputError.self) {
      _ = try FreeAdversarialTraining(budget: L2Ball(radius: 1))
        .outcome(of: Self.model(), on: batch, at: Self.step(0), carried: &carried)
    }
    #expect("\(error)".contains("sample 3") && carried.isEmpty)
  }
}
