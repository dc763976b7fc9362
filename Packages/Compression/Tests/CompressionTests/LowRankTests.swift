import AutoDiffLite
import Compression
import NNLayers
import TensorCore
import Testing

@Suite struct LowRankTests {
  private static let key = RandomKey(seed: 51)

  // Columns of Hadamard matrices are orthogonal, so 4·h₀g₀ᵀ + 2·h₁g₁ᵀ + h₂g₂ᵀ has the singular values 4, 2, 1 and 0.
  private static func hadamard(_ size: Int, _ column: Int) -> [Float] {
    (0..<size).map {
      ($0 & column).nonzeroBitCount % 2 == 0 ? 1 / Float(size).squareRoot() : -1 / Float(size).squareRoot()
    }
  }
  private static func matrix(_ values: [Float]) -> Tensor {
    var scalars = [Float](repeating: 0, count: 4 * 8)
    for (j, value) in values.enumerated() {
      let (h, g) = (hadamard(4, j), hadamard(8, j))
      for row in 0..<4 { for column in 0..<8 { scalars[row * 8 + column] += value * h[row] * g[column] } }
    }
    return Tensor(shape: [4, 8], scalars: scalars)
  }
  private static func linear() -> Linear {
    var layer = Linear(inputs: 8, outputs: 4, key: key)
    layer.weight.value = matrix([4, 2, 1])
    return layer
  }

  // What is left out by hand: rank 1 leaves 2 and 1 of 4, 2, 1: √(5 / 21); rank 2 √(1 / 21). Energies 16, 20, 21 of 21.
  // A rank costs 12 of 32 products.
  @Test(
    arguments: [
      (.fixed(1), 1, 5), (.fixed(2), 2, 1), (.fixed(9), 4, 0), (.energy(0.76), 1, 5), (.energy(0.77), 2, 1),
      (.energy(0.96), 3, 0), (.multiplyAdds(0.76), 2, 1), (.multiplyAdds(0.7), 1, 5),
      (.multiplyAdds(0.1), 1, 5),
    ] as [(RankChoice, Int, Double)]) func linearByHand(choice: RankChoice, rank: Int, tail: Double) throws
  {
    let layer = Self.linear()
    let factors = try LowRank(choice).factors(of: layer)
    #expect(factors.rank == rank && abs(factors.cost - Double(rank) * 12 / 32) < 1e-12)
    #expect(abs(factors.relativeError - (tail / 21).squareRoot()) < 1e-6)
    let first = try factors.layer.value("0.weight")
    let second = try factors.layer.value("1.weight")
    #expect(first.shape == [rank, 8] && second.shape == [4, rank])
    expectClose(second.matmul(first), Self.matrix(Array([4, 2, 1].prefix(rank))), within: 1e-6)
    #expect(try factors.layer.value("1.bias") == layer.bias?.value)
    // the roots of the singular values on both sides
    #expect(abs(first.sumOfSquares() - second.sumOfSquares()) < 1e-5)
  }

  private static let convolutions: [Convolution] = [
    Convolution(inputs: 3, outputs: 8, kernel: 3, padding: 1, key: key),
    Convolution(
      inputs: 4, outputs: 5, kernel: Extent(height: 3, width: 2), stride: Extent(height: 2, width: 1),
      padding: Extent(height: 1, width: 0), dilation: Extent(height: 1, width: 2), key: key),
    Convolution(
      inputs: 2, outputs: 3, kernel: Extent(height: 1, width: 5), stride: 3, hasBias: false, key: key),
  ]

  // At full rank both splits are the layer itself: a stride, a padding or an axis on the wrong side shows.
  @Test(arguments: convolutions.indices, LowRank.Split.allCases)
  func convolutionsOfFullRank(_ index: Int, split: LowRank.Split) throws {
    let layer = Self.convolutions[index]
    let inputs = layer.weight.value.shape[1]
    let x = Tensor.normal(shape: [2, inputs, 9, 11], key: Self.key)
    let factors = try LowRank(.energy(1), split: split).factors(of: layer)
    expectClose(factors.layer.logits(x), layer.logits(x), within: 1e-5)
    #expect(factors.relativeError < 1e-5)
  }

  // The best approximation leaves exactly the singular values' tail; here it is measured on the weights themselves.
  @Test(arguments: [1, 3, 6], LowRank.Split.allCases)
  func convolutionsOfLowRank(rank: Int, split: LowRank.Split) throws {
    let layer = Self.convolutions[0]
    let factors = try LowRank(.fixed(rank), split: split).factors(of: layer)
    let (a, b) = (try factors.layer.value("0.weight"), try factors.layer.value("1.weight"))
    var approximation: Tensor
    if split == .channels {
      #expect(a.shape == [rank, 3, 3, 3] && b.shape == [8, rank, 1, 1])
      approximation = b.reshaped(to: [8, rank]).matmul(a.reshaped(to: [rank, 27])).reshaped(to: [8, 3, 3, 3])
    } else {
      #expect(a.shape == [rank, 3, 3, 1] && b.shape == [8, rank, 1, 3])
      approximation = .zeros(shape: [8, 3, 3, 3])
      for o in 0..<8 {
        for i in 0..<3 {
          for y in 0..<3 {
            for x in 0..<3 {
              for r in 0..<rank { approximation[o, i, y, x] += a[r, i, y, 0] * b[o, r, 0, x] }
            }
          }
        }
      }
    }
    let weight = layer.weight.value
    let error = ((approximation - weight).sumOfSquares() / weight.sumOfSquares()).squareRoot()
    #expect(abs(error - factors.relativeError) < 1e-5)
    #expect(factors.relativeError > 0.01)
    var dense = layer
    dense.weight.value = approximation
    let x = Tensor.normal(shape: [2, 3, 9, 11], key: Self.key)
    expectClose(factors.layer.logits(x), dense.logits(x), within: 1e-5)
    let cost = split == .channels ? Double(rank * (27 + 8)) / 216 : Double(rank * (9 + 24)) / 216
    #expect(abs(factors.cost - cost) < 1e-12)
  }

  // The Sobel kernel is a column times a row.
  @Test func separableKernelsHaveRankOne() throws {
    var layer = Convolution(inputs: 1, outputs: 1, kernel: 3, key: Self.key)
    layer.weight.value = Tensor([[1, 0, -1], [2, 0, -2], [1, 0, -1]]).reshaped(to: [1, 1, 3, 3])
    let factors = try LowRank(.energy(0.999999), split: .spatial).factors(of: layer)
    #expect(factors.rank == 1 && factors.relativeError < 1e-6)
  }

  // Every exchanged layer of a whole model against the dense model with the factors' product as its weight.
  @Test func wholeModels() throws {
    func check(_ model: some Layer, _ names: [String], multiplyAdds: Int) throws {
      let (small, exchanged) = try LowRank(.multiplyAdds(0.5)).factored(model)
      #expect(exchanged.map(\.name) == names)
      var dense = model
      for (name, factors) in exchanged {
        let (a, b) = (try small.value("\(name).0.weight"), try small.value("\(name).1.weight"))
        #expect(try factors.layer.value("0.weight") == a)
        let rank = factors.rank
        let product = b.reshaped(to: [b.shape[0], rank]).matmul(a.reshaped(to: [rank, a.count / rank]))
        dense.visitParameters { own, parameter in
          if own == name + ".weight" { parameter.value = product.reshaped(to: parameter.value.shape) }
        }
      }
      let x = Tensor.uniform(shape: [3, 3, 32, 32], key: Self.key)
      let expected = dense.logits(x)
      expectClose(small.logits(x), expected, within: 1e-4)
      expectClose(try small.prepared(for: [3, 32, 32]).logits(x), expected, within: 1e-4)
      let before = model.summary(input: [3, 32, 32]).multiplyAdds
      let after = small.summary(input: [3, 32, 32]).multiplyAdds
      #expect(after <= before / 2 + multiplyAdds && after > before * 4 / 10)
    }
    // a share of one half in each but what rank 1 costs at least
    try check(
      SimpleCNN(key: Self.key).asTrained(),
      ["features.0", "features.4", "features.8", "classifier.1", "classifier.4"], multiplyAdds: 0)
    let blocks = ["1.0", "1.1", "2.0", "2.1", "3.0", "3.1"].flatMap { name in
      ["layer\(name).conv1", "layer\(name).conv2"]
        + (name == "2.0" || name == "3.0" ? ["layer\(name).shortcut.0"] : [])
    }
    try check(ResNetSmall(key: Self.key).asTrained(), ["conv1"] + blocks + ["fc"], multiplyAdds: 0)
  }

  @Test func onlyWhatSaves() throws {
    let model = try Reference.network()
    let (same, none) = try LowRank(.energy(1)).factored(model)
    #expect(none.isEmpty && same.weightsDigest == model.weightsDigest)
    let (_, some) = try LowRank(.multiplyAdds(0.5)).factored(model) { $0 != "4" }
    #expect(some.map(\.name) == ["0", "9"])
    let depthwise = Convolution(inputs: 8, outputs: 8, kernel: 3, groups: 8, key: Self.key)
    #expect(throws: InputError.self) { try LowRank(.fixed(1)).factors(of: depthwise) }
    #expect(try LowRank(.fixed(1)).factored(Sequential(depthwise)).factors.isEmpty)
    var broken = Self.linear()
    broken.weight.value[0, 0] = .nan
    #expect(throws: InputError.self) { try LowRank(.fixed(1)).factored(Sequential(broken)) }
  }

  @Test func factorsTrain() throws {
    let samples = Clouds(count: 300)
    let start = MLP(widths: [2, 32, 32, 3], key: Self.key)
    let (model, exchanged) = try LowRank(.fixed(4)).factored(start) { $0 == "2" }
    #expect(exchanged.count == 1 && model.parameters.map(\.name).contains("2.0.weight"))
    var state = TrainingState(model: model, optimizer: Adam(learningRate: 0.01))
    try TrainingLoop(epochs: 10, batchSize: 20, key: Self.key).run(&state, on: samples)
    #expect(try state.model.value("2.0.weight") != model.value("2.0.weight"))
    #expect(try state.model.value("2.1.weight") != model.value("2.1.weight"))
    #expect(try state.model.evaluate(on: samples).accuracy > 0.9)
  }
}
