import Attacks
import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct AutoAttackTests {
  private static let key = RandomKey(seed: 95)

  /// A linear score of images.
  private struct ImageScore: Classifier {
    let inner: LinearModel
    var inputRange: ClosedRange<Float> { 0...1 }
    func logits(_ x: Variable) -> Variable { inner.logits(x.flattened()) }
  }

  // Against a linear score exactly those fall that are nearer to the boundary than the radius: images in the middle of the
  // range, 2 % inside and outside. There are two classes, so every ratio falls back to a margin.
  @Test(arguments: [VectorNorm.lInf, .l2]) func linearModelsAreDecided(_ norm: VectorNorm) throws {
    let radius: Float = 0.125
    // their sum is 0, so that a grey image has the score 0
    let draws = Tensor.normal(shape: [16], key: Self.key)
    let weights = (draws - draws.mean()).scalars
    let model = ImageScore(inner: LinearModel(score: weights))
    let steepness: Float =
      norm == .lInf
      ? weights.reduce(0) { $0 + abs($1) } : weights.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let leads: [Float] = [0.98, -0.98, 1.02, -1.02, 0.5, -0.2].map { $0 * radius * steepness }
    // the image with this score that is the closest to grey
    let square = weights.reduce(0) { $0 + $1 * $1 }
    let pixels = leads.flatMap { lead in weights.map { 0.5 + $0 * lead / square } }
    let batch = Batch(
      Tensor(shape: [6, 1, 4, 4], scalars: pixels), labels: leads.map { $0 > 0 ? 1 : 0 })
    func standing<Ball: NormBall>(_ ball: Ball) throws -> [Bool] {
      let attack = AutoAttack.standard(budget: ball)
      let result = try judge(attack, against: model, on: batch, traces: true, key: Self.key)
      #expect(attack.components(of: result).map(\.standing.successes).last == 2)
      return result.records.map(\.isRobust)
    }
    let stand = norm == .lInf ? try standing(LInfBall(radius: radius)) : try standing(L2Ball(radius: radius))
    #expect(stand == [false, false, true, true, false, false])
  }

  // The authors' settings.
  @Test func listsAreTheAuthors() {
    let ball = LInfBall(radius: 0.5)
    #expect(
      AutoAttack.standard(budget: ball).attacks.map(\.description) == [
        "Auto-PGD, L-infinity, radius 0.5, 100 steps, random start",
        "Auto-PGD, difference of logits ratio towards 9 classes (plain difference with fewer than 4 classes), "
          + "L-infinity, radius 0.5, 100 steps, random start",
        "FAB, lInf, towards 9 classes, 100 steps, until 0.5, within L-infinity, radius 0.5",
        "Square, L-infinity, radius 0.5, 5000 queries",
      ])
    #expect(
      AutoAttack.random(budget: ball).attacks.map(\.description) == [
        "Auto-PGD, L-infinity, radius 0.5, 100 steps, random start, 20 gradients a step",
        "Auto-PGD, difference of logits ratio (margin with fewer than 3 classes), L-infinity, radius 0.5, 100 steps, "
          + "random start, 20 gradients a step",
      ])
  }

  /// The bits of short runs, by this number of threads.
  private static func bits(threads: Int) throws -> [UInt32] {
    ThreadPool.threadCount = threads
    let (model, batch) = (try MNISTSample.classifier(), try MNISTSample.batch(40))
    func bits<Ball: NormBall>(_ ball: Ball) -> [UInt32] {
      let attacks: [any Attack<Ball>] = [
        AutoProjectedGradient(
          budget: ball, objective: .targetedDifferenceOfLogitsRatio(classes: 2), steps: 10),
        WithinBudget(
          FastAdaptiveBoundary(norm: Ball.norm, targetClasses: 2, steps: 5, restarts: 2, radius: ball.radius),
          budget: ball),
        SquareAttack(budget: ball, queries: 100),
      ]
      return attacks.flatMap {
        $0.perturb(batch.inputs, against: model, goal: Untargeted(labels: batch.labels), key: key)
          .scalars.map(\.bitPattern)
      }
    }
    return bits(LInfBall(radius: 0.2)) + bits(L2Ball(radius: 1.5))
  }

  @Test func threadsDoNotMatter() async {
    await #expect(processExitsWith: .success) {
      let alone = try AutoAttackTests.bits(threads: 1)
      for threads in [2, 4] { #expect(try AutoAttackTests.bits(threads: threads) == alone) }
    }
  }
}
