import Attacks
import AutoDiffLite
import Defenses
import NNLayers
import TensorCore
import Testing

/// Losses that train on what an attack makes of a batch.
@Suite struct RobustTrainingTests {
  private static let key = RandomKey(seed: 73)
  private static let range: ClosedRange<Float> = -1...1
  private static let ball = LInfBall(radius: 0.1)
  private static let attack = ProjectedGradient(budget: ball, stepSize: 0.025, steps: 5)
  private static let methods: [String: any TrainingLoss] = [
    "TRADES": TRADES(
      attack: ProjectedGradient(budget: NormalStart(ball), stepSize: 0.025, steps: 5), beta: 6,
      inputRange: range),
    "MART": MART(attack: attack, lambda: 5, inputRange: range),
    "free": FreeAdversarialTraining(budget: ball, replays: 8, inputRange: range),
    "fast": AdversarialTraining.fast(radius: 0.1, inputRange: range),
    "growing": AdversarialTraining.fast(radius: 0.1, warmUp: 3, inputRange: range),
  ]

  // The plain twin falls to more than half wrong (AdversarialTrainingTests); one that attacked nothing, or learned from clean
  // samples only, would too. The free method begins each batch with the perturbations of other samples, half of which help
  // here, and so gains less in more steps.
  @Test(arguments: methods.keys.sorted()) func itMakesModelsRobust(name: String) throws {
    let method = try #require(Self.methods[name])
    let (training, test) = (WeakFeatures(count: 600, seed: 1), WeakFeatures(count: 400, seed: 2))
    let model = try training.trained(
      method, widths: [101, 2], epochs: method.replays > 1 ? 12 : 16, rate: 0.02)
    let result = try judge(
      Self.attack, against: LayerClassifier(model, inputRange: Self.range), on: test, key: Self.key)
    let limit = name == "free" ? 0.5 : 0.25
    #expect(
      result.robustErrors.estimate < limit && result.cleanErrors.estimate < 0.2, "\(result.robustErrors)")
  }

  /// Turns all signs while training: an attack in training mode goes the wrong way.
  private struct Reversed: Layer {
    func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { pass.mode == .training ? -x : x }
  }

  /// Logits (0, x) in evaluation mode and (0, −x) in training mode.
  private static func reversed() -> Sequential {
    var layer = Linear(inputs: 1, outputs: 2, key: key)
    layer.weight.value = Tensor([[0], [1]])
    layer.bias?.value = Tensor([0, 0])
    return Sequential(layer, Reversed())
  }

  private static func step(_ epoch: Int = 0) -> TrainingStep {
    TrainingStep(
      epoch: epoch, batch: 0, batches: 1, epochKey: key.derived("epoch"), key: key.derived("step"))
  }

  // Label 0 is left by raising x, label 1 by lowering it: 0.75 and 0.25 in evaluation mode. The answers of the step are
  // those of the training mode: (0, −0.75) and (0, −0.25) for MART, which counts the attacked samples.
  @Test func attacksSeeEvaluationMode() throws {
    let batch = Batch(inputs: Tensor([[0.5], [0.5]]), labels: IntTensor([0, 1]), indices: [0, 1])
    var carried: [String: Tensor] = [:]
    let outcome = try MART(attack: FastGradient(budget: LInfBall(radius: 0.25)))
      .outcome(of: Self.reversed(), on: batch, at: Self.step(), carried: &carried)
    #expect(outcome.logits == Tensor([[0, -0.75], [0, -0.25]]) && outcome.passes.count == 2)
  }

  // The divergence of (0, x) from (0, 0.5) grows both ways; from a start above 0.5 it leads up, whatever the label. Loss and
  // answers by the formula on the logits of the training mode.
  @Test func tradesLeavesLabelsAside() throws {
    struct Above: Budget {
      let inner = LInfBall(radius: 0.25)
      var radius: Float { inner.radius }
      var description: String { "above" }
      func distances(_ a: Tensor, _ b: Tensor) -> [Double] { inner.distances(a, b) }
      func project(_ c: Tensor, around x: Tensor, range: ClosedRange<Float>) -> Tensor {
        inner.project(c, around: x, range: range)
      }
      func steepestAscent(_ g: Tensor) -> Tensor { inner.steepestAscent(g) }
      func randomStart(_ x: Tensor, range: ClosedRange<Float>, keys: [RandomKey]) -> Tensor { x + 0.01 }
    }
    let batch = Batch(inputs: Tensor([[0.5], [0.5]]), labels: IntTensor([0, 1]), indices: [0, 1])
    let method = TRADES(attack: ProjectedGradient(budget: Above(), stepSize: 0.5, steps: 1), beta: 3)
    var carried: [String: Tensor] = [:]
    let outcome = try method.outcome(of: Self.reversed(), on: batch, at: Self.step(), carried: &carried)
    let clean = Tensor([[0, -0.5], [0, -0.5]])
    let expected = method.loss(
      clean: Variable(clean), adversarial: Variable(Tensor([[0, -0.75], [0, -0.75]])), labels: batch.labels)
    #expect(abs(outcome.loss - expected.value.item) < 1e-6 && outcome.logits == clean)
  }

  // One step from the same uniform starts as the attack by itself.
  @Test func fastIsOneStepOfOneAndAQuarterRadii() throws {
    let batch = WeakFeatures(count: 9, seed: 4)
    let samples = try batch.batch(at: Array(0..<9))
    let model = MLP(widths: [101, 8, 2], key: Self.key)
    let changed = try AdversarialTraining.fast(radius: 0.08, inputRange: Self.range)(
      samples, model: model, key: Self.key)
    let expected = ProjectedGradient(budget: LInfBall(radius: 0.08), stepSize: 1.25 * 0.08, steps: 1).perturb(
      samples.inputs, against: try PlanClassifier(model.prepared(for: [101]), inputRange: Self.range),
      goal: Untargeted(labels: samples.labels), key: Self.key)
    #expect(changed.inputs == expected)
  }
}
