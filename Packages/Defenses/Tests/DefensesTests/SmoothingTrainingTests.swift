import Attacks
import AutoDiffLite
import Defenses
import Foundation
import NNLayers
import Synchronization
import TensorCore
import Testing

/// Losses that train the base of a smoothed classifier.
@Suite struct SmoothingTrainingTests {
  private static let key = RandomKey(seed: 77)

  private static func step(epoch: Int = 0, batch: Int = 0) -> TrainingStep {
    let epochKey = key.derived("step").derived(epoch)
    return TrainingStep(
      epoch: epoch, batch: batch, batches: 9, epochKey: epochKey, key: epochKey.derived(batch))
  }

  /// Answers with its inputs, so that a step's logits show what it saw.
  private struct Echo: Layer {
    func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x }
  }

  private static func seen(_ method: NoiseTraining, _ batch: Batch, _ step: TrainingStep) throws -> Tensor {
    var carried: [String: Tensor] = [:]
    let outcome = try method.outcome(of: Echo(), on: batch, at: step, carried: &carried)
    #expect(outcome.labels.count == batch.count * method.copies)
    return outcome.logits
  }

  private static func batch(_ indices: [Int]) -> Batch {
    let x = Tensor.uniform(shape: [50, 300], key: key.derived("x"))
    return Batch(
      inputs: x.gathered(rows: indices), labels: IntTensor(indices.map { $0 % 3 }), indices: indices)
  }

  // The noise has mean 0 and the asked deviation where it is not clamped, and stays in the range where it is.
  @Test func noiseIsNormalAndClamped() throws {
    let batch = Self.batch(Array(0..<50))
    let free = try Self.seen(
      NoiseTraining(noise: SmoothingNoise(standardDeviation: 0.5, clampedTo: nil)), batch, Self.step())
    let noise = free - batch.inputs
    #expect(abs(noise.mean()) < 0.02)
    #expect(abs((noise.sumOfSquares() / 15000).squareRoot() - 0.5) < 0.015)
    let clamped = try Self.seen(
      NoiseTraining(noise: SmoothingNoise(standardDeviation: 0.5)), batch, Self.step())
    #expect(clamped == free.clamped(to: 0...1) && clamped != free)
  }

  // A sample's noise follows from the epoch and its index: the same in another batch of another size at another step, new in
  // the next epoch, and another for each sample and copy.
  @Test func noiseFollowsSampleAndEpoch() throws {
    let method = NoiseTraining(noise: try SmoothingNoise(standardDeviation: 1), copies: 3)
    let all = try Self.seen(method, Self.batch([5, 8, 13, 21]), Self.step(batch: 2))
    let one = try Self.seen(method, Self.batch([13]), Self.step(batch: 7))
    #expect(one == all[rows: 6..<9])
    #expect(try Self.seen(method, Self.batch([13]), Self.step(epoch: 1, batch: 2)) != one)
    let zeros = Batch(inputs: .zeros(shape: [2, 300]), labels: IntTensor([0, 0]), indices: [1, 2])
    let rows = try Self.seen(method, zeros, Self.step())
    #expect(Set((0..<6).map { rows[row: $0].scalars }).count == 6)
  }

  // One loss for every copy: the mean over copies and samples, against the definition.
  @Test func lossIsTheMeanOverCopies() throws {
    let noise = try SmoothingNoise(standardDeviation: 1)
    let (method, batch) = (NoiseTraining(noise: noise, copies: 2), Self.batch([3, 4]))
    var carried: [String: Tensor] = [:]
    let outcome = try method.outcome(of: Echo(), on: batch, at: Self.step(), carried: &carried)
    let losses = outcome.logits.crossEntropy(labels: IntTensor([0, 0, 1, 1])).losses
    #expect(abs(outcome.loss - losses.mean()) < 1e-5)
  }

  // Mixed samples keep their shares of classes, each copy its sample's.
  @Test func sharesOfClassesAreKept() throws {
    let plain = Self.batch([3, 4])
    var shares = Tensor.zeros(shape: [2, 300])
    (shares[0, 7], shares[0, 9], shares[1, 200]) = (0.25, 0.75, 1)
    let mixed = Batch(inputs: plain.inputs, labels: plain.labels, indices: plain.indices, targets: shares)
    var carried: [String: Tensor] = [:]
    let noise = try SmoothingNoise(standardDeviation: 1)
    let outcome = try NoiseTraining(noise: noise, copies: 2)
      .outcome(of: Echo(), on: mixed, at: Self.step(), carried: &carried)
    let logs = outcome.logits.logSoftmax()
    var sum: Float = 0
    for copy in 0..<2 { sum += 0.25 * logs[copy, 7] + 0.75 * logs[copy, 9] + logs[2 + copy, 200] }
    #expect(abs(outcome.loss + sum / 4) < 1e-4)
    let clean = Variable(plain.inputs).crossEntropy(targets: shares).mean().value.item
    let free = try FreeAdversarialTraining(budget: LInfBall(radius: 0.1), replays: 1)
      .outcome(of: Echo(), on: mixed, at: Self.step(), carried: &carried)
    let attack = FastGradient(budget: LInfBall(radius: 0))
    let both = try AdversarialTraining(attack: attack, share: 1, cleanWeight: 1)
      .outcome(of: Echo(), on: mixed, at: Self.step(), carried: &carried)
    #expect(abs(free.loss - clean) < 1e-4 && abs(both.loss - 2 * clean) < 1e-4)
  }

  /// The share of samples that most of 200 noisy copies are answered rightly, and the mean radius that exact probabilities of
  /// these shares would certify.
  private static func smoothed(_ model: MLP, _ noise: SmoothingNoise, _ test: some BatchSource) throws -> (
    accuracy: Double, radius: Double
  ) {
    let batch = try test.batch(at: Array(0..<test.count))
    var (right, radius) = (0, 0.0)
    for i in 0..<batch.count {
      let copies = noise.copies(of: batch.inputs[row: i], 0..<200, key: key.derived("test").derived(i))
      let hits = model.predictions(copies).scalars.filter { Int($0) == batch.labels[i] }.count
      guard hits > 100 else { continue }
      right += 1
      radius +=
        Double(noise.standardDeviation) * NormalDistribution.quantile(min(Double(hits), 199.5) / 200)
    }
    return (Double(right) / Double(batch.count), radius / Double(batch.count))
  }

  // The plain twin leans on the element that noise drowns, and answers noisy copies by chance.
  @Test func noiseTrainingMakesAnswersSteadyUnderNoise() throws {
    let noise = try SmoothingNoise(standardDeviation: 0.25, clampedTo: nil)
    // the hint is always right and drowns in the noise
    func samples(_ count: Int, seed: UInt64) -> HintedFeature {
      HintedFeature(count: count, misleading: 0.1, hint: 0.05, onlyThere: false, seed: seed)
    }
    let (training, test) = (samples(400, seed: 1), samples(100, seed: 2))
    func model(_ loss: (any TrainingLoss)?) throws -> MLP {
      try training.trained(loss, widths: [2, 2], epochs: 40, rate: 0.2)
    }
    let plain = try model(nil)
    let noisy = try model(NoiseTraining(noise: noise, inputRange: -1...1))
    #expect(try plain.evaluate(on: test).accuracy == 1)
    let (before, after) = (try Self.smoothed(plain, noise, test), try Self.smoothed(noisy, noise, test))
    #expect(after.radius > 1.5 * before.radius, "\(before), \(after)")
  }

  // Against its twin whose second term has no weight, on the same draws. That one turns its boundary until the samples of
  // which the hint is all there is are right as well, and thereby closer to all others.
  @Test func macerRaisesTheRadius() throws {
    let noise = try SmoothingNoise(standardDeviation: 0.25, clampedTo: nil)
    func samples(_ count: Int, seed: UInt64) -> HintedFeature {
      HintedFeature(count: count, misleading: 0.1, hint: 1, onlyThere: true, seed: seed)
    }
    let (training, test) = (samples(200, seed: 1), samples(100, seed: 2))
    func result(_ lambda: Float) throws -> (accuracy: Double, radius: Double) {
      let method = MACER(
        noise: noise, copies: 8, inverseTemperature: 2, lambda: lambda, inputRange: -1...1)
      return try Self.smoothed(
        training.trained(method, widths: [2, 2], epochs: 30, rate: 0.05), noise, test)
    }
    let (without, with) = (try result(0), try result(2))
    #expect(with.radius > 1.05 * without.radius && with.accuracy > 0.8, "\(without), \(with)")
  }

  // λ is 0 up to the warm-up's last step and counts from the next one on.
  @Test func macerWaitsForTheWarmUp() throws {
    let noise = try SmoothingNoise(standardDeviation: 0.25)
    let right = Batch(inputs: Tensor([[1, 0, 0], [0, 0, 1]]), labels: IntTensor([0, 2]), indices: [3, 4])
    func loss(lambda: Float, warmUp: Double = 0, batch: Int) throws -> Float {
      let method = MACER(noise: noise, copies: 4, lambda: lambda, warmUp: warmUp)
      var carried: [String: Tensor] = [:]
      return try method.outcome(
        of: Echo(), on: right, at: Self.step(epoch: 1, batch: batch), carried: &carried
      ).loss
    }
    let warmUp = 1 + 5.0 / 9
    #expect(try loss(lambda: 12, warmUp: warmUp, batch: 4) == loss(lambda: 0, batch: 4))
    #expect(try loss(lambda: 12, warmUp: warmUp, batch: 5) == loss(lambda: 12, batch: 5))
    #expect(try loss(lambda: 12, batch: 5) > loss(lambda: 0, batch: 5) + 0.01)
  }

  // Attacks that go through the noise: the smoothed classifier of the twin trained on noise alone falls more often.
  @Test func smoothAdvMakesTheSmoothedClassifierRobust() throws {
    let noise = try SmoothingNoise(standardDeviation: 0.1, clampedTo: nil)
    let (training, test) = (WeakFeatures(count: 600, seed: 1), WeakFeatures(count: 100, seed: 2))
    let attack = ProjectedGradient(
      budget: LInfBall(radius: 0.1), stepSize: 0.04, steps: 4, startsAtRandom: false)
    func errors(_ loss: any TrainingLoss) throws -> Double {
      let model = try training.trained(loss, widths: [101, 2], epochs: 20, rate: 0.02)
      let averaged = NoiseAveraged(
        LayerClassifier(model, inputRange: -1...1), noise: noise, copies: 20,
        keys: (0..<test.count).map { Self.key.derived("test").derived($0) }, inputRange: -1...1)
      return try judge(attack, against: averaged, on: test.batch(at: Array(0..<test.count)), key: Self.key)
        .robustErrors.estimate
    }
    let noisy = try errors(NoiseTraining(noise: noise, copies: 2, inputRange: -1...1))
    let robust = try errors(SmoothAdv(attack: attack, noise: noise, copies: 2, inputRange: -1...1))
    #expect(noisy > 0.8 && robust < 0.4, "\(noisy), \(robust)")
  }

  /// Notes the points at which it asks for logits, and moves by a known amount.
  private struct Spy: Attack {
    let budget = LInfBall(radius: 0.125)
    var description: String { "spy" }
    func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor {
      let first = model.logits(x)
      #expect(model.logits(x) == first && model.inputGradient(at: x, goal: goal).shape == x.shape)
      // softmax of an echo averaged over copies: the averages themselves tell which noise it saw
      SmoothingTrainingTests.averages.withLock { $0.append(first) }
      return x + 0.125
    }
  }

  fileprivate static let averages = Mutex<[Tensor]>([])

  // What the attack saw is the average over the same draws that the step learns from, shifted by what the attack did.
  @Test func sameDrawsInAttackAndStep() throws {
    let noise = try SmoothingNoise(standardDeviation: 0.5, clampedTo: nil)
    let method = SmoothAdv(attack: Spy(), noise: noise, copies: 4, inputRange: -2...2)
    var carried: [String: Tensor] = [:]
    let outcome = try method.outcome(of: Echo(), on: Self.batch([2, 3]), at: Self.step(), carried: &carried)
    // a constant shift of all classes leaves the softmax
    let expected = outcome.logits.softmax().reshaped(to: [2, 4, 300]).mean(alongAxis: 1).log()
    let seen = try #require(Self.averages.withLock { $0.last })
    #expect(seen.mismatch(with: expected, relativeToLargest: 1e-5) == nil)
    #expect(abs(outcome.loss - outcome.logits.crossEntropy(labels: outcome.labels).losses.mean()) < 1e-5)
    // the draws are those of noise training in the same epoch
    let noisy = try Self.seen(
      NoiseTraining(noise: noise, copies: 4, inputRange: -2...2), Self.batch([2, 3]), Self.step(batch: 5))
    #expect((noisy + 0.125).mismatch(with: outcome.logits, relativeToLargest: 1e-6) == nil)
  }

  // The objective that the attack climbs is the soft vote's loss, which PyTorch's values are tested for.
  @Test func attackClimbsTheSoftVote() throws {
    let noise = try SmoothingNoise(standardDeviation: 0.5)
    let keys = (0..<3).map { Self.key.derived($0) }
    let x = Tensor.uniform(shape: [3, 7], key: Self.key.derived("x"))
    let labels = IntTensor([6, 0, 3])
    let averaged = NoiseAveraged(LayerClassifier(Echo()), noise: noise, copies: 8, keys: keys)
    let vote = MACER(noise: noise, copies: 8, lambda: 0)
    let copies = Tensor.concatenated((0..<3).map { noise.copies(of: x[row: $0], 0..<8, key: keys[$0]) })
    let expected = valueAndGradient(at: copies) { vote.loss($0, labels: labels) }
    let goal = Untargeted(labels: labels)
    #expect(abs(goal.objectives(averaged.logits(x)).mean() - expected.value) < 1e-5)
    let inside = (copies .> Tensor(0)) * (copies .< Tensor(1))
    let slope = (3 * expected.gradient * inside).reshaped(to: [3, 8, 7]).sum(alongAxis: 1)
    #expect(averaged.inputGradient(at: x, goal: goal).mismatch(with: slope, relativeToLargest: 1e-5) == nil)
  }

  @Test func inputsOutOfRangeAreRefused() throws {
    let noise = try SmoothingNoise(standardDeviation: 0.5)
    let batch = Batch(inputs: Tensor([[0.5, -0.1]]), labels: IntTensor([0]), indices: [6])
    let attack = FastGradient(budget: L2Ball(radius: 1))
    let methods: [any TrainingLoss] = [
      NoiseTraining(noise: noise), MACER(noise: noise), SmoothAdv(attack: attack, noise: noise, copies: 2),
      TRADES(attack: attack), MART(attack: attack),
    ]
    for method in methods {
      var carried: [String: Tensor] = [:]
      let error = try #require(throws: InputError.self) {
        _ = try method.outcome(of: Echo(), on: batch, at: Self.step(), carried: &carried)
      }
      #expect("\(error)".contains("sample 6"))
    }
  }
}
