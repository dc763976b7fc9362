import Compression
import NNLayers
import TensorCore
import Testing

@Suite struct SensitivityScanTests {
  // One parameter at a time: the measure is what is left of each parameter, so any other one that is touched, or a mask that
  // is left over from the row before, shows.
  @Test func oneParameterAtATime() throws {
    let model = try Reference.network()
    let names = ["0.weight", "4.weight", "9.weight"]
    var seen: [[Int]] = []
    let scan = SensitivityScan(sparsities: [0.5, 0.25])
    let (dense, rows) = try scan.run(on: model) { model in
      let left = SparsityReport(of: model).rows.map(\.nonzeroCount)
      seen.append(left)
      return Double(left.reduce(0, +))
    }
    #expect(dense == 1560 && rows.map(\.name) == names && rows.map(\.count) == [216, 864, 480])
    #expect(rows.map(\.measured) == [[1452, 1506], [1128, 1344], [1320, 1440]])
    #expect(
      seen == [
        [108, 864, 480], [162, 864, 480], [216, 432, 480], [216, 648, 480], [216, 864, 240], [216, 864, 360],
        [216, 864, 480],
      ])
  }

  @Test func protectedParametersAreNotScanned() throws {
    let scan = SensitivityScan(Pruner(protecting: ["4.weight"]), sparsities: [0.5])
    let rows = try scan.run(on: try Reference.network()) { _ in 0 }.rows
    #expect(rows.map(\.name) == ["0.weight", "9.weight"])
  }

  @Test func grades() {
    #expect(
      [-0.02, 0, 0.02, 0.1, 0.4].map(Sensitivity.init(drop:)) == [.low, .low, .medium, .high, .critical])
  }
}
