import Attacks
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct GradientAlignmentTests {
  // (3, 4) against (4, 3): 24/25; against itself, its negative, a right angle, and nothing.
  @Test func cosinesByHand() {
    let a = Tensor([[3, 4], [3, 4], [3, 4], [3, 4], [0, 0], [3, 4]])
    let b = Tensor([[4, 3], [6, 8], [-3, -4], [4, -3], [1, 0], [.nan, 1]])
    let alignment = GradientAlignment(a, b)
    #expect(alignment.cosines == [0.96, 1, -1, 0, nil, nil])
    #expect(alignment.summary.count == 4 && abs(alignment.summary.mean - 0.24) < 1e-15)
    // t of 3 degrees of freedom, SciPy 1.17: 3.182446305283709
    let deviation = ((0.72 * 0.72 + 0.76 * 0.76 + 1.24 * 1.24 + 0.24 * 0.24) / 3).squareRoot()
    let reach = 3.182446305283709 * deviation / 2
    let interval = alignment.summary.interval()
    #expect(abs((interval?.upperBound ?? 0) - (0.24 + reach)) < 1e-9)
  }

  private struct Points: BatchSource {
    var inputs: Tensor
    var labels: IntTensor
    var count: Int { labels.count }
    var inputShape: Shape { [2] }
    var classCount: Int { 2 }
    func batch(at indices: [Int], epoch: Int) throws -> Batch {
      Batch(inputs: inputs.gathered(rows: indices), labels: labels.gathered(rows: indices), indices: indices)
    }
  }

  // The gradient of two linear classes is along the difference of their weights, at every point and for either label.
  @Test(arguments: [1, 2, 250]) func linearModelsByHand(batchSize: Int) throws {
    let points = Points(
      inputs: .uniform(shape: [5, 2], key: RandomKey(seed: 93)), labels: IntTensor([0, 1, 1, 0, 1]))
    let first = LinearModel(score: [3, 4])
    func cosines(_ score: [Float], samples: [Int]? = nil) throws -> [Double?] {
      try gradientAlignment(
        of: first, and: LinearModel(score: score), on: points, samples: samples, batchSize: batchSize
      ).cosines
    }
    for (score, expected) in [([4, 3], 0.96), ([30, 40], 1), ([-3, -4], -1), ([4, -3], 0)]
      as [([Float], Double)]
    {
      let found = try cosines(score)
      #expect(found.count == 5 && found.allSatisfy { abs(($0 ?? 9) - expected) < 1e-6 }, "\(found)")
    }
    #expect(try cosines([4, 3], samples: [4, 0]).count == 2)
  }

  @Test func aModelIsAlignedWithItself() throws {
    let clouds = Clouds(count: 30)
    let model = try clouds.trained()
    let alignment = try gradientAlignment(of: model, and: model, on: clouds)
    #expect(alignment.cosines.allSatisfy { abs(($0 ?? 0) - 1) < 1e-12 })
  }

  @Test func inputsOutOfEitherRangeAreRefused() {
    let points = Points(inputs: Tensor([[0.5, 0.9]]), labels: IntTensor([0]))
    #expect(throws: InputError.self) {
      _ = try gradientAlignment(
        of: LinearModel(score: [1, 1]), and: LinearModel(score: [1, 1], inputRange: 0...0.8), on: points)
    }
  }
}
