import Foundation
import TensorCore
import Testing

@Suite struct SoftmaxTests {
  // exp(x) has rows (1, 2, 5) and (1, 1, 2), sums 8 and 4: every number is exact by hand.
  let logits = Tensor([[0, log(2), log(5)], [0, 0, log(2)]])
  let probabilities = Tensor([[0.125, 0.25, 0.625], [0.25, 0.25, 0.5]])

  @Test func byHand() {
    #expect(logits.softmax().mismatch(with: probabilities, ulps: 3) == nil)
    let logs = Tensor([[log(0.125), log(0.25), log(0.625)], [log(0.25), log(0.25), log(0.5)]])
    #expect(logits.logSoftmax().mismatch(with: logs, ulps: 3) == nil)
    #expect(logits.logSumExp().mismatch(with: Tensor([log(8), log(4)]), ulps: 2) == nil)
    let (losses, p) = logits.crossEntropy(labels: IntTensor([2, 0]))
    #expect(losses.mismatch(with: Tensor([log(1.6), log(4)]), ulps: 3) == nil)
    #expect(p.mismatch(with: probabilities, ulps: 3) == nil)
  }

  // dy · (p − one-hot), with unequal upstream numbers.
  // Of a model that is sure of the label: 1 − p and the loss are log(1 + 2e⁻ᵈ), digits that p as a Float has lost.
  @Test(arguments: [5, 10, 20, 60] as [Double]) func sureModelsKeepTheirDigits(distance: Double) {
    let labels = IntTensor([1])
    let (losses, p) = Tensor([[0, Float(distance), 0]]).crossEntropy(labels: labels)
    let rest = 2 * exp(-distance)
    #expect(abs(Double(losses[0]) / log1p(rest) - 1) < 1e-6)
    let slopes = p.crossEntropyGradient(labels: labels, upstream: Tensor([1]))
    #expect(abs(Double(slopes[0, 1]) / -(rest / (1 + rest)) - 1) < 1e-6)
    #expect(abs(Double(slopes[0, 0]) / (rest / 2 / (1 + rest)) - 1) < 1e-6)
  }
  @Test func crossEntropyGradient() {
    let gradient = probabilities.crossEntropyGradient(labels: IntTensor([2, 0]), upstream: Tensor([8, -4]))
    #expect(gradient == Tensor([[1, 2, -3], [3, -1, -2]]))
  }

  // Rows of all widths, so all tails, against Double.
  @Test func widthsAndDouble() {
    for columns in 1...40 {
      let x = PlainReference.uniform([3, columns], "softmax \(columns)") * 10
      let labels = IntTensor([0, columns / 2, columns - 1])
      var (p, logs, sums, losses) = ([Float](), [Float](), [Float](), [Float]())
      for row in 0..<3 {
        let values = x[row: row].scalars.map(Double.init)
        let total = values.reduce(0) { $0 + exp($1) }
        p += values.map { Float(exp($0) / total) }
        logs += values.map { Float($0 - log(total)) }
        sums.append(Float(log(total)))
        losses.append(Float(log(total) - values[labels[row]]))
      }
      #expect(x.softmax().mismatch(with: Tensor(shape: x.shape, scalars: p), relativeToLargest: 1e-6) == nil)
      #expect(
        x.logSoftmax().mismatch(with: Tensor(shape: x.shape, scalars: logs), relativeToLargest: 1e-6) == nil)
      #expect(x.logSumExp().mismatch(with: Tensor(sums), relativeToLargest: 1e-6) == nil)
      let entropy = x.crossEntropy(labels: labels)
      #expect(entropy.losses.mismatch(with: Tensor(losses), relativeToLargest: 1e-6) == nil)
      #expect(PlainReference.sameBits(entropy.probabilities, x.softmax()))
    }
  }

  // Without the largest logit taken off first, e^1e4 overflows and every result is NaN.
  @Test func hugeLogits() {
    let x = Tensor([[1e4, 1e4, -1e4], [-1e38, -1e38, -3e38], [3e38, 0, -3e38]])
    #expect(x.softmax() == Tensor([[0.5, 0.5, 0], [0.5, 0.5, 0], [1, 0, 0]]))
    #expect(x.logSumExp().mismatch(with: Tensor([1e4 + log(2), -1e38, 3e38]), ulps: 1) == nil)
    #expect(x.logSoftmax()[0, 2] == -2e4 - log(2))
    #expect(x.logSoftmax()[2, 1] == -3e38)
    #expect(x.crossEntropy(labels: IntTensor([2, 0, 1])).losses[0] == 2e4 + log(2))
    #expect(x.crossEntropy(labels: IntTensor([2, 0, 1])).losses[2] == 3e38)
  }

  // As torch.softmax and torch.logsumexp: −∞ is a class that cannot be, a row of nothing else has no softmax.
  @Test func infiniteLogits() {
    let infinity = Float.infinity
    let x = Tensor([[-infinity, 0, 0]])
    #expect(x.softmax() == Tensor([[0, 0.5, 0.5]]))
    #expect(x.logSoftmax()[0, 0] == -infinity)
    #expect(x.logSumExp().mismatch(with: Tensor([log(2)]), ulps: 1) == nil)
    let nothing = Tensor([[-infinity, -infinity]])
    #expect(nothing.logSumExp() == Tensor([-infinity]))
    #expect(nothing.softmax().scalars.allSatisfy { $0.isNaN })
    #expect(Tensor([[infinity, 1], [infinity, infinity]]).logSumExp() == Tensor([infinity, infinity]))
    #expect(Tensor([[infinity, 1]]).softmax()[0, 0].isNaN)
    #expect(Tensor([[1, .nan]]).logSumExp().item.isNaN)
    #expect(Tensor([[1, .nan]]).softmax().scalars.allSatisfy { $0.isNaN })
  }

  // Small probabilities are kept in the logarithm: log(softmax) of the plain formula is −∞ here.
  @Test func logarithmsOfTinyProbabilities() {
    let x = Tensor([[0, -200]])
    #expect(x.softmax()[0, 1] == 0)
    #expect(x.logSoftmax()[0, 1] == -200)
    // 1 + e^−200 is 1, so the first class has certainty
    #expect(x.logSoftmax()[0, 0] == 0)
  }

  // More rows than a task takes, and none.
  @Test func manyRowsAndNone() {
    let x = Tensor(shape: [5000, 10]) { for i in $0.indices { $0[i] = i % 10 == (i / 10) % 10 ? log(3) : 0 } }
    let p = x.softmax()
    #expect((0..<5000).allSatisfy { abs(p[$0, $0 % 10] - 0.25) < 1e-6 })
    #expect(
      x.crossEntropy(labels: IntTensor((0..<5000).map { $0 % 10 })).losses.scalars.allSatisfy {
        abs($0 - log(4)) < 1e-6
      })
    #expect(Tensor.zeros(shape: [0, 4]).softmax().shape == [0, 4])
    #expect(Tensor.zeros(shape: [0, 4]).logSumExp().shape == [0])
    #expect(Tensor.zeros(shape: [0, 4]).crossEntropy(labels: IntTensor([])).losses.shape == [0])
    #expect(Tensor([[3], [4]]).softmax() == Tensor([[1], [1]]))
  }
}
