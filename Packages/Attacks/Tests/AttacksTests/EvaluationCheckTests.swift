import Attacks
import AutoDiffLite
import Foundation
import Synchronization
import TensorCore
import Testing

/// Forty samples at known distances from the boundary of a linear model, so that the success at every radius is known; then
/// one thing at a time is spoiled. Limits in counts by SciPy 1.17's `beta.ppf`.
@Suite struct EvaluationCheckTests {
  private static let key = RandomKey(seed: 92)
  private static let count = 40

  /// Sample i has `x₀ = 1/2 ± (0.005 i + 0.0025)`: of radius r fall 200 r samples.
  private static let batch: Batch = {
    let signs = (0..<count).map { $0 % 2 == 0 ? -1.0 : 1.0 }
    let rows = (0..<count).map { [Float(0.5 + signs[$0] * distance($0)), 0.5] }
    return Batch(
      inputs: Tensor(rows), labels: IntTensor(signs.map { $0 > 0 ? 1 : 0 }),
      indices: (0..<count).map { $0 + 100 })
  }()
  private static func distance(_ sample: Int) -> Double { 0.005 * Double(sample) + 0.0025 }

  /// Logits `(0, 8 (x₀ − 1/2))`, or others, and what becomes of their gradient.
  private struct Model: Classifier {
    var inputRange: ClosedRange<Float> = 0...1
    var answers: @Sendable (Variable) -> Variable = {
      $0.linear(weight: Variable(Tensor([[0, 0], [8, 0]])), bias: Variable(Tensor([0, -4])))
    }
    /// The gradient at an input, and whether it is that of the cross-entropy.
    var slope: @Sendable (_ x: [Float], _ gradient: [Float], _ ofLoss: Bool) -> [Float] = { _, gradient, _ in
      gradient
    }

    func logits(_ x: Variable) -> Variable { answers(x) }
    func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
      let leaf = Variable.leaf(x)
      let logits = answers(leaf)
      let gradient = logits.gradients(withRespectTo: [leaf], upstream: goal.objectiveGradient(logits.value))[
        0]
      let rows = (0..<x.shape[0]).map {
        slope(x[row: $0].scalars, gradient[row: $0].scalars, goal is Untargeted)
      }
      return (logits.value, Tensor(rows))
    }
  }

  /// A model that changes its answers with the number of the call, from 1.
  private func counting(_ change: @escaping @Sendable (_ answers: Variable, _ call: Int) -> Variable) -> Model
  {
    let calls = Mutex(0)
    let plain = Model()
    return Model(answers: { x in
      let call = calls.withLock { calls in
        calls += 1
        return calls
      }
      return change(plain.answers(x), call)
    })
  }

  /// Needs no gradient: it knows the way.
  private struct Oracle: Attack {
    var budget: LInfBall
    var description: String { "oracle, \(budget)" }
    func perturb(_ x: Tensor, against model: some Classifier, goal: some Goal, keys: [RandomKey]) -> Tensor {
      var moved = x
      for i in keys.indices { moved[i, 0] += x[i, 0] > 0.5 ? -budget.radius : budget.radius }
      return budget.project(moved, around: x, range: model.inputRange)
    }
  }

  private func findings(
    _ model: some Classifier, _ batch: Batch = batch, claim: AttackResult? = nil
  ) throws -> [EvaluationFinding] {
    try checkEvaluation(
      of: model, within: LInfBall(radius: 0.1), on: batch, claim: claim, steps: 10, key: Self.key
    ) { Oracle(budget: $0) }
  }

  private func flagged(_ findings: [EvaluationFinding]) -> [EvaluationCheck] {
    findings.filter(\.isFlagged).map(\.check)
  }

  private func finding(_ check: EvaluationCheck, _ findings: [EvaluationFinding]) throws -> EvaluationFinding
  {
    try #require(findings.first { $0.check == check })
  }

  // All counts by hand: 200 r samples fall within r, and all within a ball that allows every image.
  @Test func honestModelsPass() throws {
    let claim = try judge(
      ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.05, steps: 4), against: Model(),
      on: Self.batch, traces: true, key: Self.key)
    let all = try findings(Model(), claim: claim)
    #expect(all.map(\.check) == EvaluationCheck.allCases)
    #expect(all.allSatisfy { $0.severity == .passed }, "\(all)")
    #expect(all.allSatisfy { $0.count == ($0.check == .independence ? 20 : 40) && $0.remedy == "" })
    let rising = try finding(.growingRadius, all).measured
    for rate in ["radius 0.05: 10/40", "radius 0.1: 20/40", "radius 0.2: 40/40", "radius 0.4: 40/40"] {
      #expect(rising.contains(rate), "\(rising)")
    }
    #expect(try finding(.hugeRadius, all).measured.contains("40/40"))
    #expect(try finding(.moreSteps, all).measured.contains("0 against 0, p = 1.0"))
    #expect(try finding(.blackBox, all).measured.contains("without 20/40"))
    #expect(try finding(.claim, all).measured.contains("claimed 20/40"))
    #expect(try finding(.keptSuccess, all).measured.hasPrefix("0 samples"))
    #expect(try findings(Model(), claim: claim) == all)
    #expect(try findings(Model()).map(\.check) == EvaluationCheck.allCases.dropLast(2))
    let untraced = AttackResult(attack: claim.attack, records: claim.records)
    #expect(try finding(.keptSuccess, findings(Model(), claim: untraced)).severity == .undecided)
  }

  // Unbounded inputs: the ball of a hundred times the radius is huge.
  @Test func unboundedInputsHaveAHugeRadiusToo() throws {
    let all = try findings(Model(inputRange: -.infinity ... .infinity))
    #expect(flagged(all) == [])
    #expect(
      try finding(.hugeRadius, all).measured.contains(
        "40/40 = 100.0 % [91.2, 100.0] fall within L-infinity, radius 10"))
  }

  @Test func probabilitiesAreFlagged() throws {
    let plain = Model()
    let all = try findings(Model(answers: { plain.answers($0).softmax() }))
    #expect(flagged(all) == [.logits])
    #expect(try finding(.logits, all).severity == .invalid)
  }

  // The answers of call c are shifted by c: predictions stay, logits do not.
  @Test func answersThatChangeAreFlagged() throws {
    let all = try findings(counting { answers, call in answers + Float(call) })
    #expect(flagged(all) == [.repeatability])
    #expect(try finding(.repeatability, all).measured.hasPrefix("40 samples"))
    #expect(try finding(.independence, all).severity == .undecided)
  }

  // A shift of the logits by the batch's mean, as batch norm in training mode, or by the row, as dropout with a fixed key.
  @Test(arguments: [false, true]) func batchesThatMixAreFlagged(byRow: Bool) throws {
    let plain = Model()
    let all = try findings(
      Model(answers: { x in
        let rows = x.shape[0]
        let shift =
          byRow
          ? Variable(Tensor((0..<rows).map { Float($0) }))
          : x.sum(alongAxis: 1).sum() + Variable(.zeros(shape: [rows]))
        return plain.answers(x) + shift.expanded(axis: 1)
      }))
    #expect(flagged(all) == [.independence])
    #expect(try finding(.independence, all).severity == .invalid)
  }

  // The sixth call is that after the attack of radius 0; from it on the logits have the other sign.
  @Test func radiusZeroMustChangeNothing() throws {
    let all = try findings(counting { answers, call in answers * (call > 5 ? -1 : 1) })
    let zero = try finding(.zeroRadius, all)
    #expect(zero.severity == .invalid && zero.measured.contains("40 changed their class"))
  }

  /// The samples, of which those of some rows have 1 as their second element and the others 0: no attack here turns one into
  /// the other, and the answers do not depend on it.
  private func marked(_ rows: Range<Int>) -> Batch {
    var inputs = Self.batch.inputs
    for sample in 0..<Self.count { inputs[sample, 1] = rows.contains(sample) ? 1 : 0 }
    return Batch(inputs: inputs, labels: Self.batch.labels, indices: Self.batch.indices)
  }

  /// What is found where the gradient is spoiled for the k samples that are farthest from the boundary.
  private func findings(
    spoiling k: Int, _ change: @escaping @Sendable (_ gradient: [Float], _ ofLoss: Bool) -> [Float]
  ) throws -> [EvaluationFinding] {
    let model = Model(slope: { x, gradient, ofLoss in x[1] > 0.5 ? change(gradient, ofLoss) : gradient })
    return try findings(model, marked((Self.count - k)..<Self.count))
  }

  // Lower 99 % bounds of 6/40 and 7/40 lie on either side of 5 %.
  @Test func zeroGradientsAreFlagged() throws {
    let zero: @Sendable ([Float], Bool) -> [Float] = { g, _ in g.map { _ in 0 } }
    #expect(try finding(.nonzeroGradients, findings(spoiling: 6, zero)).severity == .passed)
    let all = try findings(spoiling: 7, zero)
    #expect(try finding(.nonzeroGradients, all).severity == .invalid)
    #expect(try finding(.nonzeroGradients, all).measured.hasPrefix("7/40"))
    #expect(try finding(.truthfulGradients, all).count == 33)
    // with none at all the attack moves nowhere, and the oracle does
    let none = try findings(spoiling: 40, zero)
    #expect(flagged(none).contains(.hugeRadius) && flagged(none).contains(.blackBox))
    #expect(try finding(.truthfulGradients, none).severity == .undecided)
  }

  // Where the second element is large there is no slope; all but lucky starts leave those samples to the oracle. Seven against
  // none have p = 0.016 at best, and of twelve too few are lucky to matter.
  @Test(arguments: [7, 12]) func fewSamplesDoNotTellAttacksApart(blind: Int) throws {
    let model = Model(slope: { x, gradient, _ in x[1] > 0.5 ? [0, 0] : gradient })
    let found = try finding(.blackBox, findings(model, marked((20 - blind)..<20)))
    #expect(found.severity == (blind == 7 ? .passed : .doubtful), "\(found)")
    #expect(found.measured.contains("without 20/40"))
  }

  // Of 9/40 and 10/40, on either side of 10 %. Where the margin's gradient is zero too, the loss is not to blame.
  @Test func saturatedLossesAreFlagged() throws {
    let saturated: @Sendable ([Float], Bool) -> [Float] = { g, ofLoss in ofLoss ? g.map { $0 * 1e-40 } : g }
    #expect(try finding(.unsaturatedLoss, findings(spoiling: 9, saturated)).severity == .passed)
    let all = try findings(spoiling: 10, saturated)
    #expect(try finding(.unsaturatedLoss, all).severity == .doubtful)
    #expect(try finding(.nonzeroGradients, all).severity == .passed)
    let zero = try findings(spoiling: 40) { g, _ in g.map { _ in 0 } }
    #expect(try finding(.unsaturatedLoss, zero).measured.hasPrefix("0/40"))
  }

  // Of 17/40 and 18/40, on either side of 25 %: gradients of another sign, or three times as long as they are.
  @Test(arguments: [-1, 3] as [Float]) func wrongGradientsAreFlagged(factor: Float) throws {
    let wrong: @Sendable ([Float], Bool) -> [Float] = { g, _ in g.map { factor * $0 } }
    #expect(try finding(.truthfulGradients, findings(spoiling: 17, wrong)).severity == .passed)
    let all = try findings(spoiling: 18, wrong)
    #expect(try finding(.truthfulGradients, all).severity == .doubtful)
    #expect(try finding(.truthfulGradients, all).measured.hasPrefix("18/40"))
    // a change of more than half of what the gradient says is enough
    let half = try findings(spoiling: 40) { g, _ in g.map { 1.9 * $0 } }
    #expect(try finding(.truthfulGradients, half).severity == .passed)
  }

  @Test(arguments: [.nan, .infinity] as [Float]) func gradientsThatAreNotFiniteAreFlagged(value: Float) throws
  {
    let all = try findings(spoiling: 1) { g, _ in [g[0], value] }
    #expect(flagged(all) == [.finiteGradients])
    #expect(try finding(.finiteGradients, all).measured.hasPrefix("1 gradients"))
  }

  /// Only a narrow band around each sample is another class, and the gradient leads past it.
  private static let band = Model(
    answers: { x in
      let distances = x.value[rows: 0..<x.shape[0]].scalars.enumerated().filter { $0.offset % 2 == 0 }.map {
        abs($0.element - 0.5)
      }
      return Variable(Tensor(distances.map { $0 > 0.02 && $0 < 0.06 ? [0, 1] : [1, 0] }))
    },
    slope: { x, _, _ in [x[0] < 0.5 ? -1 : 1, 0] })
  private static let middle = Batch(
    Tensor([[Float]](repeating: [0.5, 0.5], count: 40)), labels: [Int](repeating: 0, count: 40), first: 100)

  // Random starts within 0.05 lie in the band more often than those within 0.4, and no step leads back.
  @Test func fallingSuccessIsFlagged() throws {
    #expect(flagged(try findings(Self.band, Self.middle)).contains(.growingRadius))
  }

  // Steps of 0.025 from the middle: the second point is in the band, the fourth beyond.
  @Test func lostSuccessesAreFlagged() throws {
    let claim = try judge(
      ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.025, steps: 4, startsAtRandom: false),
      against: Self.band, on: Self.middle, traces: true, key: Self.key)
    let kept = try finding(.keptSuccess, findings(Self.band, Self.middle, claim: claim))
    #expect(kept.severity == .doubtful && kept.measured.hasPrefix("40 samples"))
  }

  // One step of a tenth of the radius takes the two nearest samples, the checks' own attacks 20: 18 against 0.
  @Test func weakClaimsAreRefuted() throws {
    let weak = try judge(
      ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.01, steps: 1, startsAtRandom: false),
      against: Model(), on: Self.batch, key: Self.key)
    let all = try findings(Model(), claim: weak)
    #expect(flagged(all) == [.claim])
    let claim = try finding(.claim, all)
    #expect(claim.severity == .invalid && claim.measured.contains("claimed 2/40"))
    #expect(claim.measured.contains("18 against 0, p < 0.001") && claim.description.contains(claim.remedy))
  }

  @Test func modelsThatAreAlwaysWrongAreUndecided() throws {
    let wrong = Batch(
      inputs: Self.batch.inputs, labels: IntTensor(Self.batch.labels.scalars.map { 1 - Int($0) }),
      indices: Self.batch.indices)
    let all = try findings(Model(), wrong)
    #expect(flagged(all) == [])
    #expect(try finding(.blackBox, all).severity == .undecided && finding(.blackBox, all).count == 0)
    #expect(all.map(\.check) == EvaluationCheck.allCases.dropLast(2))
    #expect(all.dropFirst(4).allSatisfy { $0.severity == .undecided })
  }

  @Test func everyCheckExplainsItself() {
    for check in EvaluationCheck.allCases {
      #expect(!check.threshold.isEmpty && !check.reason.isEmpty && !check.remedy.isEmpty)
    }
  }

  @Test func impossibleRequestsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let none = Batch(inputs: .zeros(shape: [0, 2]), labels: IntTensor([]), indices: [])
      _ = try EvaluationCheckTests().findings(Model(), none)
    }
    await #expect(processExitsWith: .failure) {
      _ = try checkEvaluation(
        of: Model(), within: LInfBall(radius: 0), on: EvaluationCheckTests.batch,
        key: EvaluationCheckTests.key
      ) { Oracle(budget: $0) }
    }
    await #expect(processExitsWith: .failure) {
      let targeted = try judge(
        Oracle(budget: LInfBall(radius: 0.1)), against: Model(), on: EvaluationCheckTests.batch,
        targets: EvaluationCheckTests.batch.labels, key: EvaluationCheckTests.key)
      _ = try EvaluationCheckTests().findings(Model(), claim: targeted)
    }
  }
}
