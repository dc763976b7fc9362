import Compression
import NNLayers
import TensorCore
import Testing

/// Compressed networks in files: what they take, and that what is read is what was saved.
@Suite struct DeployedFormsTests {
  private static let key = RandomKey(seed: 64)
  private static let sample: Shape = [3, 32, 32]
  private static let x = Tensor.uniform(shape: [4, 3, 32, 32], key: key)

  private static func mebibytes(_ file: SafeTensors) throws -> Double {
    Double(try file.data().count) / 0x1p20
  }

  // Sizes at 80 %, allowed by the task: 0.6 and 2.6 MiB. Every weight takes a bit, every one that is left four bytes, or one;
  // batch norm leaves a bias for each channel. Only names and the description may come on top.
  @Test func sizesOfPrunedNetworks() throws {
    func check(_ model: some Layer, most: Double) throws {
      var model = model.asTrained()
      try Pruner().prune(&model, to: 0.8)
      let report = SparsityReport(of: model)
      let nonzero = report.rows.reduce(0) { $0 + $1.nonzeroCount }
      let map = (report.prunableCount + 7) / 8
      let plan = try model.prepared(for: Self.sample, executions: model.executions(.sparse, for: Self.sample))
      let file = try plan.deployed()
      #expect(try Self.mebibytes(file) <= most)
      let rest = try file.data().count - 4 * nonzero - map
      #expect(rest > 0 && rest < 30_000, "\(rest) bytes beside the weights")
      let loaded = try DeployedNetwork(file)
      #expect(loaded.logits(Self.x) == plan.logits(Self.x))
      let bytes = try model.quantized(for: Self.sample, calibration: Self.x)
      let small = try bytes.deployed()
      // Some weights round to 0, so there are fewer.
      #expect(try small.data().count < nonzero + map + 60_000)
      #expect(try DeployedNetwork(small).logits(Self.x) == bytes.logits(Self.x))
    }
    try check(SimpleCNN(key: Self.key), most: 0.6)
    try check(ResNetSmall(key: Self.key), most: 2.6)
  }

  // Layers in two, and layers in two by bytes, read without the types that made them.
  @Test func lowRank() throws {
    for split in LowRank.Split.allCases {
      let (model, factors) = try LowRank(.energy(0.6), split: split).factored(Reference.network())
      #expect(!factors.isEmpty)
      let x = try Reference.tensor("images")
      let sample = x.shape.removing(axis: 0)
      let plan = try model.prepared(for: sample)
      let loaded = try DeployedNetwork(plan.deployed())
      #expect(loaded.logits(x) == plan.logits(x))
      let bytes = try model.quantized(for: sample, calibration: x)
      #expect(try DeployedNetwork(bytes.deployed()).logits(x) == bytes.logits(x))
      #expect(try plan.deployed().names.contains { $0.hasPrefix("\(factors[0].name).0.weight") })
    }
  }
}
