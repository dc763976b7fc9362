import Attacks
import Foundation
import TensorCore
import Testing

@Suite struct LinearMarginsTests {
  private static let key = RandomKey(seed: 54)
  /// 101 steps from −1 to 1, as the document has them.
  private static let steps: [Float] = (0...100).map { Float($0 - 50) / 50 }

  // From 0 along 1 the scores are 0.3, ε and 2ε − 0.7: class 1 wins between 0.3 and 0.7; class 0 up to 0.3.
  @Test func windowsByHand() throws {
    var model = LinearModel(classes: 3, inputs: 1, key: Self.key)
    model.weight = Tensor([[0], [1], [2]])
    model.bias = Tensor([0.3, 0, -0.7])
    let (x, d) = (Tensor([[0]]), Tensor([[1]]))
    func window(_ target: Int) -> ClosedRange<Double>? {
      model.margins.steps(from: x[row: 0], along: d[row: 0], to: target)
    }
    let one = try #require(window(1))
    #expect(abs(one.lowerBound - 0.3) < 1e-7 && abs(one.upperBound - 0.7) < 1e-7)
    let zero = try #require(window(0))
    #expect(zero.lowerBound == -.infinity && abs(zero.upperBound - 0.3) < 1e-7)
    let two = try #require(window(2))
    #expect(abs(two.lowerBound - 0.7) < 1e-7 && two.upperBound == .infinity)

    let sweep = DirectionSweep(x, along: d, steps: Self.steps, of: model)
    #expect(sweep.smallestStep(sample: 0, target: 0) == 0)
    #expect(abs(Double(sweep.smallestStep(sample: 0, target: 1) ?? .nan) - 0.3) < 1e-6)
    #expect(abs(Double(sweep.smallestStep(sample: 0, target: 2) ?? .nan) - 0.7) < 1e-6)
    // the window of class 1 lies between two listed steps
    #expect(
      DirectionSweep(x, along: d, steps: [0, 0.2, 0.8], of: model).smallestStep(sample: 0, target: 1) == nil)

    // as steep as class 1 and lower: never
    model.weight = Tensor([[0], [1], [1]])
    #expect(model.margins.steps(from: x[row: 0], along: d[row: 0], to: 2) == nil)
    #expect(
      DirectionSweep(x, along: d, steps: Self.steps, of: model).smallestStep(sample: 0, target: 2) == nil)
  }

  @Test func sweepShapesAndLogits() {
    let model = LinearModel(classes: 4, inputs: 3, key: Self.key)
    let x = Tensor.uniform(shape: [2, 3], key: Self.key.derived("x"))
    let d = Tensor([[1, 0, -1], [-1, 1, 1]])
    let sweep = DirectionSweep(x, along: d, steps: [0, 0.5, -1], of: model)
    #expect(sweep.logits.shape == [3, 2, 4])
    #expect(sweep.logits[row: 2].mismatch(with: model.logits(x - d), ulps: 0) == nil)
  }

  // Requirement D2.17: the searched step is the closed form's, on both sides of reachable.
  @Test func searchedStepsAreTheClosedForm() {
    var (reached, refused, already, limited) = (0, 0, 0, 0)
    for trial in 0..<40 {
      let key = Self.key.derived("D2.17").derived(trial)
      let model = LinearModel(classes: 5, inputs: 20, key: key)
      let x = Tensor.uniform(shape: [1, 20], in: -1...1, key: key.derived("x"))
      let d = Tensor.normal(shape: [1, 20], standardDeviation: 1, key: key.derived("d")).sign()
      let sweep = DirectionSweep(x, along: d, steps: Self.steps, of: model)
      for target in 0..<5 {
        let found = sweep.smallestStep(sample: 0, target: target)
        let window = model.margins.steps(from: x[row: 0], along: d[row: 0], to: target)
        // closer to a listed step than rounding decides
        func isNear(_ bound: Double) -> Bool { Self.steps.contains { abs(Double($0) - bound) < 1e-4 } }
        if let window, isNear(window.lowerBound) || isNear(window.upperBound) { continue }
        let works = Self.steps.first { $0 > 0 && window?.contains(Double($0)) == true }
        if window?.contains(0) == true {
          #expect(found == 0)
          already += 1
        } else if let window, works != nil, let found {
          // rounding in the scores counts for more where they cross at a small angle
          func lead(_ step: Double) -> Double {
            let moved = zip(x.scalars, d.scalars).map { Double($0) + step * Double($1) }
            let scores = model.scores(moved)
            return scores[target] - scores.indices.filter { $0 != target }.map { scores[$0] }.max()!
          }
          let slope = (lead(window.lowerBound) - lead(window.lowerBound - 1e-4)) / 1e-4
          #expect(abs(Double(found) - window.lowerBound) < 1e-5 * max(1, 1 / slope))
          if window.upperBound < 1 { limited += 1 }
          reached += 1
        } else {
          #expect(found == nil && works == nil)
          refused += 1
        }
      }
    }
    #expect(reached > 20 && refused > 20 && already > 20 && limited > 3)
  }

  // In the plane every direction can be tried: 1,440 rays, the axes and diagonals among them.
  @Test(arguments: VectorNorm.allCases) func smallestChangeByBruteForce(_ kind: VectorNorm) {
    for trial in 0..<10 {
      let key = Self.key.derived("plane").derived(trial)
      let model = LinearModel(classes: 4, inputs: 2, key: key)
      let x = Tensor.normal(shape: [2], standardDeviation: 1, key: key.derived("x"))
      let scores = model.scores(x.scalars.map(Double.init))
      let y = scores.indices.max { scores[$0] < scores[$1] }!
      let rows = model.rows
      var shortest = Double.infinity
      for i in 0..<1440 {
        let angle = Double(i) / 720 * Double.pi
        let ray = [cos(angle), sin(angle)]
        for k in scores.indices where k != y {
          let slope = (rows[k][0] - rows[y][0]) * ray[0] + (rows[k][1] - rows[y][1]) * ray[1]
          if slope > 0 { shortest = min(shortest, (scores[y] - scores[k]) / slope * norm(ray, kind)) }
        }
      }
      let found = model.margins.smallestChange(of: x, norm: kind)
      #expect(abs(found.length - shortest) < 1e-5 * shortest)
      #expect(found.label != y)
    }
  }

  /// The change of length 1 that gains most on class `rival` against class `winner`.
  private func dualVector(_ model: LinearModel, _ rival: Int, _ winner: Int, _ kind: VectorNorm)
    -> [Double]
  {
    let v = zip(model.rows[rival], model.rows[winner]).map { $0 - $1 }
    switch kind {
    case .lInf: return v.map { $0 < 0 ? -1 : 1 }
    case .l2: return v.map { $0 / norm(v, .l2) }
    case .l1:
      let place = v.indices.max { abs(v[$0]) < abs(v[$1]) }!
      return v.indices.map { $0 != place ? 0 : v[$0] < 0 ? -1 : 1 }
    }
  }

  // The promise itself: shorter changes never alter the class, a hair more along the dual vector does.
  @Test(arguments: VectorNorm.allCases) func nothingShorterAltersTheClass(_ kind: VectorNorm) {
    let model = LinearModel(classes: 6, inputs: 12, key: Self.key.derived("promise"))
    let x = Tensor.normal(shape: [12], standardDeviation: 1, key: Self.key.derived("x"))
    let start = x.scalars.map(Double.init)
    let answer = model.scores
    func label(_ step: [Double]) -> Int {
      let scores = answer(zip(start, step).map { $0 + $1 })
      return scores.indices.max { scores[$0] < scores[$1] }!
    }
    let clean = label([Double](repeating: 0, count: 12))
    let (length, rival) = model.margins.smallestChange(of: x, norm: kind)
    for i in 0..<1000 {
      let step = Tensor.normal(shape: [12], standardDeviation: 1, key: Self.key.derived("step").derived(i))
        .scalars.map(Double.init)
      let factor = length * (1 - 1e-6) / norm(step, kind)
      #expect(label(step.map { $0 * factor }) == clean)
    }
    let dual = dualVector(model, rival, clean, kind)
    #expect(label(dual.map { $0 * length * (1 + 1e-6) }) == rival)
    #expect(label(dual.map { $0 * length * (1 - 1e-6) }) == clean)
  }

  // With two classes the bound is the distance; with more it is below what any search needs.
  @Test(arguments: VectorNorm.allCases) func lowerBounds(_ kind: VectorNorm) {
    var found = 0
    for trial in 0..<30 {
      let key = Self.key.derived("bound").derived(trial)
      let model = LinearModel(classes: trial % 2 == 0 ? 2 : 5, inputs: 8, key: key)
      let x = Tensor.normal(shape: [1, 8], standardDeviation: 1, key: key.derived("x"))
      let scores = model.scores(x.scalars.map(Double.init))
      let y = scores.indices.max { scores[$0] < scores[$1] }!
      #expect(model.margins.lowerBound(of: x[row: 0], to: y, norm: kind) == 0)
      for target in scores.indices where target != y {
        let bound = model.margins.lowerBound(of: x[row: 0], to: target, norm: kind)
        if scores.count == 2 {
          let length = model.margins.smallestChange(of: x[row: 0], norm: kind).length
          #expect(abs(bound - length) < 1e-12 * length)
        }
        let goal = Targeted(target: target, count: 1)
        let directions =
          [model.inputGradient(at: x, goal: goal)]
          + (0..<20).map { .normal(shape: [1, 8], standardDeviation: 1, key: key.derived("d").derived($0)) }
        for gradient in directions {
          let direction = ball(kind, radius: 1).steepestAscent(gradient)
          let window = DirectionSweep(x, along: direction, steps: (0...50).map { Float($0) / 5 }, of: model)
          guard let step = window.smallestStep(sample: 0, target: target) else { continue }
          found += 1
          #expect(Double(step) * norm(direction, kind) > bound * (1 - 1e-5))
        }
      }
    }
    #expect(found > 100)
  }
}
