import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct DeepFoolTests {
  private static let key = RandomKey(seed: 88)

  private func distances(
    _ attack: DeepFool, _ model: some Classifier, _ x: Tensor, _ goal: some Goal
  ) -> (lengths: [Double], reached: [Bool], points: Tensor) {
    let points = attack.closest(
      to: x, against: model, goal: goal, keys: [RandomKey](repeating: Self.key, count: x.shape[0]))
    return (points.distances(to: x, in: attack.norm), goal.isReached(model.logits(points)), points)
  }

  // One step to the nearest of four boundaries: (min over k of |f_k| / ‖w_k‖* + 10⁻⁴) · 1.02, from `LinearMargins`.
  @Test(arguments: VectorNorm.allCases) func linearModelsAreExact(_ kind: VectorNorm) {
    let model = LinearModel(classes: 5, inputs: 8, key: Self.key)
    let x = Tensor.uniform(shape: [30, 8], key: Self.key.derived("x"))
    let labels = model.logits(x).argmax(alongAxis: 1)
    let found = distances(DeepFool(norm: kind), model, x, Untargeted(labels: labels))
    for i in 0..<30 {
      let nearest = model.margins.smallestChange(of: x[row: i], norm: kind)
      let expected = (nearest.length + 1e-4) * 1.02
      #expect(abs(found.lengths[i] - expected) < 1e-5 + 1e-5 * expected, "\(kind), \(i)")
      #expect(model.logits(found.points).argmax(alongAxis: 1)[i] == nearest.label)
    }
    #expect(found.reached.allSatisfy { $0 })
  }

  // Towards a class: never nearer than the farthest of the boundaries that must be passed, and there at last.
  @Test(arguments: [VectorNorm.l2, .lInf]) func targetsOfLinearModels(_ kind: VectorNorm) {
    let model = LinearModel(classes: 4, inputs: 12, key: Self.key.derived("targets"))
    let x = Tensor.uniform(shape: [40, 12], key: Self.key.derived("x"))
    let targets = IntTensor((0..<40).map { $0 % 4 })
    let found = distances(DeepFool(norm: kind), model, x, Targeted(targets: targets))
    let bounds = (0..<40).map { model.margins.lowerBound(of: x[row: $0], to: targets[$0], norm: kind) }
    #expect(found.reached.allSatisfy { $0 })
    for (length, bound) in zip(found.lengths, bounds) {
      #expect(
        bound == 0 ? length == 0 : length >= bound && length < 1.6 * bound + 0.01, "\(length), \(bound)")
    }
    // where one boundary is all there is to pass, the way is the shortest
    #expect(zip(found.lengths, bounds).count { $0 <= 1.02 * ($1 + 1.1e-4) } >= 20)
  }

  // With one candidate the way to the strongest rival is taken, though another one's boundary is ten times nearer.
  @Test func candidatesAreTheStrongest() {
    var model = LinearModel(score: [0])
    // scores 1, 0.9 + x/10, 10 x at x = 0
    model.weight = Tensor([[0], [0.1], [10]])
    model.bias = Tensor([1, 0.9, 0])
    let x = Tensor([[0]])
    let goal = Untargeted(labels: IntTensor([0]))
    let both = distances(DeepFool(overshoot: 0), model, x, goal).lengths[0]
    let one = distances(DeepFool(overshoot: 0, candidates: 1), model, x, goal).lengths[0]
    #expect(abs(both - 0.1001) < 1e-5)
    #expect(abs(one - 1.0001) < 1e-4)
  }

  // Samples leave when they are done, and cost a gradient a candidate and step.
  @Test func costs() {
    let model = QueryCounter(LinearModel(classes: 5, inputs: 8, key: Self.key))
    let x = Tensor.uniform(shape: [10, 8], key: Self.key.derived("x"))
    let labels = model.base.logits(x).argmax(alongAxis: 1)
    _ = distances(DeepFool(), model, x, Untargeted(labels: labels))
    // four gradients at x; one look at the end; then the test's own look
    #expect(model.count == .init(forwards: 40 + 10 + 10, gradients: 50))
  }

  // A flat model leads nowhere: the input comes back.
  @Test func nothingFound() {
    let model = LinearModel(score: [0, 0])
    let x = Tensor([[0.5, 0.25]])
    let found = distances(DeepFool(steps: 5), model, x, Untargeted(labels: IntTensor([0])))
    #expect(found.points == x && found.reached == [false])
  }

  // The same distances as Foolbox's on the same network, and nearly those of torchattacks, which adds up its steps otherwise.
  @Test func distancesAreTheLibrarys() throws {
    let fixture = Fixture("attack_family.safetensors")
    let (model, x) = (try Digits.classifier(), try Digits.images())
    let goal = Untargeted(labels: try Digits.labels())
    for (norm, name) in [(VectorNorm.l2, "deepfool/l2"), (.lInf, "deepfool/linf")] {
      let expected = try fixture.tensor(name).scalars
      let found = distances(DeepFool(norm: norm), model, x, goal)
      #expect(found.reached.allSatisfy { $0 })
      let gaps = zip(found.lengths, expected).map { abs($0 - Double($1)) / Double($1) }
      #expect(gaps.count { $0 > 2e-3 } <= 1, "\(name): \(gaps)")
    }
    let other = try fixture.tensor("deepfool/torchattacks").scalars.sorted()
    let ours = distances(DeepFool(), model, x, goal).lengths.sorted()
    #expect(abs(ours[12] - Double(other[12])) < 0.05 * ours[12])
  }

  @Test func impossibleUsesAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = DeepFool(candidates: 0) }
    await #expect(processExitsWith: .failure) {
      let goal = Whole(goal: Untargeted(labels: IntTensor([0])))
      _ = DeepFool().closest(
        to: Tensor([[1]]), against: LinearModel(score: [1]), goal: goal, keys: [RandomKey(seed: 1)])
    }
  }
}
