import Attacks
import Foundation
import TensorCore
import Testing

/// Many radii in one call.
@Suite struct RadiusJudgeTests {
  private static let key = RandomKey(seed: 72)
  private static let radii: [Float] = [0, 0.02, 0.05, 0.1, 0.2]
  private let clouds = Clouds(count: 61)
  private let model = Rowwise(classes: 3, inputs: 2, key: key)

  private func iterative(_ radius: Float) -> ProjectedGradient<LInfBall> {
    ProjectedGradient(budget: LInfBall(radius: radius), stepSize: radius / 4, steps: 6)
  }

  // Each radius as if it were the only one; the shared gradient and clean answers are asked for once.
  @Test func resultsAreThoseOfSingleCalls() throws {
    let batch = try clouds.batch(at: Array(0..<61))
    let targets = IntTensor((0..<61).map { ($0 / 2) % 3 })
    for targets in [nil, targets] {
      func check(_ attacks: [some Attack], gradients: Int) throws {
        let counter = QueryCounter(model)
        let results = try judge(attacks, against: counter, on: batch, targets: targets, key: Self.key)
        #expect(
          counter.count
            == .init(forwards: 61 * (gradients + 1 + attacks.count), gradients: 61 * gradients))
        #expect(results.count == attacks.count)
        for (attack, result) in zip(attacks, results) {
          let single = try judge(attack, against: model, on: batch, targets: targets, key: Self.key)
          #expect(result.attack == single.attack && result.records == single.records)
          #expect(result.adversarialInputs == single.adversarialInputs)
        }
      }
      try check(Self.radii.map { FastGradient(budget: LInfBall(radius: $0)) }, gradients: 1)
      try check(Self.radii.map { FastGradient(budget: L2Ball(radius: $0)) }, gradients: 1)
      try check(Self.radii.map(iterative), gradients: 6 * 5)
    }
  }

  // A sample that has fallen keeps its smallest change; the others get what they would get alone.
  @Test func standingSamplesOnly() throws {
    let batch = try clouds.batch(at: Array(0..<61))
    let attacks = Self.radii.map(iterative)
    let alone = try judge(attacks, against: model, on: batch, key: Self.key)
    let counter = QueryCounter(model)
    let results = try judge(attacks, against: counter, on: batch, standingOnly: true, key: Self.key)
    var fallen: [Int: Tensor] = [:]
    var attacked = 0
    for (place, result) in results.enumerated() {
      attacked += 61 - fallen.count
      let inputs = try #require(result.adversarialInputs)
      for (sample, record) in result.records.enumerated() {
        if let change = fallen[sample] {
          #expect(record.isSuccess && inputs[row: sample] == change)
        } else {
          #expect(record == alone[place].records[sample])
          if record.isSuccess { fallen[sample] = inputs[row: sample] }
        }
      }
      #expect(
        result.attack == "\(attacks[place])" + (place > 0 ? ", on samples that stood smaller radii" : ""))
    }
    #expect(fallen.count > 20 && fallen.count < 61)
    #expect(counter.count.forwards == 61 * (1 + attacks.count) + 6 * attacked)
  }

  @Test func dataSetsBatchByBatch() throws {
    let attacks = Self.radii.map(iterative)
    let rows = [60, 3, 17, 4, 8, 9, 30]
    let targets = IntTensor([0, 1, 2, 0, 1, 2, 0])
    for standingOnly in [false, true] {
      let whole = try judge(
        attacks, against: model, on: clouds.batch(at: rows), targets: targets, standingOnly: standingOnly,
        key: Self.key)
      var seen: [Int] = []
      let results = try judge(
        attacks, against: model, on: clouds, samples: rows, targets: targets, batchSize: 3, keepsInputs: true,
        standingOnly: standingOnly, key: Self.key
      ) { done, total in
        seen.append(done)
        #expect(total == 7)
      }
      #expect(seen == [3, 6, 7])
      for (result, expected) in zip(results, whole) {
        #expect(result.records == expected.records && result.attack == expected.attack)
        #expect(result.adversarialInputs == expected.adversarialInputs)
      }
    }
    let none = try judge(attacks, against: model, on: clouds, samples: [], key: Self.key)
    #expect(none.count == 5 && none.allSatisfy(\.records.isEmpty))
    #expect(try judge([FastGradient<L2Ball>](), against: model, on: clouds, key: Self.key).isEmpty)
  }

  // What fell to a large radius need not fall to a small one.
  @Test func fallingRadiiAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = try judge(
        [0.2, 0.1].map { FastGradient(budget: L2Ball(radius: $0)) }, against: Transparent(),
        on: Batch(Tensor([[0, 1, 0]]), labels: [1]), standingOnly: true, key: RandomKey(seed: 1))
    }
  }

  @Test func inputsOutOfRangeAreRefused() throws {
    let error = try #require(throws: InputError.self) {
      _ = try judge(
        Self.radii.map(iterative), against: model, on: Batch(Tensor([[0.5, 1.5]]), labels: [1], first: 7),
        key: Self.key)
    }
    #expect(error.kind == .outOfRange && "\(error)".contains("sample 7") && "\(error)".contains("1.5"))
  }
}
