import AutoDiffLite
import TensorCore
import Testing

/// Gradients with negative parts stopped at every ReLU.
@Suite struct GuidedGradientTests {
  private func slope(_ x: Tensor, _ upstream: Tensor, _ rule: ReLUGradient, _ f: (Variable) -> Variable)
    -> Tensor
  {
    let leaf = Variable.leaf(x)
    return f(leaf).gradients(withRespectTo: [leaf], upstream: upstream, throughReLUs: rule)[0]
  }

  // All four cases of output and gradient; the usual rule lets the third one pass.
  @Test func atOneReLU() {
    let (x, upstream) = (Tensor([1, -1, 2, -2, 0]), Tensor([3, 4, -5, -6, 7]))
    #expect(slope(x, upstream, .guided) { $0.relu() } == Tensor([3, 0, 0, 0, 0]))
    #expect(slope(x, upstream, .derivative) { $0.relu() } == Tensor([3, 0, -5, 0, 0]))
    #expect(slope(x, upstream, .guided) { 2 * $0 } == 2 * upstream)
  }

  // What counts is the sign of the whole gradient: cutting each use's part would give 3 and 0 + 1.
  @Test func usesAreAddedFirst() {
    let result = slope(Tensor([1]), Tensor([1]), .guided) { x in
      let y = x.relu()
      return 3 * y - 2 * y
    }
    #expect(result == Tensor([1]))
  }

  // −1 comes back to the second ReLU's output and stops there; the way around it does not pass a ReLU.
  @Test func everyReLUOnTheWay() {
    let result = slope(Tensor([2]), Tensor([1]), .guided) { x in
      let y = x.relu()
      return (0.5 * x) - (2 * y).relu()
    }
    #expect(result == Tensor([0.5]))
  }

  private static let image = Tensor.uniform(shape: [2, 3, 4, 4], in: -1...1, key: RandomKey(seed: 1))
  private static let weight = Tensor.uniform(shape: [2, 3, 3, 3], in: -1...1, key: RandomKey(seed: 2))
  private static let other = Tensor.uniform(shape: [2, 3, 4, 4], in: -1...1, key: RandomKey(seed: 3))

  private static let joined: [(name: String, @Sendable (Variable, Bool) -> Variable)] = [
    ("convolved", { $0.convolved(weight: Variable(weight), thenReLU: $1) }),
    ("maxPooled", { $0.maxPooled(PoolingWindow(2), thenReLU: $1) }),
    ("addedThenReLU", { $1 ? $0.addedThenReLU(Variable(other)) : $0 + Variable(other) }),
    (
      "channelNormalized",
      {
        $0.channelNormalized(
          by: ChannelStatistics(measuring: other), weight: Variable(Tensor([1, -2, 0.5])),
          bias: Variable(Tensor([0, 1, -1])), thenReLU: $1)
      }
    ),
  ]

  // A ReLU that is joined to another operation acts as one that follows it.
  @Test(arguments: joined.map(\.name)) func joinedReLUs(_ name: String) throws {
    let operation = try #require(Self.joined.first { $0.name == name }).1
    let shape = operation(Variable(Self.image), true).shape
    let upstream = Tensor.uniform(shape: shape, in: -1...1, key: RandomKey(seed: 4))
    let joined = slope(Self.image, upstream, .guided) { operation($0, true) }
    let apart = slope(Self.image, upstream, .guided) { operation($0, false).relu() }
    #expect(joined.mismatch(with: apart, relativeToLargest: 1e-6) == nil)
    #expect(apart.max() > 0 || apart.min() < 0)
    #expect(joined != slope(Self.image, upstream, .derivative) { operation($0, true) })
    #expect(
      slope(Self.image, upstream, .guided) { operation($0, false) }
        == slope(Self.image, upstream, .derivative) { operation($0, false) })
  }

  // An operation recorded elsewhere, which ends in a ReLU, says so.
  @Test func anOutsideOperationCanSaySo() {
    func tripledReLU(_ x: Variable, says: Bool) -> Variable {
      let y = (3 * x.value).relu()
      return .recorded("tripledReLU", y, from: x) { dy in 3 * dy.wherePositive(y) }.endingInReLU(says)
    }
    #expect(
      slope(Tensor([1, 2]), Tensor([1, -1]), .guided) { tripledReLU($0, says: true) } == Tensor([3, 0]))
    #expect(
      slope(Tensor([1, 2]), Tensor([1, -1]), .guided) { tripledReLU($0, says: false) } == Tensor([3, -3]))
  }
}
