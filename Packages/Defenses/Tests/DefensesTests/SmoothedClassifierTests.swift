import Attacks
import Defenses
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct SmoothedClassifierTests {
  private static let key = RandomKey(seed: 82)

  private static func network() throws -> SmoothedClassifier {
    SmoothedClassifier(
      try ConvNN(key: key).prepared(for: [1, 28, 28]), noise: try SmoothingNoise(standardDeviation: 1))
  }

  private static func digits(_ count: Int) -> Batch {
    Batch(
      inputs: .uniform(shape: [count, 1, 28, 28], key: key.derived("digits")),
      labels: IntTensor([Int](repeating: 0, count: count)), indices: (0..<count).map { 50 + 3 * $0 })
  }

  // The plain form: noise from the tensor's own draws, added, clamped, classified, counted.
  @Test func countsAreThoseOfThePlainForm() throws {
    let smoothed = try Self.network()
    let batch = Self.digits(2)
    let keys = [Self.key.derived(1), Self.key.derived(2)]
    let counts = try smoothed.classCounts(of: batch.inputs, copies: 0..<250, keys: keys)
    for row in 0..<2 {
      let noise = Tensor.normal(shape: [250, 1, 28, 28], key: keys[row])
      let noisy = (batch.inputs[row: row] + noise).clamped(to: 0...1)
      var expected = [Int](repeating: 0, count: 10)
      for label in smoothed.base.logits(noisy).argmax(alongAxis: 1).scalars { expected[Int(label)] += 1 }
      #expect(counts[row] == expected)
    }
    let later = try smoothed.classCounts(of: batch.inputs, copies: 100..<250, keys: keys)
    let first = try smoothed.classCounts(of: batch.inputs, copies: 0..<100, keys: keys)
    #expect(zip(first[0], later[0]).map(+) == counts[0])
  }

  // P[f(x + ε) = 1] = Φ((w·x + b) / (σ‖w‖)) = Φ(0.2/0.5): rightly scaled noise on every pixel.
  @Test func halfSpaceProbability() throws {
    let smoothed = SmoothedClassifier(
      try halfSpace(weight: [1, -2, 2], bias: 0.1),
      noise: try SmoothingNoise(standardDeviation: 0.5, clampedTo: nil))
    let counts = try smoothed.classCounts(
      of: Tensor([[0.5, 0.25, 0.25]]), copies: 0..<40_000, keys: [Self.key])
    let interval = Proportion(successes: counts[0][1], count: 40_000).interval(confidence: 1 - 1e-6)
    #expect(interval.contains(0.655421741610324))  // Φ(0.4)
    #expect(counts[0][0] + counts[0][1] == 40_000)
  }

  // Clamped to [0, 1], x + ε with x = 0.5 exceeds 1.2 never; unclamped with probability Φ(−0.7).
  @Test func clampingIsPartOfTheModel() throws {
    let base = try halfSpace(weight: [1], bias: -1.2)
    func count(_ range: ClosedRange<Float>?) throws -> Int {
      try SmoothedClassifier(base, noise: SmoothingNoise(standardDeviation: 1, clampedTo: range)).classCounts(
        of: Tensor([[0.5]]), copies: 0..<10_000, keys: [Self.key])[0][1]
    }
    #expect(try count(0...1) == 0)
    let free = Proportion(successes: try count(nil), count: 10_000)
    #expect(free.interval(confidence: 1 - 1e-6).contains(0.241963652223073))
    #expect("\(try SmoothingNoise(standardDeviation: 0.5))".contains("clamped to 0.0...1.0"))
    #expect("\(try SmoothingNoise(standardDeviation: 0.5, clampedTo: nil))".contains("not clamped"))
  }

  private static let settings = CertificationSettings(
    selectionDraws: 130, estimationDraws: 450, failureProbability: 0.05)

  // Samples certified alone, in another order and beside others: a sample's noise follows from its index alone.
  @Test(arguments: [nil, SequentialStopping(.atRadius(0.5)), SequentialStopping(.atShare(0.9))])
  func companyDoesNotMatter(stopping: SequentialStopping?) throws {
    let smoothed = try Self.network()
    let batch = Self.digits(6)
    var settings = Self.settings
    settings.stopping = stopping
    let all = try smoothed.certify(batch, settings: settings, key: Self.key)
    let predicted = try smoothed.predict(batch, draws: 130, failureProbability: 0.05, key: Self.key)
    for rows in [[3], [5, 0], [4, 1, 2]] {
      let part = Batch(
        inputs: batch.inputs.gathered(rows: rows), labels: batch.labels.gathered(rows: rows),
        indices: rows.map { batch.indices[$0] })
      #expect(try smoothed.certify(part, settings: settings, key: Self.key) == rows.map { all[$0] })
      #expect(
        try smoothed.predict(part, draws: 130, failureProbability: 0.05, key: Self.key)
          == rows.map { predicted[$0] })
    }
    let other = try smoothed.certify(batch, settings: settings, key: RandomKey(seed: 1))
    #expect(other.map(\.hits) != all.map(\.hits))
  }

  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      func certificates(threads: Int) throws -> [Certificate] {
        ThreadPool.threadCount = threads
        return try SmoothedClassifierTests.network().certify(
          SmoothedClassifierTests.digits(3), settings: SmoothedClassifierTests.settings,
          key: SmoothedClassifierTests.key)
      }
      let alone = try certificates(threads: 1)
      for threads in [2, 4, 8] { #expect(try certificates(threads: threads) == alone) }
    }
  }

  @Test func inputsOutOfRangeAreRefused() throws {
    var inputs = Tensor.zeros(shape: [2, 3])
    inputs[1, 2] = 1.25
    let batch = Batch(inputs: inputs, labels: IntTensor([0, 0]), indices: [4, 9])
    let smoothed = SmoothedClassifier(
      try halfSpace(weight: [1, 1, 1], bias: 0), noise: try SmoothingNoise(standardDeviation: 1))
    for run in [
      { _ = try smoothed.certify(batch, settings: CertificationSettings(), key: Self.key) },
      { _ = try smoothed.predict(batch, draws: 100, failureProbability: 0.05, key: Self.key) },
    ] {
      let error = try #require(throws: InputError.self) { try run() }
      #expect(error.kind == .outOfRange && "\(error)".contains("sample 9") && "\(error)".contains("1.25"))
    }
    let wider = SmoothedClassifier(smoothed.base, noise: smoothed.noise, inputRange: 0...2)
    _ = try wider.predict(batch, draws: 100, failureProbability: 0.05, key: Self.key)
  }

  @Test func impossibleNoiseIsRefused() throws {
    for sigma: Float in [0, -1, .nan, .infinity] {
      let error = try #require(throws: InputError.self) { _ = try SmoothingNoise(standardDeviation: sigma) }
      #expect(error.kind == .outOfRange)
    }
  }

  // NaN is never the largest, so a diverged model would pass for one that always answers the same class.
  @Test func aModelThatDoesNotAnswerIsRefused() throws {
    let smoothed = SmoothedClassifier(
      try halfSpace(weight: [1, 1, 1], bias: .nan), noise: try SmoothingNoise(standardDeviation: 1))
    let error = try #require(throws: InputError.self) {
      _ = try smoothed.certify(
        Batch(repeating: [0, 0, 0], count: 1), settings: CertificationSettings(), key: Self.key)
    }
    #expect(error.kind == .outOfRange)
  }

  @Test func otherNumbersOfKeysAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = try SmoothedClassifierTests.network().classCounts(
        of: SmoothedClassifierTests.digits(2).inputs, copies: 0..<4, keys: [SmoothedClassifierTests.key])
    }
  }
}
