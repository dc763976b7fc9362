import Attacks
import Foundation
import TensorCore
import Testing

@Suite struct SourceJudgeTests {
  private static let key = RandomKey(seed: 69)
  private let clouds = Clouds(count: 61)
  private let model = Rowwise(classes: 3, inputs: 2, key: key)
  private let attack = ProjectedGradient(budget: LInfBall(radius: 0.2), stepSize: 0.05, steps: 4)

  // Keys that follow the row or the batch give another start to the same sample.
  @Test func batchSizesDoNotMatter() throws {
    let whole = try judge(
      attack, against: model, on: clouds.batch(at: Array(0..<61)), key: Self.key)
    #expect(whole.records.contains { $0.norms.lInf > 0.1 })
    for size in [1, 7, 60, 61, 250] {
      let result = try judge(
        attack, against: model, on: clouds, batchSize: size, keepsInputs: true, key: Self.key)
      #expect(result.records == whole.records && result.attack == whole.attack)
      #expect(result.adversarialInputs == whole.adversarialInputs)
    }
  }

  // A subset, in any order, is what these samples are in the whole.
  @Test func subsetsAreParts() throws {
    let whole = try judge(attack, against: model, on: clouds, keepsInputs: true, key: Self.key)
    let rows = [60, 3, 17, 4]
    let some = try judge(
      attack, against: model, on: clouds, samples: rows, batchSize: 3, keepsInputs: true, key: Self.key)
    #expect(some.records == rows.map { whole.records[$0] })
    #expect(some.adversarialInputs == whole.adversarialInputs?.gathered(rows: rows))
    let none = try judge(attack, against: model, on: clouds, samples: [], keepsInputs: true, key: Self.key)
    #expect(none.records.isEmpty && none.adversarialInputs == nil)
  }

  @Test func inputsAreKeptWhenAskedOnly() throws {
    #expect(try judge(attack, against: model, on: clouds, key: Self.key).adversarialInputs == nil)
    let kept = try judge(attack, against: model, on: clouds, batchSize: 10, keepsInputs: true, key: Self.key)
    let inputs = try #require(kept.adversarialInputs)
    #expect(inputs.shape == [61, 2])
    // they are the inputs that the records are about
    let predictions = model.logits(inputs).argmax(alongAxis: 1)
    #expect((0..<61).allSatisfy { predictions[$0] == kept.records[$0].adversarial.label })
  }

  // Targets are in the order of the samples, not of the data set.
  @Test func targetsFollowTheSamples() throws {
    let rows = [8, 2, 40, 5, 6]
    let targets = IntTensor([0, 1, 2, 0, 1])
    let result = try judge(
      attack, against: model, on: clouds, samples: rows, targets: targets, batchSize: 2, key: Self.key)
    #expect(result.records.map(\.target) == [0, 1, 2, 0, 1])
    #expect(result.records.allSatisfy { $0.isSuccess == ($0.adversarial.label == $0.target) })
    let single = try judge(
      attack, against: model, on: clouds.batch(at: rows), targets: targets, key: Self.key)
    #expect(result.records == single.records)
  }

  @Test func goalsAreMadeForEachBatch() throws {
    let result = try judge(
      attack, against: model, on: clouds, goal: { Untargeted(labels: $0.labels) }, batchSize: 9, key: Self.key
    )
    #expect(try result.records == judge(attack, against: model, on: clouds, key: Self.key).records)
  }

  private struct Stopped: Error {}

  @Test func progressIsTold() throws {
    var seen: [[Int]] = []
    _ = try judge(attack, against: model, on: clouds, batchSize: 25, key: Self.key) { seen.append([$0, $1]) }
    #expect(seen == [[25, 61], [50, 61], [61, 61]])
    seen = []
    #expect(throws: Stopped.self) {
      _ = try judge(attack, against: model, on: clouds, batchSize: 25, key: Self.key) { done, _ in
        seen.append([done])
        if done == 50 { throw Stopped() }
      }
    }
    #expect(seen == [[25], [50]])
  }

  // An error names the sample by its index in the data set.
  @Test func errorsNameTheSample() throws {
    var narrow = model
    narrow.inputRange = 0...0.9
    let first = try #require((0..<61).first { clouds.inputs[$0, 0] > 0.9 || clouds.inputs[$0, 1] > 0.9 })
    let error = try #require(throws: InputError.self) {
      _ = try judge(attack, against: narrow, on: clouds, batchSize: 4, key: Self.key)
    }
    #expect("\(error)".contains("input, sample \(first)"))
  }

  @Test func impossibleBatchesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let model = Rowwise(classes: 3, inputs: 2, key: SourceJudgeTests.key)
      _ = try judge(
        FastGradient(budget: LInfBall(radius: 0)), against: model, on: Clouds(count: 3), batchSize: 0,
        key: SourceJudgeTests.key)
    }
    await #expect(processExitsWith: .failure) {
      let model = Rowwise(classes: 3, inputs: 2, key: SourceJudgeTests.key)
      _ = try judge(
        FastGradient(budget: LInfBall(radius: 0)), against: model, on: Clouds(count: 3),
        targets: IntTensor([1, 1]), key: SourceJudgeTests.key)
    }
  }
}
