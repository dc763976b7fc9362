import Attacks
import AutoDiffLite
import Defenses
import Foundation
import TensorCore
import Testing

/// The losses and their gradients with respect to the logits, against float64 values of PyTorch
/// (Scripts/fixtures/make_defense_fixtures.py).
@Suite struct LossFixtureTests {
  private static let file = Result {
    try SafeTensors(
      contentsOf: Bundle.module.url(forResource: "Fixtures/losses", withExtension: "safetensors")!)
  }

  private static func tensor(_ name: String) throws -> Tensor { try file.get().tensor(named: name) }
  private static func labels(_ name: String) throws -> IntTensor { try file.get().integers(named: name) }

  private func expectClose(
    _ value: Tensor, _ expected: Tensor, _ what: String, at location: SourceLocation = #_sourceLocation
  ) {
    let mismatch = value.mismatch(with: expected, relativeToLargest: 1e-5)
    #expect(mismatch == nil, "\(what)", sourceLocation: location)
  }

  /// Compares a loss of named logits and its gradients with the fixture's.
  private func check(
    _ name: String, _ logits: [String], at location: SourceLocation = #_sourceLocation,
    _ loss: ([Variable], IntTensor) -> Variable
  ) throws {
    let leaves = try logits.map { Variable.leaf(try Self.tensor("\(name)/\($0)")) }
    let result = loss(leaves, try Self.labels("\(name)/labels"))
    expectClose(result.value, try Self.tensor("\(name)/loss"), "\(name), loss", at: location)
    for (key, gradient) in zip(logits, result.gradients(withRespectTo: leaves)) {
      expectClose(gradient, try Self.tensor("\(name)/\(key)Gradient"), "\(name), \(key)", at: location)
    }
  }

  private static let attack = FastGradient(budget: LInfBall(radius: 0.1))

  // The divergence the other way round, β on the wrong term, or a gradient stopped on the clean side would show.
  @Test func trades() throws {
    let method = TRADES(attack: Self.attack, beta: 6)
    try check("trades", ["clean", "adversarial"]) {
      method.loss(clean: $0[0], adversarial: $0[1], labels: $1)
    }
  }

  // The rival is the likeliest wrong class, not the likeliest; the doubt is the clean sample's.
  @Test func mart() throws {
    let method = MART(attack: Self.attack, lambda: 5)
    try check("mart", ["clean", "adversarial"]) { method.loss(clean: $0[0], adversarial: $0[1], labels: $1) }
  }

  // What TRADES's attack climbs: its own gradient is not the tape's of the objective.
  @Test func divergenceGoal() throws {
    let goal = Divergence(from: try Self.tensor("divergence/clean"))
    let logits = try Self.tensor("divergence/adversarial")
    expectClose(goal.objectives(logits), try Self.tensor("divergence/each"), "divergences")
    let expected = try Self.tensor("divergence/adversarialGradient")
    expectClose(goal.objectiveGradient(logits), expected, "slope")
    expectClose(gradient(at: logits) { goal.objective($0).sum() }, expected, "slope of the tape")
    let rows = [4, 1, 2]
    let part = try #require(goal.part(rows))
    expectClose(
      part.objectiveGradient(logits.gathered(rows: rows)), expected.gathered(rows: rows),
      "slope of a part")
    let (ours, theirs) = (logits.argmax(alongAxis: 1), goal.reference.argmax(alongAxis: 1))
    #expect(goal.isReached(logits) == (0..<9).map { ours[$0] != theirs[$0] })
    #expect(goal.isReached(goal.reference) == [Bool](repeating: false, count: 9))
  }

  // One sample is answered wrongly and one lies beyond γ: neither may move. One lies just within.
  @Test func macer() throws {
    let method = MACER(
      noise: try SmoothingNoise(standardDeviation: 0.5), copies: 4, inverseTemperature: 16, margin: 8,
      lambda: 12)
    try check("macer", ["logits"]) { method.loss($0[0], labels: $1) }
  }

  // Without its second term MACER minimises what SmoothAdv's attack climbs.
  @Test func softVote() throws {
    let method = MACER(noise: try SmoothingNoise(standardDeviation: 0.5), copies: 4, lambda: 0)
    try check("softVote", ["logits"]) { method.loss($0[0], labels: $1) }
  }

  // Copies that are sure: all softmaxes saturate, no radius is finite, and nothing may turn into NaN.
  @Test func sureAnswersStayFinite() throws {
    let noise = try SmoothingNoise(standardDeviation: 0.5)
    let logits = Tensor([[40, -40, 0], [40, -40, 0], [-40, 40, 0], [-40, 40, 0]])
    let labels = IntTensor([0, 0])
    let (value, slope) = valueAndGradient(at: logits) {
      MACER(noise: noise, copies: 2).loss($0, labels: labels)
    }
    #expect(abs(value - 40) < 1e-4 && slope.isFinite)
    let sure = Tensor([[90, -90], [90, -90]])
    for loss in [
      { TRADES(attack: Self.attack).loss(clean: $0, adversarial: -$0, labels: labels) },
      { MART(attack: Self.attack).loss(clean: $0, adversarial: -$0, labels: labels) },
    ] as [(Variable) -> Variable] {
      let (value, slope) = valueAndGradient(at: sure, loss)
      #expect(value.isFinite && slope.isFinite)
    }
  }

  @Test func impossibleSettingsAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = TRADES(attack: LossFixtureTests.attack, beta: -1) }
    await #expect(processExitsWith: .failure) { _ = MART(attack: LossFixtureTests.attack, lambda: .nan) }
    await #expect(processExitsWith: .failure) {
      _ = MACER(noise: try SmoothingNoise(standardDeviation: 1), copies: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = MACER(noise: try SmoothingNoise(standardDeviation: 1), copies: 2)
        .loss(Variable(.zeros(shape: [3, 2])), labels: IntTensor([0]))
    }
  }
}
