import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct CarliniWagnerTests {
  private static let key = RandomKey(seed: 89)

  private func closest(
    _ attack: CarliniWagner, _ model: some Classifier, _ x: Tensor, _ goal: some Goal
  ) -> Tensor {
    attack.closest(
      to: x, against: model, goal: goal, keys: [RandomKey](repeating: Self.key, count: x.shape[0]))
  }

  // |f| / ‖w‖ is the shortest way for a linear score, and it is found to 2 %.
  @Test(arguments: [false, true]) func linearModels(isBounded: Bool) {
    var model = LinearModel(classes: 3, inputs: 6, key: Self.key)
    if isBounded { model.inputRange = -10...10 }
    let x = Tensor.uniform(shape: [12, 6], key: Self.key.derived("x"))
    let labels = model.logits(x).argmax(alongAxis: 1)
    let goal = Untargeted(labels: labels)
    let attack = CarliniWagner(steps: 300, searches: 9, rate: isBounded ? 0.002 : 0.02, firstConstant: 0.1)
    let points = closest(attack, model, x, goal)
    #expect(goal.isReached(model.logits(points)).allSatisfy { $0 })
    for (i, length) in points.distances(to: x, in: .l2).enumerated() {
      let shortest = model.margins.smallestChange(of: x[row: i], norm: .l2).length
      #expect(length >= shortest * (1 - 1e-6) && length < 1.02 * shortest + 0.005, "\(length), \(shortest)")
    }
  }

  // Where the range cuts the straight way, the shortest one goes along its end: from (0.9, 0.5) with the score
  // x₀ + x₁ − 1.9 the first element can give 0.1, the second must give 0.4.
  @Test func rangesAreKept() {
    var model = LinearModel(score: [1, 1], inputRange: 0...1)
    model.bias = Tensor([0, -1.9])
    let x = Tensor([[0.9, 0.5]])
    let attack = CarliniWagner(steps: 500, searches: 9, rate: 0.05, firstConstant: 0.1)
    let point = closest(attack, model, x, Untargeted(labels: IntTensor([0]))).scalars
    #expect(point[0] > 0.985 && point[1] < 0.92 && point[0] + point[1] > 1.9, "\(point)")
  }

  // The margin is at least the confidence asked for, and not much more.
  @Test func confidence() throws {
    let (model, x) = (try Digits.classifier(), try Digits.images()[rows: 0..<6])
    let aim = ClassAim(classes: try Digits.labels()[rows: 0..<6], isTargeted: false)
    let attack = CarliniWagner(steps: 60, searches: 4, rate: 0.05, firstConstant: 1, confidence: 0.75)
    let points = closest(attack, model, x, Untargeted(labels: aim.classes))
    let margins = Margin(aim).objectives(model.logits(points)).scalars
    #expect(margins.allSatisfy { $0 >= 0.75 && $0 < 1.5 }, "\(margins)")
    #expect("\(attack)".contains("confidence 0.75"))
  }

  // A sample that is wrong already stays as it is, and costs nothing more.
  @Test func wrongSamplesStay() {
    let model = QueryCounter(LinearModel(score: [1]))
    let x = Tensor([[0.5], [-0.5]])
    let attack = CarliniWagner(steps: 10, searches: 3)
    let points = closest(attack, model, x, Untargeted(labels: IntTensor([0, 0])))
    #expect(points[row: 0] == x[row: 0])
    #expect(model.count.gradients <= 30 && model.count.gradients >= 10)
  }

  // Foolbox's distances on the same network with the same settings: the median to 2 %, each to 10 %, as batches stop there
  // together and here one by one.
  @Test(arguments: [false, true]) func distancesAreTheLibrarys(isTargeted: Bool) throws {
    let (model, x) = (try Digits.classifier(), try Digits.images())
    let classes = isTargeted ? try Digits.targets() : try Digits.labels()
    let goal: any Goal = isTargeted ? Targeted(targets: classes) : Untargeted(labels: classes)
    let attack = CarliniWagner(steps: 200, searches: 7, rate: 0.05, firstConstant: 1e-2)
    let points = closest(attack, model, x, goal)
    let ours = points.distances(to: x, in: .l2)
    #expect(goal.isReached(model.logits(points)).allSatisfy { $0 })
    let theirs = try Fixture("attack_family.safetensors")
      .tensor("carlini-wagner/\(isTargeted ? "targeted" : "untargeted")").scalars.map(Double.init)
    for (own, other) in zip(ours, theirs) { #expect(abs(own - other) < 0.1 * other + 1e-4) }
    #expect(abs(ours.sorted()[12] / theirs.sorted()[12] - 1) < 0.02)
  }

  @Test func impossibleSettingsAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = CarliniWagner(steps: 0) }
    await #expect(processExitsWith: .failure) { _ = CarliniWagner(confidence: -1) }
  }
}
