import Attacks
import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct HopSkipJumpTests {
  private static let key = RandomKey(seed: 90)
  /// A linear model for which all three classes are as likely in noise.
  private static func balanced() -> LinearModel {
    var model = LinearModel(classes: 3, inputs: 9, key: key)
    model.bias = -0.5 * model.weight.sum(alongAxis: 1)
    model.inputRange = 0...1
    return model
  }

  private func keys(_ count: Int) -> [RandomKey] { (0..<count).map { Self.key.derived($0) } }

  // Closer and closer to the shortest way to the boundary of a linear score, |f| / ‖w‖*.
  @Test(arguments: [VectorNorm.l2, .lInf]) func linearModels(_ kind: VectorNorm) {
    var model = LinearModel(classes: 2, inputs: 12, key: Self.key)
    model.inputRange = -4...4
    let x = Tensor.uniform(shape: [8, 12], key: Self.key.derived("x"))
    let goal = Untargeted(labels: model.logits(x).argmax(alongAxis: 1))
    let shortest = (0..<8).map { model.margins.smallestChange(of: x[row: $0], norm: kind).length }
    func excess(_ iterations: Int) -> [Double] {
      let attack = HopSkipJump(norm: kind, iterations: iterations)
      let points = attack.closest(to: x, against: model, goal: goal, keys: keys(8))
      #expect(goal.isReached(model.logits(points)).allSatisfy { $0 })
      return zip(points.distances(to: x, in: kind), shortest).map { $0 / $1 - 1 }
    }
    let (none, few, many) = (excess(0), excess(3), excess(20))
    #expect(many.allSatisfy { $0 > -1e-6 && $0 < (kind == .l2 ? 0.02 : 0.1) }, "\(many)")
    // the best point is kept, so more iterations never lose
    #expect(zip(few, none).allSatisfy { $0 <= $1 } && zip(many, few).allSatisfy { $0 <= $1 })
    #expect(none.sorted()[4] > 0.2, "\(none)")
  }

  // Only decisions are looked at: logits that say the same by other numbers give the same bits, and no gradient is asked.
  @Test func onlyDecisionsCount() {
    /// The logits' signs relative to the largest: 1 for the predicted class, else 0.
    struct Decisions: Classifier {
      let base: LinearModel
      var inputRange: ClosedRange<Float> { base.inputRange }
      func logits(_ x: Variable) -> Variable {
        Variable(.oneHot(base.logits(x.value).argmax(alongAxis: 1), classes: 3))
      }
    }
    let model = Self.balanced()
    let x = Tensor.uniform(shape: [6, 9], key: Self.key.derived("x"))
    let goal = Untargeted(labels: model.logits(x).argmax(alongAxis: 1))
    let attack = HopSkipJump(iterations: 4, firstDraws: 20)
    let counter = QueryCounter(model)
    let (points, queries) = attack.closestWithQueries(to: x, against: counter, goal: goal, keys: keys(6))
    #expect(attack.closest(to: x, against: Decisions(base: model), goal: goal, keys: keys(6)) == points)
    #expect(counter.count == .init(forwards: queries.reduce(0, +), gradients: 0))
    // 20 (1 + √2 + √3 + 2), and the rest for starts, steps and halvings
    #expect(queries.allSatisfy { $0 > 20 + 28 + 34 + 40 && $0 < 300 }, "\(queries)")
    #expect(points != x)
  }

  // Never one question more than allowed, however small the limit; what was found before counts.
  @Test func limitsAreKept() {
    let model = Self.balanced()
    let x = Tensor.uniform(shape: [6, 9], key: Self.key.derived("x"))
    let goal = Untargeted(labels: model.logits(x).argmax(alongAxis: 1))
    var last = [Double](repeating: .infinity, count: 6)
    for limit in [0, 1, 7, 25, 60, 150, 400] {
      let attack = HopSkipJump(iterations: 6, firstDraws: 20, queryLimit: limit)
      let (points, queries) = attack.closestWithQueries(to: x, against: model, goal: goal, keys: keys(6))
      #expect(queries.allSatisfy { $0 <= limit }, "\(limit): \(queries)")
      let reached = goal.isReached(model.logits(points))
      let lengths = points.distances(to: x, in: .l2)
      for i in 0..<6 {
        if !reached[i] { #expect(points[row: i] == x[row: i]) }
        let length = reached[i] ? lengths[i] : .infinity
        #expect(length <= last[i], "limit \(limit), sample \(i)")
        last[i] = length
      }
    }
    #expect(last.allSatisfy { $0.isFinite })
    #expect("\(HopSkipJump(queryLimit: 60))".contains("at most 60 queries"))
  }

  // Noise is of no wanted class as a rule; a point that is gives a targeted attack its start, also for others' targets.
  @Test func startingPoints() {
    let model = Transparent()
    let x = Tensor([[0.5, 0.25, 0, 0.25], [0.25, 0.125, 0.5, 0.25], [0, 0.5, 0.25, 0.25]])
    let goal = Targeted(targets: IntTensor([3, 1, 1]))
    let starts = Tensor([[0, 0, 0, 1], [0, 1, 0, 0]])
    let attack = HopSkipJump(iterations: 12, firstDraws: 50, noiseStarts: 0, startingPoints: starts)
    let points = attack.closest(to: x, against: model, goal: goal, keys: keys(3))
    let lengths = points.distances(to: x, in: .l2)
    #expect(goal.isReached(points).allSatisfy { $0 } && lengths[2] == 0)
    // to x₀ = x₃ = 0.375, and to x₁ = x₂ = 0.3125
    #expect(abs(lengths[0] - 0.125 * 2.0.squareRoot()) < 0.01, "\(lengths)")
    #expect(abs(lengths[1] - 0.1875 * 2.0.squareRoot()) < 0.01, "\(lengths)")
    let without = HopSkipJump(iterations: 12, noiseStarts: 0)
    #expect(without.closest(to: x, against: model, goal: goal, keys: keys(3)) == x)
  }

  // As close as ART's after the same number of iterations, and not much farther than Foolbox's; all are random.
  @Test(arguments: [VectorNorm.l2, .lInf]) func distancesAreAtMostTheLibrarys(_ kind: VectorNorm) throws {
    let (model, x) = (try Digits.classifier(), try Digits.images())
    let goal = Untargeted(labels: try Digits.labels())
    let attack = HopSkipJump(norm: kind, iterations: 15)
    let (points, queries) = attack.closestWithQueries(to: x, against: model, goal: goal, keys: keys(24))
    #expect(goal.isReached(model.logits(points)).allSatisfy { $0 })
    let ours = points.distances(to: x, in: kind).sorted()
    for (library, share) in [("", 1.25), ("/art", 1.05)] {
      let name = "hopskipjump/\(kind.rawValue.lowercased())\(library)"
      let theirs = try Fixture("attack_family.safetensors").tensor(name).scalars.map(Double.init).sorted()
      #expect(ours[12] < share * theirs[12], "\(name): \(ours[12]), \(theirs[12]), \(queries)")
    }
    // no decision-based search beats those with gradients
    let exact = try Fixture("attack_family.safetensors")
      .tensor(kind == .l2 ? "carlini-wagner/untargeted" : "deepfool/linf").scalars.map(Double.init).sorted()
    #expect(ours[12] > 0.9 * exact[12], "\(ours[12])")
  }

  @Test func impossibleUsesAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = HopSkipJump(norm: .l1) }
    await #expect(processExitsWith: .failure) { _ = HopSkipJump(firstDraws: 0) }
    await #expect(processExitsWith: .failure) {
      _ = HopSkipJump().closest(
        to: Tensor([[1]]), against: LinearModel(score: [1]),
        goal: Whole(goal: Untargeted(labels: IntTensor([1]))),
        keys: [RandomKey(seed: 1)])
    }
  }
}
