import Attacks
import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct EnsembleClassifierTests {
  private static let key = RandomKey(seed: 94)
  private let x = Tensor.uniform(shape: [7, 4], key: key.derived("x"))

  private func member(_ number: Int) -> LinearModel {
    LinearModel(classes: 3, inputs: 4, key: Self.key.derived(number))
  }

  // The mean of linear models is the linear model of the mean weights: answers, gradients, and an attack's result.
  @Test func meanOfLinearModels() {
    let (a, b, c) = (member(0), member(1), member(2))
    var mean = a
    mean.weight = (a.weight + b.weight + c.weight) / 3
    mean.bias = (a.bias + b.bias + c.bias) / 3
    let ensemble = EnsembleClassifier([a, b, c])
    let goal = Untargeted(labels: IntTensor([0, 1, 2, 0, 1, 2, 0]))
    let (logits, slope) = ensemble.logitsAndInputGradient(at: x, goal: goal)
    #expect(logits.mismatch(with: mean.logits(x), relativeToLargest: 1e-6) == nil)
    #expect(slope.mismatch(with: mean.inputGradient(at: x, goal: goal), relativeToLargest: 1e-5) == nil)
    let attack = FastGradient(budget: LInfBall(radius: 0.25))
    #expect(
      attack.perturb(x, against: ensemble, goal: goal, key: Self.key)
        == attack.perturb(x, against: mean, goal: goal, key: Self.key))
  }

  @Test func meanOfProbabilities() {
    let members = [member(0), member(1)]
    let ensemble = EnsembleClassifier(members, averaging: .probabilities)
    let expected = members.map { $0.logits(x).softmax() }.reduce(Tensor(0), +) / 2
    #expect(ensemble.logits(x).softmax().mismatch(with: expected, relativeToLargest: 1e-6) == nil)
    #expect(GradientCheck.run(at: [x], key: Self.key) { ensemble.logits($0[0]) }.passed)
    #expect(ensemble.logits(x) != EnsembleClassifier(members).logits(x))
  }

  // Two members that are sure of different classes: half and half, and 1e-87 of the third class, which no Float holds.
  @Test func sureMembersDoNotUnderflow() {
    var (one, other) = (member(0), member(1))
    one.weight = .zeros(shape: [3, 4])
    other.weight = one.weight
    one.bias = Tensor([200, 0, 0])
    other.bias = Tensor([0, 200, 0])
    let logits = EnsembleClassifier([one, other], averaging: .probabilities).logits(x)[row: 0].scalars
    let half = Float(log(0.5))
    #expect(abs(logits[0] - half) < 1e-6 && abs(logits[1] - half) < 1e-6 && logits[2] == -200)
  }

  @Test func preparedMembersAnswerAsOnTheTape() throws {
    let models = (0..<2).map { MLP(widths: [4, 8, 3], key: Self.key.derived($0)) }
    let goal = Untargeted(labels: IntTensor([0, 1, 2, 0, 1, 2, 0]))
    for average in EnsembleClassifier.Average.allCases {
      let tape = EnsembleClassifier(models.map { LayerClassifier($0) }, averaging: average)
      let plans = EnsembleClassifier(
        try models.map { PlanClassifier(try $0.prepared(for: [4])) }, averaging: average)
      let (expected, found) = (
        tape.logitsAndInputGradient(at: x, goal: goal), plans.logitsAndInputGradient(at: x, goal: goal)
      )
      #expect(found.logits.mismatch(with: expected.logits, relativeToLargest: 1e-5) == nil)
      #expect(found.gradient.mismatch(with: expected.gradient, relativeToLargest: 1e-5) == nil)
    }
  }

  @Test func rangesAreShared() {
    var (one, other) = (member(0), member(1))
    (one.inputRange, other.inputRange) = (0...1, 0.25...2)
    #expect(EnsembleClassifier([one, other]).inputRange == 0.25...1)
  }

  @Test func impossibleEnsemblesAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = EnsembleClassifier([]) }
    await #expect(processExitsWith: .failure) {
      let (one, other) = (
        LinearModel(score: [1], inputRange: 0...1), LinearModel(score: [1], inputRange: 2...3)
      )
      _ = EnsembleClassifier([one, other])
    }
  }
}
