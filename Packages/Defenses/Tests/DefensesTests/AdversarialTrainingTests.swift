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

  // Changes of 0.1 turn the weak elements round and not the strong one. Plain training leans on the weak ones and falls; training
  // on what the attack makes of the batch learns the strong one (Tsipras et al., "Robustness May Be at Odds with
  // Accuracy", ICLR 2019).
  @Test func itMakesModelsRobust() throws {
    let (training, test) = (WeakFeatures(count: 600, seed: 1), WeakFeatures(count: 400, seed: 2))
    let attack = ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.025, steps: 7)
    func errors(_ defence: AdversarialTraining<ProjectedGradient<LInfBall>>?) throws -> AttackResult {
      let model = try training.trained(defence, widths: [101, 2], epochs: 15, rate: 0.02)
      return try judge(attack, against: LayerClassifier(model, inputRange: -1...1), on: test, key: Self.key)
    }
    let plain = try errors(nil)
    let robust = try errors(AdversarialTraining(attack: attack, share: 1, inputRange: -1...1))
    #expect(plain.cleanErrors.estimate < 0.05 && plain.robustErrors.estimate > 0.5)
    #expect(robust.robustErrors.estimate < 0.2)
    // a quarter already helps, and so does the attacked batch beside the clean one
    let quarter = try errors(AdversarialTraining(attack: attack, share: 0.25, inputRange: -1...1))
    #expect(quarter.robustErrors.estimate < plain.robustErrors.estimate - 0.1)
    let both = try errors(AdversarialTraining(attack: attack, share: 1, cleanWeight: 1, inputRange: -1...1))
    #expect(both.robustErrors.estimate < plain.robustErrors.estimate - 0.1)
  }

  private func step(epoch: Int = 0, batch: Int = 0, batches: Int = 1) -> TrainingStep {
    TrainingStep(
      epoch: epoch, batch: batch, batches: batches, epochKey: Self.key.derived("epoch"),
      key: Self.key.derived("step"))
  }

  // L(x') + ½ L(x), each a mean of its own; a mean over both, or a lost factor, gives another loss. The model has neither
  // dropout nor batch norm, so both terms follow from its logits.
  @Test func cleanTermIsAdded() throws {
    let model = MLP(widths: [6, 8, 3], key: Self.key)
    let batch = batch(7)
    let attack = FastGradient(budget: LInfBall(radius: 0.1))
    var carried: [String: Tensor] = [:]
    func outcome(_ weight: Float) throws -> StepOutcome {
      try AdversarialTraining(attack: attack, share: 1, cleanWeight: weight)
        .outcome(of: model, on: batch, at: step(), carried: &carried)
    }
    let (alone, both) = (try outcome(0), try outcome(0.5))
    let (clean, slopes) = gradients(of: model, in: Pass(.training)) { model, pass in
      CrossEntropy()(model(Variable(batch.inputs), in: pass), labels: batch.labels)
    }
    #expect(abs(both.loss - (alone.loss + 0.5 * clean)) < 1e-5 && alone.loss > clean)
    for name in slopes.names {
      let expected = try #require(alone.gradients[name]) + 0.5 * (try #require(slopes[name]))
      #expect(try #require(both.gradients[name]).mismatch(with: expected, relativeToLargest: 1e-5) == nil)
    }
    #expect(both.logits == alone.logits && both.passes.count == 2)
  }

  // A step in the middle of epoch 2 of a warm-up of 4 epochs has 3/8 of the radius.
  @Test func theRadiusGrowsWithTheStep() throws {
    let schedule = AttackSchedule(radius: 0.2, warmUp: 4) { FastGradient(budget: LInfBall(radius: $0)) }
    let training = AdversarialTraining(attack: schedule, share: 1)
    let model = MLP(widths: [6, 8, 3], key: Self.key)
    let batch = batch(5)
    func logits(_ radius: Float) throws -> Tensor {
      let changed = FastGradient(budget: LInfBall(radius: radius)).perturb(
        batch.inputs, against: PlanClassifier(try model.prepared(for: [6])),
        goal: Untargeted(labels: batch.labels),
        key: Self.key)
      return model.logits(changed)
    }
    var carried: [String: Tensor] = [:]
    for (place, radius) in [
      (step(), 0), (step(epoch: 1, batch: 5, batches: 10), 0.075), (step(epoch: 4), 0.2),
    ] {
      let outcome = try training.outcome(of: model, on: batch, at: place, carried: &carried)
      #expect(outcome.logits.mismatch(with: try logits(Float(radius)), relativeToLargest: 1e-6) == nil)
    }
  }

  // The same run, the same bits: starts follow the sample and the step.
  @Test func runsRepeat() throws {
    let source = WeakFeatures(count: 100, seed: 3)
    func weights() throws -> [Tensor] {
      var state = TrainingState(
        model: MLP(widths: [101, 8, 2], key: Self.key), optimizer: SGD(learningRate: 0.1))
      var loop = TrainingLoop(epochs: 2, batchSize: 32, key: Self.key)
      loop.loss = AdversarialTraining(attack: Self.attack, share: 0.5, inputRange: -1...1)
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
    loop.loss = AdversarialTraining(attack: Self.attack, share: 1)
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
