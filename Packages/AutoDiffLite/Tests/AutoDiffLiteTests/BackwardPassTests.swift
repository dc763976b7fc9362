import AutoDiffLite
import Foundation
import TensorCore
import Testing

/// Counts calls, or shows by its end that a closure was released.
private final class Probe {
  var calls = 0
}

@Suite struct BackwardPassTests {
  let x = Tensor([1, -2, 3])

  @Test func bothUsesOfAVariableCount() {
    #expect(gradient(at: x) { ($0 * $0).sum() } == Tensor([2, -4, 6]))
    #expect(gradient(at: x) { ($0 + $0).sum() } == Tensor([2, 2, 2]))
    #expect(gradient(at: x) { ($0 - $0).sum() } == Tensor([0, 0, 0]))
    #expect(gradient(at: x) { Variable.concatenated([$0, 2 * $0, $0]).sum() } == Tensor([4, 4, 4]))
  }

  // Each operation passes its gradient on once, when all its uses have sent theirs: passing on at each
  // arrival would double the work at each diamond, 2^30 here.
  @Test func diamondsAreWalkedOnce() {
    let probe = Probe()
    let slope = gradient(at: Tensor(1)) { x in
      var y = Variable.recorded("start", x.value, from: x) { dy in
        probe.calls += 1
        return dy
      }
      for _ in 0..<30 { y = (y + y) * 0.5 }
      return y
    }
    #expect(slope == Tensor(1))
    #expect(probe.calls == 1)
  }

  // A long and a short way to the same variable: the short way's gradient arrives first and has to wait.
  @Test func waysOfDifferentLength() {
    let slope = gradient(at: Tensor(2)) { x in
      let a = x.squared()  // 4
      let b = (a * 3 + 1).squared()  // (3a + 1)²
      return b + a * x  // + a x
    }
    // d/dx (3x² + 1)² + x³ = 12x (3x² + 1) + 3x²
    #expect(slope == Tensor(24 * 13 + 12))
  }

  @Test func valueComesWithTheGradient() {
    let (value, slope) = valueAndGradient(at: x) { $0.squared().sum() }
    #expect(value == 14)
    #expect(slope == Tensor([2, -4, 6]))
  }

  // Recursion over the graph, forwards, backwards or at its end, would overflow the stack of a test's thread.
  @Test func deepChains() {
    #expect(gradient(at: x) { (0..<10_000).reduce($0) { y, _ in -y + 1 }.sum() } == Tensor([1, 1, 1]))
    let pull = pullback(at: x) { (0..<10_000).reduce($0) { y, _ in -y } }
    #expect(pull(x) == x)
  }

  // In a process of its own, because an overflow ends it.
  @Test func tapesThatAreNeverUsedEndQuietly() async {
    await #expect(processExitsWith: .success) {
      let x = Variable.leaf(Tensor(1))
      var y = x
      for _ in 0..<100_000 { y = y + x }
      y = x
      // pairs share their operand, so a node has two uses when its turn comes
      for _ in 0..<50_000 { y = y * y + 0 }
      y = x
    }
  }

  // Recorded as a constant, an attack's weights would cost a matrix product each.
  @Test func constantsGetNoWork() {
    let leaf = Variable.leaf(x)
    let mixed = Variable.recorded(
      "mixed", x, from: (leaf, { dy in dy }),
      (
        Variable(x),
        { _ in
          Issue.record("a gradient was computed for a constant")
          return x
        }
      ))
    #expect(mixed.sum().gradients(withRespectTo: [leaf]) == [Tensor([1, 1, 1])])

    var wanted: [Bool] = []
    let joint = Variable.recorded("joint", x, from: [Variable(x), leaf]) { dy, isWanted in
      wanted = isWanted
      return [nil, dy]
    }
    #expect(joint.sum().gradients(withRespectTo: [leaf]) == [Tensor([1, 1, 1])])
    #expect(wanted == [false, true])

    #expect(Variable(x).isConstant && (Variable(x) * 2).exp().isConstant)
    #expect(Variable.recorded("joint", x, from: [Variable(x)]) { _, _ in [nil] }.isConstant)
    #expect(!leaf.isConstant && !(leaf * 2).isConstant)
    #expect(leaf.stoppingGradient().isConstant)
  }

  @Test func gradientsStop() {
    #expect(gradient(at: x) { ($0 * $0.stoppingGradient()).sum() } == x)
  }

  @Test func leavesThatAreNotUsed() {
    let (used, unused) = (Variable.leaf(x), Variable.leaf(Tensor([[1, 2]])))
    let gradients = used.sum().gradients(withRespectTo: [unused, used])
    #expect(gradients == [Tensor([[0, 0]]), Tensor([1, 1, 1])])
    #expect(Variable(3).gradients(withRespectTo: [used]) == [Tensor([0, 0, 0])])
    #expect(used.gradients(withRespectTo: [used], upstream: x) == [x])
  }

  // Asked for twice in one call, a leaf has the same gradient twice.
  @Test func leavesMayBeAskedForTwice() {
    let leaf = Variable.leaf(x)
    #expect(
      leaf.squared().sum().gradients(withRespectTo: [leaf, leaf]) == [
        Tensor([2, -4, 6]), Tensor([2, -4, 6]),
      ])
  }

  @Test func secondCallGivesZeros() {
    let leaf = Variable.leaf(x)
    let loss = leaf.squared().sum()
    _ = loss.gradients(withRespectTo: [leaf])
    #expect(loss.gradients(withRespectTo: [leaf]) == [Tensor([0, 0, 0])])
  }

  // A leaf that was reached but not asked for must not keep its gradient for the next question.
  @Test func nothingIsLeftForTheNextPass() {
    let (a, b) = (Variable.leaf(x), Variable.leaf(x))
    let product = (a * b).sum()
    #expect(product.gradients(withRespectTo: [a]) == [x])
    #expect(product.gradients(withRespectTo: [b]) == [Tensor([0, 0, 0])])
    #expect((2 * a).sum().gradients(withRespectTo: [b]) == [Tensor([0, 0, 0])])
    #expect((2 * a).sum().gradients(withRespectTo: [a]) == [Tensor([2, 2, 2])])
    let pull = pullback(at: x) { $0 * b }
    _ = pull(x)
    #expect((2 * a).sum().gradients(withRespectTo: [b]) == [Tensor([0, 0, 0])])
  }

  @Test func leavesServeManyTapes() {
    let leaf = Variable.leaf(x)
    for factor in 1...5 {
      #expect(
        (Float(factor) * leaf).sum().gradients(withRespectTo: [leaf]) == [
          Tensor(repeating: Float(factor), shape: [3])
        ])
    }
  }

  @Test func pullbacksServeManyUpstreams() {
    let pull = pullback(at: x) { $0.squared() }
    for _ in 0..<2 {
      #expect(pull(Tensor([1, 0, 0])) == Tensor([2, 0, 0]))
      #expect(pull(Tensor([0, 1, 10])) == Tensor([0, -4, 60]))
    }
    let constant = pullback(at: x) { _ in Variable(x) }
    #expect(constant(x) == Tensor([0, 0, 0]))
  }

  @Test func customRules() {
    // a straight-through rounding
    let slope = gradient(at: Tensor([0.4, 1.6])) { x in
      let rounded = Variable.recorded("rounded", Tensor([0, 2]), from: x) { dy in dy }
      return (rounded * Variable(Tensor([3, 5]))).sum()
    }
    #expect(slope == Tensor([3, 5]))
  }

  // A rule may answer in the shape that its input was broadcast to; the engine sums the copies.
  @Test func broadcastsOfCustomRulesAreUndone() {
    let row = Variable.leaf(Tensor([[1, 2, 3]]))
    let wide = Variable.recorded("repeated", .concatenated([row.value, row.value]), from: row) { dy in dy }
    let upstream = Tensor([[1, 2, 3], [10, 20, 30]])
    #expect(wide.gradients(withRespectTo: [row], upstream: upstream) == [Tensor([[11, 22, 33]])])
  }

  @Test func jointRules() {
    let (a, b) = (Variable.leaf(Tensor(3)), Variable.leaf(Tensor(5)))
    func product(_ u: Variable, _ v: Variable) -> Variable {
      let (x, y) = (u.value, v.value)
      return .recorded("product", x * y, from: [u, v]) { dy, wanted in
        [wanted[0] ? dy * y : nil, wanted[1] ? dy * x : nil]
      }
    }
    #expect(product(a, b).gradients(withRespectTo: [a, b]) == [Tensor(5), Tensor(3)])
    #expect(product(a, a).gradients(withRespectTo: [a]) == [Tensor(6)])
    #expect(product(Variable(2), b).gradients(withRespectTo: [b]) == [Tensor(2)])
  }

  // What a closure holds must go as soon as it has been called: the memory of all activations until the end
  // of the pass is what limits a batch.
  @Test func tapeIsReleasedOnTheWay() {
    weak var later: Probe?
    var laterWasGone = false
    let leaf = Variable.leaf(x)
    let first = Variable.recorded("first", x, from: leaf) { dy in
      laterWasGone = later == nil
      return dy
    }
    func second() -> Variable {
      let probe = Probe()
      later = probe
      return .recorded("second", x, from: first) { dy in
        probe.calls += 1
        return dy
      }
    }
    let loss = second().sum()
    #expect(later != nil)
    _ = loss.gradients(withRespectTo: [leaf])
    #expect(laterWasGone)
    #expect(loss.shape == [])
  }

  // The order of additions is the graph's: with 1e8, any other order gives other bits.
  @Test func sumsAddUpInTheSameOrder() {
    let kinds: [Float] = [1e8, 1, -1e8]
    let factors = (0..<100).map { kinds[$0 % 3] + Float($0) }
    let slopes = (0..<5).map { _ in
      gradient(at: Tensor(1)) { x in factors.map { x * $0 }.reduce(Variable(0), +) }.item.bitPattern
    }
    #expect(Set(slopes).count == 1)
  }

  struct Refusal: Sendable {
    let naming: String
    let call: @Sendable () -> Void
  }

  static let refusals = [
    Refusal(naming: "gradients: upstream [2] for a variable of shape [3]") {
      let leaf = Variable.leaf(Tensor([1, 2, 3]))
      _ = (leaf * 2).gradients(withRespectTo: [leaf], upstream: Tensor([1, 2]))
    },
    Refusal(naming: "gradients: upstream [] for a variable of shape [3]") {
      _ = pullback(at: Tensor([1, 2, 3])) { $0 * 2 }(Tensor(1))
    },
    Refusal(naming: "gradients: expected a single element") { _ = gradient(at: Tensor([1, 2])) { $0 * 2 } },
    Refusal(naming: "gradients: a constant") {
      _ = Variable.leaf(Tensor(1)).gradients(withRespectTo: [Variable(Tensor(1))])
    },
    Refusal(naming: "gradients: the result of squared") {
      let y = Variable.leaf(Tensor(1)).squared()
      _ = y.exp().gradients(withRespectTo: [y])
    },
    // the rule of one operation answers in a wrong shape, with too few parts, and leaves out one that was
    // wanted
    Refusal(naming: "transposed twice: a gradient of shape [3, 2] for an input of shape [2, 3]") {
      let leaf = Variable.leaf(.ones(shape: [2, 3]))
      let y = Variable.recorded("transposed twice", leaf.value, from: leaf) { dy in dy.transposed() }
      _ = y.sum().gradients(withRespectTo: [leaf])
    },
    Refusal(naming: "joint: 1 gradients for 2 inputs") {
      let leaf = Variable.leaf(Tensor(1))
      let y = Variable.recorded("joint", Tensor(1), from: [leaf, leaf]) { dy, _ in [dy] }
      _ = y.gradients(withRespectTo: [leaf])
    },
    Refusal(naming: "joint: no gradient for an input that wants one") {
      let leaf = Variable.leaf(Tensor(1))
      let y = Variable.recorded("joint", Tensor(1), from: [leaf]) { _, _ in [nil] }
      _ = y.gradients(withRespectTo: [leaf])
    },
    Refusal(naming: "flattened:") { _ = Variable(Tensor([1, 2])).flattened(fromAxis: 2) },
    Refusal(naming: "picked:") { _ = Variable(Tensor([1, 2])).picked(columns: IntTensor([0])) },
    Refusal(naming: "crossEntropy: label 2") {
      _ = Variable(.ones(shape: [1, 2])).crossEntropy(labels: IntTensor([2]))
    },
  ]

  @Test(arguments: refusals.indices) func isRefused(index: Int) async throws {
    let result = try await #require(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [index] in
      Self.refusals[index].call()
    }
    #if DEBUG
      // release builds stop without a message
      let output = String(decoding: result.standardErrorContent, as: UTF8.self)
      let naming = Self.refusals[index].naming
      #expect(
        output.contains("failed: \(naming)") || output.contains("error: \(naming)"), "\(output.prefix(300))")
    #endif
  }
}
