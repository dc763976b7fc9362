import Attacks
import AutoDiffLite
import Defenses
import NNLayers
import Synchronization
import TensorCore
import Testing

@Suite struct RobustnessProbeTests {
  private static let key = RandomKey(seed: 79)

  /// Ten points at 0.1, 0.2, …, 1 with label 1.
  private struct Line: BatchSource {
    var count: Int { 10 }
    var inputShape: Shape { [1] }
    var classCount: Int { 2 }
    func batch(at indices: [Int], epoch: Int) throws -> Batch {
      Batch(
        inputs: Tensor(shape: [indices.count, 1], scalars: indices.map { Float($0 + 1) / 10 }),
        labels: IntTensor(indices.map { _ in 1 }), indices: indices)
    }
  }

  // Logits (0, x − 0.25): points below 0.25 are wrong. A step of 0.2 turns those below 0.45, one of 0.4 those below 0.65. On
  // the last eight samples alone none is wrong at first.
  @Test func accuraciesByHand() throws {
    var layer = Linear(inputs: 1, outputs: 2, key: Self.key)
    layer.weight.value = Tensor([[0], [1]])
    layer.bias?.value = Tensor([0, -0.25])
    func measured(_ samples: [Int]) throws -> [String: Double] {
      try RobustnessProbe(
        on: Line(), samples: samples, trainingAttack: FastGradient(budget: LInfBall(radius: 0.2)),
        probeAttack: ProjectedGradient(budget: LInfBall(radius: 0.4), stepSize: 0.2, steps: 5)
      ).measure(layer, key: Self.key)
    }
    #expect(
      try measured(Array(0..<10)) == [
        "clean_accuracy": 0.8, "training_attack_accuracy": 0.6, "probe_accuracy": 0.4,
      ])
    #expect(
      try measured(Array(2..<10)) == [
        "clean_accuracy": 1, "training_attack_accuracy": 0.75, "probe_accuracy": 0.5,
      ])
  }

  /// Answers with a list of accuracies under the training attack and the stronger one.
  private final class Scripted: EpochProbe {
    let values: [(Double, Double)]
    let calls = Mutex(0)
    init(_ values: [(Double, Double)]) { self.values = values }
    func measure<Model: Layer>(_ model: Model, key: RandomKey) throws -> [String: Double] {
      let call = calls.withLock { calls in
        calls += 1
        return calls - 1
      }
      return [
        RobustnessNames.trainingAttackAccuracy: values[call].0, RobustnessNames.probeAccuracy: values[call].1,
      ]
    }
  }

  private static func run(_ values: [(Double, Double)]) throws -> TrainingHistory {
    var loop = TrainingLoop(epochs: values.count, batchSize: 10, key: key)
    loop.probe = Scripted(values)
    var state = TrainingState(model: MLP(widths: [1, 2], key: key), optimizer: SGD(learningRate: 0.1))
    try loop.run(&state, on: Line())
    return state.history
  }

  // As in the paper's figure: both rise, then one falls within an epoch and the other goes up.
  @Test func suddenFallIsFound() throws {
    let found = try CatastrophicOverfitting.found(
      in: Self.run([(0.3, 0.28), (0.45, 0.41), (0.4, 0.42), (0.85, 0.03), (0.9, 0), (0.5, 0.4)]))
    #expect(found.map(\.epoch) == [4, 5])
    #expect(found[0].bestEpoch == 3 && found[0].bestProbeAccuracy == 0.42 && found[0].probeAccuracy == 0.03)
    #expect(
      "\(found[0])"
        == "catastrophic overfitting in epoch 4: 85.0 % right under the training attack, 3.0 % under the stronger one, "
        + "whose best was 42.0 % in epoch 3")
  }

  // Never robust against the stronger attack: found without any fall.
  @Test func collapseFromTheFirstEpochIsFound() throws {
    let found = try CatastrophicOverfitting.found(in: Self.run([(0.8, 0.1), (0.9, 0.12)]))
    #expect(found.map(\.epoch) == [1, 2] && found[0].bestEpoch == 1)
  }

  // A gap without a fall, a fall under both attacks, small numbers, and the limits themselves are no collapse.
  @Test(arguments: [
    [(0.9, 0.6), (0.92, 0.65)], [(0.9, 0.8), (0.3, 0.2)], [(0.25, 0.06)], [(0.5, 0.5), (0.625, 0.425)],
    [(0.75, 0.55)],
  ]) func otherRunsAreNot(_ values: [(Double, Double)]) throws {
    #expect(try CatastrophicOverfitting.found(in: Self.run(values)).isEmpty)
  }

  // A fall of exactly 0.25 beside a gap of 0.25 counts; both must.
  @Test func bothConditionsDecide() throws {
    #expect(
      try CatastrophicOverfitting.found(in: Self.run([(0.75, 0.75), (0.75, 0.5)])).map(\.epoch) == [2])
    #expect(try CatastrophicOverfitting.found(in: Self.run([(0.75, 0.75), (0.65, 0.5)])).isEmpty)
    #expect(try CatastrophicOverfitting.found(in: TrainingHistory()).isEmpty)
  }

  // The whole of it: the single step is withstood by hiding the gradient, the probe tells, and the weights from before
  // come back.
  @Test func bestWeightsComeBack() throws {
    var loop = TrainingLoop(epochs: 4, batchSize: 10, key: Self.key)
    loop.probe = Scripted([(0.4, 0.4), (0.5, 0.45), (0.9, 0), (0.9, 0.1)])
    loop.earlyStopping = EarlyStopping(on: .probed(RobustnessNames.probeAccuracy))
    var state = TrainingState(model: MLP(widths: [1, 2], key: Self.key), optimizer: SGD(learningRate: 0.1))
    var weights: [String] = []
    try loop.run(&state, on: Line()) { weights.append($0.model.weightsDigest) }
    #expect(state.best?.epoch == 2 && state.model.weightsDigest == weights[1])
    #expect(CatastrophicOverfitting.found(in: state.history).map(\.epoch) == [3, 4])
  }
}
