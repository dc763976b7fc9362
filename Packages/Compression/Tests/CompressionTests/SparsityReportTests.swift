import Compression
import NNLayers
import TensorCore
import Testing

@Suite struct SparsityReportTests {
  // By hand: 10 weights, 4 not 0; 3 of 5 biases not 0; batch norm with 5 scales, 5 zero shifts, 10 buffers and a counter.
  @Test func smallModel() {
    var layer = Linear(inputs: 2, outputs: 5, key: RandomKey(seed: 1))
    layer.weight.value = Tensor([[1, 0], [0, 0], [-2, 3], [-0.0, 0], [0, 4]])
    layer.bias?.value = Tensor([0, 1, 2, 3, 0])
    let report = SparsityReport(of: Sequential(layer, BatchNorm(channels: 5)))
    #expect(report.rows.map { "\($0.name) \($0.count) \($0.nonzeroCount)" } == ["0.weight 10 4"])
    #expect(report.parameterCount == 25 && report.nonzeroParameterCount == 12)
    #expect(report.rows[0].sparsity == 0.6 && report.sparsity == 0.6)
    let rest = 4 * 15 + 4 * 10 + 8
    #expect(report.byteCount() == 40 + rest)
    #expect(report.byteCount(.bitmap) == 4 * 4 + 2 + rest)
    #expect(report.byteCount(.index16) == 6 * 4 + 4 + rest)
    #expect(report.byteCount(.index32) == 8 * 4 + rest)
  }

  // By hand: 18 weights at 16 places, half of them 0, and 96 weights at one place: 144 of 288 and 96.
  @Test func multiplyAddsWithoutZeros() {
    let key = RandomKey(seed: 1)
    var convolution = Convolution(inputs: 1, outputs: 2, kernel: 3, padding: 1, key: key)
    convolution.weight.setMask(
      Tensor(shape: [2, 1, 3, 3], scalars: (0..<18).map { $0 < 9 ? 1 : 0 }))
    let model = Sequential(convolution, ReLU(), Flatten(), Linear(inputs: 32, outputs: 3, key: key))
    let summary = model.summary(input: [1, 4, 4])
    #expect(summary.multiplyAdds == 288 + 96)
    #expect(SparsityReport(of: model).multiplyAdds(in: summary) == 144 + 96)
  }

  // Document 4's sizes in MiB, without buffers where these are counted apart.
  @Test func sizesOfTheDocument() throws {
    func check(
      _ model: some Layer, dense: Double, bitmap: Double, index16: Double, index32: Double, ratio: Double
    )
      throws
    {
      #expect(abs(SparsityReport(of: model).mebibytes() - dense) < 5e-4)
      var pruned = model
      try Pruner().prune(&pruned, to: 0.8)
      let report = SparsityReport(of: pruned)
      #expect(report.mebibytes() == SparsityReport(of: model).mebibytes())
      for (encoding, expected) in [(SparseEncoding.bitmap, bitmap), (.index16, index16), (.index32, index32)]
      {
        let size = Double(report.byteCount(encoding) - report.bufferByteCount) / 0x1p20
        #expect(abs(size - expected) < 0.0051, "\(encoding) \(size)")
      }
      #expect(abs(report.compressionRatio - ratio) < 0.005)
    }
    try check(
      SimpleCNN(key: RandomKey(seed: 1)).asTrained(), dense: 2.3699, bitmap: 0.55, index16: 0.71,
      index32: 0.95,
      ratio: 4.97)
    try check(
      ResNetSmall(key: RandomKey(seed: 1)).asTrained(), dense: 10.613, bitmap: 2.46, index16: 3.19,
      index32: 4.25,
      ratio: 4.97)
  }
}
