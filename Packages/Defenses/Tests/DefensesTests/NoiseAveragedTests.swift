import Attacks
import AutoDiffLite
import Defenses
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct NoiseAveragedTests {
  private static let key = RandomKey(seed: 88)
  private static let keys = (0..<3).map { key.derived($0) }

  private static func model(_ range: ClosedRange<Float>?) throws -> (
    NoiseAveraged<PlanClassifier>, SmoothedClassifier
  ) {
    let plan = try MLP(widths: [5, 8, 4], key: key).prepared(for: [5])
    let noise = try SmoothingNoise(standardDeviation: 0.7, clampedTo: range)
    return (
      NoiseAveraged(PlanClassifier(plan), noise: noise, copies: 6, keys: keys),
      SmoothedClassifier(plan, noise: noise)
    )
  }

  /// log (1/m) Σ softmax, in `Double`, from the plan's logits.
  private static func expected(_ smoothed: SmoothedClassifier, _ x: Tensor) -> [[Double]] {
    keys.indices.map { row in
      let logits = smoothed.base.logits(smoothed.noise.copies(of: x[row: row], 0..<6, key: keys[row]))
      var mean = [Double](repeating: 0, count: 4)
      for copy in 0..<6 {
        let powers = (0..<4).map { exp(Double(logits[copy, $0])) }
        for c in 0..<4 { mean[c] += powers[c] / powers.reduce(0, +) / 6 }
      }
      return mean.map { log($0) }
    }
  }

  @Test(arguments: [nil, 0...1] as [ClosedRange<Float>?]) func logits(range: ClosedRange<Float>?) throws {
    let (averaged, smoothed) = try Self.model(range)
    let x = Tensor.uniform(shape: [3, 5], key: Self.key.derived("x"))
    let logits = averaged.logits(x)
    for (row, expected) in Self.expected(smoothed, x).enumerated() {
      for c in 0..<4 { #expect(abs(Double(logits[row, c]) - expected[c]) < 1e-5) }
    }
  }

  // Central differences of the sum in `Double`; where clamped pixels did not lose their gradient, or a copy its share, they
  // would differ.
  @Test(arguments: [nil, 0...1] as [ClosedRange<Float>?]) func gradient(range: ClosedRange<Float>?) throws {
    let (averaged, smoothed) = try Self.model(range)
    let x = Tensor.uniform(shape: [3, 5], key: Self.key.derived("x"))
    let goal = Untargeted(labels: IntTensor([2, 0, 1]))
    let gradient = averaged.inputGradient(at: x, goal: goal)
    func loss(_ x: Tensor, _ row: Int) -> Double { -Self.expected(smoothed, x)[row][[2, 0, 1][row]] }
    for row in 0..<3 {
      for i in 0..<5 {
        var (up, down) = (x, x)
        up[row, i] += 1e-3
        down[row, i] -= 1e-3
        let slope = (loss(up, row) - loss(down, row)) / (Double(up[row, i]) - Double(down[row, i]))
        #expect(abs(Double(gradient[row, i]) - slope) < 2e-3, "\(row), \(i)")
      }
    }
  }

  // Every copy's probability of the class underflows: an objective of −∞ would have no gradient.
  @Test func certainAnswersStayFinite() throws {
    let averaged = NoiseAveraged(
      PlanClassifier(try halfSpace(weight: [1000], bias: 1e6)),
      noise: try SmoothingNoise(standardDeviation: 1), copies: 4, keys: [Self.key])
    let goal = Untargeted(labels: IntTensor([0]))
    let (logits, gradient) = averaged.logitsAndInputGradient(at: Tensor([[0.5]]), goal: goal)
    #expect(logits.isFinite && gradient.isFinite)
  }

  @Test func otherNumbersOfSamplesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = try NoiseAveragedTests.model(nil).0.logits(Tensor.zeros(shape: [2, 5]))
    }
  }
}
