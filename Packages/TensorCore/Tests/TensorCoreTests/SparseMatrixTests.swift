import TensorCore
import Testing

/// Products with matrices of which only non-zero elements are kept.
@Suite struct SparseMatrixTests {
  private static func masked(_ shape: Shape, keeping share: Float) -> Tensor {
    let draws = Tensor.uniform(shape: shape, key: RandomKey(seed: 5).derived("\(shape) \(share)"))
    return Tensor(
      shape: shape,
      scalars: zip(PlainReference.uniform(shape, "w \(shape)").scalars, draws.scalars)
        .map { $1 < share ? $0 : 0 })
  }

  // (1, −2) · rows (3, 0), (0, 0), (−1, 4), plus the bias; then max(0, ·).
  @Test func byHand() {
    let weight = SparseMatrix(Tensor([[3, 0], [0, 0], [-1, 4]]))
    #expect(weight.nonzeroCount == 3 && weight.sparsity == 0.5)
    let (x, bias) = (Tensor([[1, -2], [0, 1]]), Tensor([10, 20, 1]))
    #expect(x.linear(weight: weight, bias: bias) == Tensor([[13, 20, -8], [10, 20, 5]]))
    #expect(x.linear(weight: weight, bias: bias, thenReLU: true) == Tensor([[13, 20, 0], [10, 20, 5]]))
    #expect(x[rows: 0..<1].linear(weight: weight, bias: nil) == Tensor([[3, 0, -9]]))
  }

  // Samples on both sides of every number of lanes and of vectors at a time; rows of every length modulo four.
  @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 48, 49, 64, 65, 130]) func sums(
    samples: Int
  ) {
    for (outputs, inputs, share) in [(9, 50, 0.1), (33, 7, 0.5), (1, 1, 1), (20, 130, 0.9), (3, 40, 0)]
      as [(Int, Int, Float)]
    {
      let weight = Self.masked([outputs, inputs], keeping: share)
      let x = PlainReference.uniform([samples, inputs], "x \(samples) \(inputs)")
      let bias = PlainReference.uniform([outputs], "bias")
      var expected = [Float]()
      let (w, v) = (weight.scalars.map(Double.init), x.scalars.map(Double.init))
      for i in 0..<samples {
        for o in 0..<outputs {
          var sum = Double(bias.scalars[o])
          for k in 0..<inputs { sum += w[o * inputs + k] * v[i * inputs + k] }
          expected.append(Float(sum))
        }
      }
      let y = x.linear(weight: SparseMatrix(weight), bias: bias)
      let plain = Tensor(shape: [samples, outputs], scalars: expected)
      #expect(y.mismatch(with: plain, relativeToLargest: 1e-6) == nil, "\(samples), \(outputs), \(inputs)")
    }
  }

  // One sample goes another way than many; not a bit may differ.
  @Test func sameBitsInAnyBatch() {
    let weight = SparseMatrix(Self.masked([70, 300], keeping: 0.15))
    let x = PlainReference.uniform([67, 300], "x")
    let all = x.linear(weight: weight, bias: nil)
    for rows in [0..<1, 5..<7, 10..<26, 3..<66, 66..<67] {
      #expect(PlainReference.sameBits(x[rows: rows].linear(weight: weight, bias: nil), all[rows: rows]))
    }
  }

  // Products with zeros are left out.
  @Test func notANumber() {
    let weight = SparseMatrix(Tensor([[1, 0], [0, 1]]))
    for x in [Tensor([[1, .nan]]), Tensor([[1, .nan], [1, .nan]])] {
      let y = x.linear(weight: weight, bias: nil, thenReLU: true).scalars
      #expect(y[0] == 1 && y[1].isNaN)
    }
  }

  @Test func nothingToDo() {
    let weight = SparseMatrix(Tensor(shape: [3, 0], scalars: []))
    #expect(Tensor.zeros(shape: [2, 0]).linear(weight: weight, bias: nil) == .zeros(shape: [2, 3]))
    #expect(weight.sparsity == 0)
    let other = SparseMatrix(Tensor([[1, 2]]))
    #expect(Tensor.zeros(shape: [0, 2]).linear(weight: other, bias: nil).shape == [0, 1])
  }
}
