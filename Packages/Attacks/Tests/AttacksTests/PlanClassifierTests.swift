import Attacks
import AutoDiffLite
import NNLayers
import TensorCore
import Testing

/// A prepared model as an attack sees it, against the same model on the tape.
@Suite struct PlanClassifierTests {
  private static let key = RandomKey(seed: 66)
  private let model = Sequential(
    Convolution(inputs: 2, outputs: 6, kernel: 3, padding: 1, key: key), ReLU(), MaxPool(2), Flatten(),
    Linear(inputs: 96, outputs: 4, key: key))
  private let x = Tensor.uniform(shape: [21, 2, 8, 8], key: key.derived("x"))
  private let labels = IntTensor((0..<21).map { $0 % 4 })

  private var prepared: PlanClassifier {
    get throws { PlanClassifier(try model.prepared(for: [2, 8, 8]), inputRange: -1...2) }
  }

  private func expectClose(_ a: Tensor, _ b: Tensor, at location: SourceLocation = #_sourceLocation) {
    if let difference = a.mismatch(with: b, relativeToLargest: 1e-5) {
      Issue.record("\(difference)", sourceLocation: location)
    }
  }

  /// A goal that cannot be cut: each row's logits count by its place in the batch.
  private struct Ranked: Goal {
    let count: Int
    func isReached(_ logits: Tensor) -> [Bool] { [Bool](repeating: false, count: logits.shape[0]) }
    func objective(_ logits: Variable) -> Variable {
      precondition(logits.shape[0] == count)
      return logits.squared().sum(alongAxis: 1) * Variable(Tensor((0..<count).map(Float.init)))
    }
  }

  private func check(_ goal: some Goal) throws {
    let (prepared, onTape) = (try prepared, LayerClassifier(model))
    let (logits, slope) = prepared.logitsAndInputGradient(at: x, goal: goal)
    let (expectedLogits, expectedSlope) = onTape.logitsAndInputGradient(at: x, goal: goal)
    expectClose(logits, expectedLogits)
    expectClose(slope, expectedSlope)
    #expect(expectedSlope.absolute().max() > 0)
  }

  // Goals with parts meet the rows of a chunk, not the first rows; one without parts meets all.
  @Test func gradientsOfGoals() throws {
    try check(Untargeted(labels: labels))
    try check(Targeted(targets: labels))
    try check(Ranked(count: 21))
  }

  // An attack that writes its own objective differentiates the prepared model like any other.
  @Test func onTheTape() throws {
    let prepared = try prepared
    #expect(prepared.inputRange == -1...2)
    expectClose(prepared.logits(x), model.logits(x))
    let ranks = Tensor((0..<84).map(Float.init)).reshaped(to: [21, 4])
    let slope = gradient(at: x) { (prepared.logits($0 * 2).tanh() * Variable(ranks)).sum() }
    let expected = gradient(at: x) {
      (LayerClassifier(model).logits($0 * 2).tanh() * Variable(ranks)).sum()
    }
    expectClose(slope, expected)
  }

  @Test func emptyBatches() throws {
    let none = x[rows: 0..<0]
    let untargeted = try prepared.logitsAndInputGradient(at: none, goal: Untargeted(labels: IntTensor([])))
    #expect(untargeted.logits.shape == [0, 4] && untargeted.gradient.shape == none.shape)
    let ranked = try prepared.logitsAndInputGradient(at: none, goal: Ranked(count: 0))
    #expect(ranked.logits.shape == [0, 4] && ranked.gradient.shape == none.shape)
  }

  // An attack is the same bits for a sample alone, in part of a batch, or in the whole: images that are already
  // misclassified may be left out, and a batch may be cut to fit the memory.
  @Test func attacksDoNotDependOnTheBatch() throws {
    let attack = ProjectedGradient(budget: L2Ball(radius: 0.5), stepSize: 0.1, steps: 5, restarts: 2)
    let prepared = try prepared
    let keys = (0..<21).map { Self.key.derived($0) }
    func perturbed(_ rows: Range<Int>) -> [UInt32] {
      let goal = Untargeted(labels: labels.gathered(rows: Array(rows)))
      return attack.perturb(x[rows: rows], against: prepared, goal: goal, keys: Array(keys[rows])).scalars
        .map(
          \.bitPattern)
    }
    let whole = perturbed(0..<21)
    for rows in [0..<1, 3..<9, 20..<21, 4..<21] {
      #expect(perturbed(rows) == Array(whole[(rows.lowerBound * 128)..<(rows.upperBound * 128)]))
    }
  }

  // A network from a file is attacked as the plan that was saved, in floats and by bytes: by its gradient and without.
  @Test func deployedNetworks() throws {
    let (floats, bytes) = (
      try model.prepared(for: [2, 8, 8]), try model.quantized(for: [2, 8, 8], calibration: x)
    )
    let goal = Untargeted(labels: floats.logits(x).argmax(alongAxis: 1))
    let keys = (0..<21).map { Self.key.derived($0) }
    let budget = LInfBall(radius: 0.1)
    let pairs: [(any InferencePlan, SafeTensors)] = [
      (floats, try floats.deployed()), (bytes, try bytes.deployed()),
    ]
    for (plan, file) in pairs {
      let classifiers = [PlanClassifier(plan), PlanClassifier(try DeployedNetwork(file))]
      let attacks: [any Attack] = [
        ProjectedGradient(budget: budget, stepSize: 0.02, steps: 10),
        SquareAttack(budget: budget, queries: 60),
      ]
      for attack in attacks {
        let points = classifiers.map { attack.perturb(x, against: $0, goal: goal, keys: keys) }
        #expect(points[0] == points[1] && points[0] != x)
        // The straight-through gradient is a gradient: most samples fall, by bytes too.
        let reached = goal.isReached(classifiers[1].logits(points[1])).count { $0 }
        #expect(reached > 10, "\(attack): \(reached) of 21")
      }
    }
  }
}
