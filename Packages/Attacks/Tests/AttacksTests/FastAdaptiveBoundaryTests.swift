import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct FastAdaptiveBoundaryTests {
  private static let key = RandomKey(seed: 93)
  private static func stored(_ name: String) throws -> Tensor { try MNISTSample.fixture.tensor(name) }

  // The authors' projections, and how short a change can be at all (linear and quadratic programs). Planes out of reach have
  // no shortest change; there all elements go to their ends.
  @Test(arguments: [VectorNorm.lInf, .l2]) func projectionsAreTheAuthors(_ norm: VectorNorm) throws {
    let name = MNISTSample.name(norm)
    let (point, normal) = (try Self.stored("plane/point"), try Self.stored("plane/normal"))
    let offsets = try Self.stored("plane/offset").scalars
    let (expected, lengths) = (
      try Self.stored("plane/\(name)"), try Self.stored("plane/\(name)/length").scalars
    )
    // through the origin: its value there is −b
    let change = point.shortestChange(
      toHyperplaneThrough: .zeros(shape: point.shape), values: offsets.map { -$0 }, slopes: normal, in: norm,
      range: 0...1)
    var reached = 0
    for row in offsets.indices {
      let (ours, theirs) = (change[row: row].scalars, expected[row: row].scalars)
      for (a, b) in zip(ours, theirs) { #expect(abs(a - b) < 1e-5, "\(norm), row \(row)") }
      let moved = zip(point[row: row].scalars, ours).map { $0 + $1 }
      #expect(moved.allSatisfy { $0 >= -1e-6 && $0 <= 1 + 1e-6 })
      if lengths[row].isFinite {
        let gap = zip(moved, normal[row: row].scalars).reduce(-Double(offsets[row])) {
          $0 + Double($1.0) * Double($1.1)
        }
        #expect(abs(gap) < 1e-5, "\(norm), row \(row)")
        #expect(abs(norm.length(ours) - Double(lengths[row])) < 1e-4, "\(norm), row \(row)")
        reached += 1
      }
    }
    #expect(reached == offsets.count - 2)
  }

  // Runs from the input, which nothing random is part of: as close as the authors' in float64.
  @Test(arguments: [VectorNorm.lInf, .l2], ["untargeted", "rank-0"]) func distancesAreTheAuthors(
    _ norm: VectorNorm, _ which: String
  ) throws {
    let model = try MNISTSample.classifier()
    let expected = try Self.stored("fab/\(MNISTSample.name(norm))/\(which)/distances").scalars
    let batch = try MNISTSample.batch(expected.count)
    let attack = FastAdaptiveBoundary(norm: norm, targetClasses: which == "untargeted" ? nil : 1)
    let result = try judge(WithinBudget(attack), against: model, on: batch, key: Self.key)
    let distances = result.distances(in: norm)
    for (ours, theirs) in zip(distances, expected) {
      #expect(abs(ours / Double(theirs) - 1) < 1e-4, "\(norm), \(which): \(distances), \(expected)")
    }
  }

  // Towards several classes no point is further than towards the first alone; a radius lets samples leave at a point within it,
  // and later runs begin elsewhere.
  @Test func classesAndRestartsOnlyHelp() throws {
    let model = try MNISTSample.classifier()
    let batch = try MNISTSample.batch(6)
    func distances(_ attack: FastAdaptiveBoundary) throws -> [Double] {
      try judge(WithinBudget(attack), against: model, on: batch, key: Self.key).distances(in: .l2)
    }
    let one = try distances(FastAdaptiveBoundary(norm: .l2, targetClasses: 1, steps: 20))
    let three = try distances(FastAdaptiveBoundary(norm: .l2, targetClasses: 3, steps: 20))
    #expect(zip(three, one).allSatisfy { $0 <= $1 } && three != one)
    let again = try distances(
      FastAdaptiveBoundary(norm: .l2, targetClasses: 1, steps: 20, restarts: 2, radius: 0.001))
    #expect(zip(again, one).allSatisfy { $0 <= $1 } && again != one)
    let enough = Float(one.sorted()[3])
    let within = try distances(FastAdaptiveBoundary(norm: .l2, targetClasses: 1, steps: 20, radius: enough))
    for (a, b) in zip(within, one) {
      let isExpected = b <= Double(enough) ? a >= b && a <= Double(enough) : a == b
      #expect(isExpected, "\(a), \(b), \(enough)")
    }
  }

  // The boundary of two classes is one hyperplane w·x = −b: the first step passes it by 5 % of the distance |w·x + b| / ‖w‖*,
  // later ones come closer.
  @Test(arguments: [VectorNorm.lInf, .l2]) func linearModelsAreSolved(_ norm: VectorNorm) {
    let model = LinearModel(score: [3, -4, 1])
    let x = Tensor([[1, 0, 0.5], [0, 1, 0]])
    let goal = Untargeted(labels: model.logits(x).argmax(alongAxis: 1))
    let exact = [3.5, 4].map { norm == .lInf ? $0 / 8 : $0 / 26.0.squareRoot() }
    func distances(_ steps: Int, _ goal: some Goal) -> [Double] {
      FastAdaptiveBoundary(norm: norm, steps: steps).closest(to: x, against: model, goal: goal, key: Self.key)
        .distances(to: x, in: norm)
    }
    let (first, later) = (distances(1, goal), distances(60, goal))
    for i in 0..<2 {
      #expect(abs(first[i] - 1.05 * exact[i]) < 1e-5 && later[i] >= exact[i] - 1e-6)
      #expect(later[i] < 1.01 * exact[i], "\(norm): \(later), \(exact)")
    }
    // towards the other class is the same, with two classes
    let other = Targeted(targets: IntTensor(goal.labels.scalars.map { 1 - Int($0) }))
    #expect(distances(60, other) == later)
    // an input that is there already stays
    #expect(distances(60, Targeted(targets: goal.labels)) == [0, 0])
  }

  // The gradient of one boundary a step, or of every other class's; and one look at each new point.
  @Test func modelsAreAskedForOneBoundaryAtATime() {
    let model = QueryCounter(Rowwise(classes: 4, inputs: 6, key: Self.key))
    let x = Tensor.uniform(shape: [5, 6], key: Self.key.derived("x"))
    let goal = Untargeted(labels: model.base.logits(x).argmax(alongAxis: 1))
    func count(_ attack: FastAdaptiveBoundary) -> [Int] {
      _ = attack.closest(to: x, against: model, goal: goal, key: Self.key)
      let count = model.take()
      return [count.forwards, count.gradients]
    }
    #expect(count(FastAdaptiveBoundary(norm: .lInf, targetClasses: 2, steps: 4)) == [85, 40])
    #expect(count(FastAdaptiveBoundary(norm: .lInf, steps: 4)) == [85, 60])
  }
}

extension MinimalAttack {
  /// Row i draws from `key.derived(i)`.
  fileprivate func closest(to x: Tensor, against model: some Classifier, goal: some Goal, key: RandomKey)
    -> Tensor
  {
    closest(to: x, against: model, goal: goal, keys: (0..<x.shape[0]).map { key.derived($0) })
  }
}

extension VectorNorm {
  /// The length in `Double`, computed apart from the code under test.
  fileprivate func length(_ change: [Float]) -> Double { norm(change.map(Double.init), self) }
}
