import Attacks
import AutoDiffLite
import Defenses
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct AdversarialTrainingTests {
  private static let key = RandomKey(seed: 71)
  private static let attack = ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.02, steps: 3)

  private func batch(_ count: Int, inputs: Int = 6) -> Batch {
    Batch(
      inputs: .uniform(shape: [count, inputs], key: Self.key.derived("x")),
      labels: IntTensor((0..<count).map { $0 % 3 }), indices: (0..<count).map { 1000 - 7 * $0 })
  }

  // The last quarter, to the nearest sample, and nothing else; within the ball and the range.
  @Test(arguments: [(64, 48), (6, 4), (5, 4), (2, 1), (1, 1), (0, 0)])
  func theLastQuarterIsAttacked(count: Int, clean: Int) throws {
    let model = MLP(widths: [6, 8, 3], key: Self.key)
    let batch = batch(count)
    let mixed = try AdversarialTraining(attack: Self.attack, share: 0.25)(batch, model: model, key: Self.key)
    #expect(mixed.labels == batch.labels && mixed.indices == batch.indices)
    #expect(mixed.inputs[rows: 0..<clean] == batch.inputs[rows: 0..<clean])
    for row in clean..<count {
      #expect(mixed.inputs[row: row] != batch.inputs[row: row])
      for (a, b) in zip(mixed.inputs[row: row].scalars, batch.inputs[row: row].scalars) {
        #expect(abs(Double(a) - Double(b)) <= Double(Float(0.1)) && a >= 0 && a <= 1)
      }
    }
  }

  @Test func allOrNothing() throws {
    let model = MLP(widths: [6, 8, 3], key: Self.key)
    let batch = batch(9)
    let none = try AdversarialTraining(attack: Self.attack, share: 0)(batch, model: model, key: Self.key)
    #expect(none.inputs == batch.inputs)
    let all = try AdversarialTraining(attack: Self.attack, share: 1)(batch, model: model, key: Self.key)
    // as the attack itself does it, each sample with the key of its index
    let expected = Self.attack.perturb(
      batch.inputs, against: LayerClassifier(model), goal: Untargeted(labels: batch.labels),
      keys: batch.indices.map { Self.key.derived($0) })
    #expect(all.inputs == expected)
  }

  /// Turns all signs while training, as the worst of dropouts would: an attack in training mode goes the wrong way.
  private struct Reversed: Layer {
    func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { pass.mode == .training ? -x : x }
  }

  // With the logits (0, x) and label 0 the attack must raise x.
  @Test func theAttackSeesEvaluationMode() throws {
    var layer = Linear(inputs: 1, outputs: 2, key: Self.key)
    layer.weight.value = Tensor([[0], [1]])
    let batch = Batch(inputs: Tensor([[0.5], [0.5]]), labels: IntTensor([0, 1]), indices: [0, 1])
    let training = AdversarialTraining(attack: FastGradient(budget: LInfBall(radius: 0.25)), share: 1)
    let mixed = try training(batch, model: Sequential(layer, Reversed()), key: Self.key)
    #expect(mixed.inputs == Tensor([[0.75], [0.25]]))
  }

  /// Two classes that one strong element tells apart 9 times in 10, and many weak ones together nearly always.
  private struct WeakFeatures: BatchSource {
    let inputs: Tensor
    let labels: IntTensor
    init(count: Int, seed: UInt64) {
      let key = RandomKey(seed: seed)
      let classes = (0..<count).map { $0 % 2 }
      let right = Tensor.bernoulli(shape: [count], probability: 0.9, key: key.derived("right")).scalars
      var x = Tensor.normal(shape: [count, 101], standardDeviation: 0.05, key: key.derived("x"))
      for i in 0..<count {
        let sign: Float = classes[i] == 1 ? 1 : -1
        x[i, 0] = (right[i] == 1 ? 0.15 : -0.15) * sign
        for k in 1..<101 { x[i, k] += 0.03 * sign }
      }
      inputs = x.clamped(to: -1...1)
      labels = IntTensor(classes)
    }
    var count: Int { labels.count }
    var inputShape: Shape { [101] }
    var classCount: Int { 2 }
    func batch(at indices: [Int], epoch: Int) throws -> Batch {
      Batch(inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
    }
  }

  // Changes of 0.1 turn the weak elements round and not the strong one. Plain training leans on the weak ones and falls; training
  // on what the attack makes of the batch learns the strong one (Tsipras et al., "Robustness May Be at Odds with
  // Accuracy", ICLR 2019).
  @Test func itMakesModelsRobust() throws {
    let (training, test) = (WeakFeatures(count: 600, seed: 1), WeakFeatures(count: 400, seed: 2))
    let attack = ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.025, steps: 7)
    func errors(_ defence: AdversarialTraining<ProjectedGradient<LInfBall>>?) throws -> AttackResult {
      var state = TrainingState(
        model: MLP(widths: [101, 2], key: Self.key), optimizer: Adam(learningRate: 0.02))
      var loop = TrainingLoop(epochs: 15, batchSize: 50, key: Self.key)
      loop.transform = defence?.transform
      try loop.run(&state, on: training)
      return try judge(
        attack, against: LayerClassifier(state.model, inputRange: -1...1), on: test, key: Self.key)
    }
    let plain = try errors(nil)
    let robust = try errors(AdversarialTraining(attack: attack, share: 1, inputRange: -1...1))
    #expect(plain.cleanErrors.estimate < 0.05 && plain.robustErrors.estimate > 0.5)
    #expect(robust.robustErrors.estimate < 0.2)
    // a quarter already helps
    let quarter = try errors(AdversarialTraining(attack: attack, share: 0.25, inputRange: -1...1))
    #expect(quarter.robustErrors.estimate < plain.robustErrors.estimate - 0.1)
  }

  // The same run, the same bits: starts follow the sample and the step.
  @Test func runsRepeat() throws {
    let source = WeakFeatures(count: 100, seed: 3)
    func weights() throws -> [Tensor] {
      var state = TrainingState(
        model: MLP(widths: [101, 8, 2], key: Self.key), optimizer: SGD(learningRate: 0.1))
      var loop = TrainingLoop(epochs: 2, batchSize: 32, key: Self.key)
      loop.transform = AdversarialTraining(attack: Self.attack, share: 0.5, inputRange: -1...1).transform
      try loop.run(&state, on: source)
      return state.model.parameters.map(\.parameter.value)
    }
    #expect(try weights() == weights())
  }

  @Test func inputsOutOfRangeAreRefused() throws {
    var inputs = Tensor.zeros(shape: [2, 6])
    inputs[1, 3] = -0.5
    let batch = Batch(inputs: inputs, labels: IntTensor([0, 1]), indices: [4, 9])
    let training = AdversarialTraining(attack: Self.attack, share: 0.5)
    let error = try #require(throws: InputError.self) {
      _ = try training(batch, model: MLP(widths: [6, 3], key: Self.key), key: Self.key)
    }
    #expect(error.kind == .outOfRange && "\(error)".contains("sample 9"))
    var wider = training
    wider.inputRange = -1...1
    _ = try wider(batch, model: MLP(widths: [6, 3], key: Self.key), key: Self.key)
  }

  // A wrong label is the data's mistake: the loop says which, before the attack asks for its loss.
  @Test func labelsThatAreNoClassAreRefused() throws {
    struct Mislabelled: BatchSource {
      var count: Int { 4 }
      var inputShape: Shape { [6] }
      var classCount: Int { 3 }
      func batch(at indices: [Int], epoch: Int) throws -> Batch {
        Batch(
          inputs: .zeros(shape: [indices.count, 6]), labels: IntTensor(indices.map { $0 == 2 ? 3 : 0 }),
          indices: indices)
      }
    }
    var state = TrainingState(model: MLP(widths: [6, 3], key: Self.key), optimizer: SGD(learningRate: 0.1))
    var loop = TrainingLoop(epochs: 1, batchSize: 4, key: Self.key)
    loop.transform = AdversarialTraining(attack: Self.attack, share: 1).transform
    let error = try #require(throws: InputError.self) { try loop.run(&state, on: Mislabelled()) }
    #expect(error.kind == .outOfRange && "\(error)".contains("sample 2"))
  }

  @Test func descriptionNamesAllSettings() {
    let training = AdversarialTraining(attack: FastGradient(budget: L2Ball(radius: 5)), share: 0.25)
    #expect("\(training)" == "adversarial training, share 0.25, fast gradient, L2, radius 5.0")
  }

  @Test func impossibleSharesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = AdversarialTraining(attack: AdversarialTrainingTests.attack, share: 1.01)
    }
    await #expect(processExitsWith: .failure) {
      _ = AdversarialTraining(attack: AdversarialTrainingTests.attack, share: .nan)
    }
  }
}
