import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

/// Against Foolbox and torchattacks with the same weights and images, which Scripts/fixtures/make_attack_fixtures.py had
/// them attack; nothing starts at random.
@Suite struct LibraryParityTests {
  private static func tensor(_ name: String) throws -> Tensor { try Digits.fixture.tensor(name) }
  private static func integers(_ name: String) throws -> IntTensor { try Digits.fixture.integers(name) }

  /// One of the script's attacks.
  struct Case: Sendable, CustomStringConvertible {
    let norm: VectorNorm
    let isTargeted: Bool
    var description: String { "\(norm.rawValue.lowercased())/\(isTargeted ? "targeted" : "untargeted")" }
    /// The radius of the long runs, and of the single steps.
    var radius: Float { norm == .lInf ? 0.125 : norm == .l2 ? 1.5 : 16 }
    var firstRadius: Float { norm == .l1 ? 2.5 : radius }

    static let all = VectorNorm.allCases.flatMap { norm in
      [Case(norm: norm, isTargeted: false), Case(norm: norm, isTargeted: true)]
    }
  }

  private static func goal(_ which: Case, _ rows: Range<Int>) throws -> any Goal {
    let labels = try integers(which.isTargeted ? "targets" : "labels")[rows: rows]
    return which.isTargeted ? Targeted(targets: labels) : Untargeted(labels: labels)
  }

  private static func search(
    _ which: Case, radius: Float, step: Float, steps: Int, from x: Tensor, against model: some Classifier,
    goal: some Goal
  ) -> Tensor {
    func run(_ budget: some Budget) -> Tensor {
      ProjectedGradient(budget: budget, stepSize: step, steps: steps, startsAtRandom: false)
        .perturb(x, against: model, goal: goal, key: RandomKey(seed: 0))
    }
    return run(ball(which.norm, radius: radius))
  }

  // Each step from where the library stood. A sign may differ where the gradient is no more than rounding.
  @Test(arguments: Case.all) func everyStepIsTheLibrarys(_ which: Case) throws {
    let model = LayerClassifier(try Digits.network())
    let iterates = try Self.tensor("\(which)/iterates")
    let (steps, count) = (iterates.shape[0], iterates.shape[1])
    let x = try Digits.images()[rows: 0..<count]
    let goal = try Self.goal(which, 0..<count)
    let budget = ball(which.norm, radius: which.firstRadius)
    var (flips, moved) = (0, 0)
    for step in 0..<steps {
      let start = step == 0 ? x : iterates[row: step - 1]
      let gradient = model.inputGradient(at: start, goal: goal)
      var point = start
      budget.ascend(&point, along: gradient, by: 0.375 * which.firstRadius, around: x, range: 0...1)
      for sample in 0..<count {
        let largest = gradient[row: sample].scalars.map(abs).max() ?? 0
        let (ours, theirs) = (point[row: sample].scalars, iterates[row: step][row: sample].scalars)
        let slopes = gradient[row: sample].scalars
        moved += zip(theirs, start[row: sample].scalars).count { $0 != $1 }
        for i in ours.indices where abs(ours[i] - theirs[i]) > 5e-6 {
          #expect(
            which.norm == .lInf && abs(slopes[i]) < 1e-5 * largest,
            "\(which), step \(step), sample \(sample), pixel \(i): \(ours[i]), \(theirs[i])")
          flips += 1
        }
      }
    }
    #expect(Double(flips) <= 0.001 * Double(iterates.count), "\(flips) of \(iterates.count) pixels")
    #expect(moved > (which.norm == .l1 ? 5 : 2000))
  }

  // 40 steps: the same losses, and the same success but for samples that stand at the boundary. An L1 step moves one pixel:
  // where two are as steep up to rounding, the ways may part, and end close to each other.
  @Test(arguments: Case.all) func wholeRunsEndAsTheLibrarys(_ which: Case) throws {
    let x = try Digits.images()
    let model = PlanClassifier(try Digits.network().prepared(for: x.shape.removing(axis: 0)))
    let goal = try Self.goal(which, 0..<x.shape[0])
    let changed = Self.search(
      which, radius: which.radius, step: 0.0625 * which.radius, steps: 40, from: x, against: model, goal: goal
    )
    let logits = model.logits(changed)
    let losses = goal.objectives(logits).scalars.map { which.isTargeted ? -$0 : $0 }
    let reached = goal.isReached(logits)
    for library in ["foolbox", "torchattacks"] where which.norm != .l1 || library == "foolbox" {
      let expected = try Self.tensor("\(which)/\(library)/loss").scalars
      let margins = try Self.tensor("\(which)/\(library)/margin").scalars
      let success = try Digits.fixture.file.get().bytes(named: "\(which)/\(library)/success").scalars
      var parted = 0
      for i in losses.indices {
        let gap = abs(losses[i] - expected[i]) / max(expected[i], 1e-2)
        if which.norm == .l1 && gap > 1e-3 && gap <= 1e-2 {
          parted += 1
        } else {
          #expect(gap <= 1e-3, "\(which), \(library), sample \(i): \(losses[i]), \(expected[i])")
        }
      }
      #expect(parted <= 1, "\(which)")
      let undecided = margins.count { abs($0) < 1e-3 }
      #expect(undecided <= 1, "\(undecided) samples stand at the boundary")
      for i in reached.indices where abs(margins[i]) >= 1e-3 {
        #expect(reached[i] == (success[i] == 1), "\(which), \(library), sample \(i), margin \(margins[i])")
      }
      // a run in which all fall, or none, would compare little
      #expect(reached.contains(true) && reached.contains(false), "\(which)")
    }
  }

  @Test(arguments: [false, true]) func singleStepsAreTheLibrarys(isTargeted: Bool) throws {
    let model = LayerClassifier(try Digits.network())
    for norm in [VectorNorm.lInf, .l2] {
      let which = Case(norm: norm, isTargeted: isTargeted)
      let expected = try Self.tensor(
        "single/\(isTargeted ? "targeted" : "untargeted")/\(norm.rawValue.lowercased())")
      let count = expected.shape[0]
      let x = try Digits.images()[rows: 0..<count]
      let goal = try Self.goal(which, 0..<count)
      func changed(_ budget: some Budget) -> Tensor {
        FastGradient(budget: budget).perturb(x, against: model, goal: goal, key: RandomKey(seed: 0))
      }
      let gaps = zip(changed(ball(norm, radius: which.radius)).scalars, expected.scalars).map { abs($0 - $1) }
      #expect(gaps.count { $0 > 5e-6 } <= (norm == .lInf ? 1 : 0), "\(norm), \(gaps.max() ?? 0)")
    }
  }

  // Pixels, radius and steps are multiples of 1/64: in the L-infinity ball nothing is rounded, and all bits are equal.
  @Test(arguments: Case.all) func linearModelsAreExact(_ which: Case) throws {
    var model = LinearModel(score: [0])
    model.weight = try Self.tensor("linear/weight")
    model.bias = try Self.tensor("linear/bias")
    model.inputRange = 0...1
    let x = try Self.tensor("linear/points")
    let labels = try Self.integers(which.isTargeted ? "linear/targets" : "linear/labels")
    let goal: any Goal = which.isTargeted ? Targeted(targets: labels) : Untargeted(labels: labels)
    let radius: Float = which.norm == .lInf ? 0.125 : which.norm == .l2 ? 0.5 : 2
    for steps in [1, 7] {
      let expected = try Self.tensor("linear/\(which)/\(steps)")
      let changed = Self.search(
        which, radius: radius, step: radius / 4, steps: steps, from: x, against: model, goal: goal)
      #expect(expected != x)
      if which.norm == .lInf {
        #expect(changed == expected, "\(steps) steps")
      } else {
        let worst = zip(changed.scalars, expected.scalars).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(worst < 4e-6, "\(which), \(steps) steps")
      }
    }
  }
}
