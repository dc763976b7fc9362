import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

/// What becomes of a sample depends on the sample and its key: not on its neighbours, its place, or the threads.
@Suite struct AttackDeterminismTests {
  private static let key = RandomKey(seed: 60)

  private static func attack(_ budget: some Budget, steps: Int) -> any Attack {
    ProjectedGradient(budget: budget, stepSize: budget.radius / 3, steps: steps, restarts: 2, keepsBest: true)
  }

  private static func leaving(_ budget: some Budget, steps: Int) -> any Attack {
    ProjectedGradient(
      budget: budget, stepSize: budget.radius / 3, steps: steps, restarts: 2, leavesWhenReached: true)
  }

  // One draw for the whole batch, or a best point judged by the batch, would differ.
  @Test(arguments: VectorNorm.allCases) func otherSamplesDoNotMatter(_ kind: VectorNorm) {
    let model = Rowwise(classes: 4, inputs: 21, key: Self.key)
    let x = Tensor.uniform(shape: [11, 21], key: Self.key.derived("x"))
    let labels = IntTensor((0..<11).map { $0 % 4 })
    let keys = (0..<11).map { Self.key.derived($0) }
    let budget = ball(kind, radius: 0.2)
    func check(_ attack: any Attack) {
      func changed(_ rows: [Int]) -> Tensor {
        attack.perturb(
          x.gathered(rows: rows), against: model, goal: Untargeted(labels: labels.gathered(rows: rows)),
          keys: rows.map { keys[$0] })
      }
      let all = changed(Array(0..<11))
      for rows in [[4], [10, 0], [7, 3, 3, 9, 1], Array((0..<11).reversed())] {
        #expect(changed(rows) == all.gathered(rows: rows), "\(attack), rows \(rows)")
      }
    }
    check(Self.attack(budget, steps: 5))
    check(Self.leaving(budget, steps: 5))
  }

  // On a network: the same row of a batch of the same size, with all other rows exchanged.
  @Test func neighboursDoNotMatterToANetwork() {
    let model = LayerClassifier(MLP(widths: [30, 64, 10], key: Self.key))
    let attack = ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.02, steps: 5)
    func changed(_ seed: UInt64) -> Tensor {
      var x = Tensor.uniform(shape: [37, 30], key: RandomKey(seed: seed))
      for i in 0..<30 { x[20, i] = Float(i) / 30 }
      return attack.perturb(
        x, against: model, goal: Untargeted(labels: IntTensor([Int](repeating: 3, count: 37))), key: Self.key)
    }
    let (one, other) = (changed(1), changed(2))
    #expect(one[row: 20] == other[row: 20] && one[row: 19] != other[row: 19])
  }

  /// The bits of all attacks on a perceptron, by this number of threads.
  private static func bits(threads: Int) -> [UInt32] {
    ThreadPool.threadCount = threads
    let model = LayerClassifier(MLP(widths: [784, 100, 10], key: key))
    // more elements than an elementwise task has
    let x = Tensor.uniform(shape: [50, 784], key: key.derived("x"))
    let goal = Untargeted(labels: model.logits(x).argmax(alongAxis: 1))
    let attacks = [
      attack(LInfBall(radius: 0.1), steps: 5), attack(L2Ball(radius: 1), steps: 5),
      attack(L1Ball(radius: 5), steps: 5), leaving(L2Ball(radius: 1), steps: 5),
    ]
    return attacks.flatMap {
      $0.perturb(x, against: model, goal: goal, key: key).scalars.map(\.bitPattern)
    }
  }

  @Test func threadsDoNotMatter() async {
    await #expect(processExitsWith: .success) {
      let alone = AttackDeterminismTests.bits(threads: 1)
      for threads in [2, 4, 8] { #expect(AttackDeterminismTests.bits(threads: threads) == alone) }
    }
  }

  // The iterate is changed in place and all else recycled: after the first call no step asks for memory.
  @Test func memoryIsFlat() async {
    await #expect(processExitsWith: .success) {
      // with several threads it is up to them how many buffers are in use at once
      ThreadPool.threadCount = 1
      let key = RandomKey(seed: 60)
      let model = LayerClassifier(MLP(widths: [784, 64, 10], key: key))
      let x = Tensor.uniform(shape: [100, 784], key: key.derived("x"))
      let goal = Untargeted(labels: IntTensor((0..<100).map { $0 % 10 }))
      let attacks = [
        ProjectedGradient(budget: LInfBall(radius: 0.1), stepSize: 0.02, steps: 10),
        ProjectedGradient(
          budget: LInfBall(radius: 0.1), stepSize: 0.02, steps: 10, restarts: 2, keepsBest: true),
      ]
      func run() { for attack in attacks { _ = attack.perturb(x, against: model, goal: goal, key: key) } }
      run()
      let before = Tensor.freshBufferCount
      for _ in 0..<20 { run() }
      #expect(before > 0 && Tensor.freshBufferCount == before)
    }
  }
}
