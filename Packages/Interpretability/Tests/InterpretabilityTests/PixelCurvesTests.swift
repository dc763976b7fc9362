import Interpretability
import NNLayers
import TensorCore
import Testing

@Suite struct PixelCurvesTests {
  typealias Network = Reference.Network

  // The loop of RISE's published evaluation, 12 of 256 pixels a step; the last step has 4.
  @Test(arguments: Network.allCases) func agreesWithRISE(_ network: Network) throws {
    let x = try Reference.images()
    let maps = try network.expected("saliency_magnitude").max(alongAxis: 1)
    let tests = [
      PixelCurves(.deletion, baseline: .constant(0), pixelsPerStep: 12),
      PixelCurves(.insertion, baseline: .blurred(standardDeviation: 1.5), pixelsPerStep: 12),
    ]
    for test in tests {
      let curves = try test.curves(of: network.model(), at: x, classes: Reference.classes(), maps: maps)
      let expected = try network.expected(test.direction.rawValue)
      #expect(curves.count == 3)
      for (image, curve) in curves.enumerated() {
        expectClose(Tensor(curve.probabilities.map { Float($0) }), expected[row: image], "\(test) \(image)")
        #expect(curve.shares.count == 23 && curve.shares[1] == 12.0 / 256 && curve.shares[22] == 1)
      }
    }
  }

  // Probabilities 1, ½, ½ at shares 0, ¾, 1: the trapezoids have areas ¾ · ¾ and ¼ · ½. Equal widths would give ⅝.
  @Test func area() throws {
    // Two classes, logits (0, large) unless the one bright pixel is there.
    let model = Sequential(Flatten(), Linear(inputs: 4, outputs: 2, key: RandomKey(seed: 1))).withWeights([
      0, 0, 0, 0, -40, 0, 0, 0,
    ])
    let x = Tensor(shape: [1, 1, 2, 2], scalars: [1, 0, 0, 0])
    let maps = Tensor(shape: [1, 2, 2], scalars: [4, 3, 2, 1])
    let curve = try PixelCurves(.deletion, baseline: .constant(0), pixelsPerStep: 3)
      .curves(of: model, at: x, classes: IntTensor([0]), maps: maps)[0]
    #expect(curve.shares == [0, 0.75, 1])
    #expect(zip(curve.probabilities, [1, 0.5, 0.5]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(abs(curve.area - (0.5625 + 0.125)) < 1e-6)
  }
}

extension Sequential {
  /// This network, Flatten and Linear, with other weights and no bias.
  func withWeights(_ weights: [Float]) -> Sequential {
    var copy = self
    copy.visitParameters { name, parameter in
      let shape = parameter.value.shape
      parameter.value = name == "1.weight" ? Tensor(shape: shape, scalars: weights) : .zeros(shape: shape)
    }
    return copy
  }
}
