import AutoDiffLite
import Foundation
import TensorCore

/// One public operation of `Variable` and how to carry it out on a fixture's inputs.
struct Operation: Sendable {
  /// The declaration: a function's name and labels, or an operator and the types of its operands.
  let declaration: String
  /// The first part of its entries' names in the fixture.
  let key: String
  /// The operation; the case decides axes and indices as Scripts/fixtures/make_autodiff_fixtures.py does.
  let apply: @Sendable (_ inputs: [Variable], _ fixture: FixtureCase) -> Variable

  init(
    _ declaration: String, _ key: String,
    _ apply: @escaping @Sendable (_ inputs: [Variable], _ fixture: FixtureCase) -> Variable
  ) {
    self.declaration = declaration
    self.key = key
    self.apply = apply
  }

  private static let number: Float = 1.75
  private static let columns = [3, 0, 3, 1, 2]

  private static func labels(_ x: Variable) -> IntTensor {
    IntTensor(columns.map { min($0, x.shape[1] - 1) })
  }

  private static let convolutions = [
    "plain": ConvolutionSettings(),
    "padded": ConvolutionSettings(padding: 1),
    "strided": ConvolutionSettings(
      stride: Extent(height: 2, width: 1), padding: Extent(height: 1, width: 0)),
    "grouped": ConvolutionSettings(padding: 2, dilation: 2, groups: 2),
    "relu": ConvolutionSettings(padding: 1),
  ]

  private static let windows = [
    "pairs": PoolingWindow(2), "pairsOdd": PoolingWindow(2), "pairsEmpty": PoolingWindow(2),
    "ties": PoolingWindow(2), "padded": PoolingWindow(3, stride: 2, padding: 1),
    "paddedOnePixel": PoolingWindow(3, stride: 2, padding: 1),
    "overlapping": PoolingWindow(Extent(height: 2, width: 3), stride: Extent(height: 1, width: 2)),
  ]

  private static func runningStatistics(_ x: Variable) -> ChannelStatistics {
    let channels = (0..<x.shape[1]).map { Float($0) }
    return ChannelStatistics(
      mean: Tensor(channels.map { $0 * 0.25 - 0.5 }), variance: Tensor(channels.map { $0 * 0.5 + 0.25 }))
  }

  private static func normalized(
    _ x: [Variable], by statistics: ChannelStatistics, thenReLU: Bool = false
  ) -> Variable {
    x[0].channelNormalized(by: statistics, weight: x[1], bias: x[2], epsilon: 0.125, thenReLU: thenReLU)
  }

  /// Every public operation. A new one needs a row here and its cases in the script.
  static let all = [
    Operation("+(Variable, Variable)", "add") { x, _ in x[0] + x[1] },
    Operation("-(Variable, Variable)", "subtract") { x, _ in x[0] - x[1] },
    Operation("*(Variable, Variable)", "multiply") { x, _ in x[0] * x[1] },
    Operation("/(Variable, Variable)", "divide") { x, _ in x[0] / x[1] },
    Operation("+(Variable, Float)", "addNumber") { x, _ in x[0] + number },
    Operation("+(Float, Variable)", "numberAdd") { x, _ in number + x[0] },
    Operation("-(Variable, Float)", "subtractNumber") { x, _ in x[0] - number },
    Operation("-(Float, Variable)", "numberSubtract") { x, _ in number - x[0] },
    Operation("*(Variable, Float)", "multiplyNumber") { x, _ in x[0] * number },
    Operation("*(Float, Variable)", "numberMultiply") { x, _ in number * x[0] },
    Operation("/(Variable, Float)", "divideNumber") { x, _ in x[0] / number },
    Operation("/(Float, Variable)", "numberDivide") { x, _ in number / x[0] },
    Operation("-(Variable)", "negate") { x, _ in -x[0] },
    Operation("maximum(_:_:)", "maximum") { x, _ in .maximum(x[0], x[1]) },
    Operation("minimum(_:_:)", "minimum") { x, _ in .minimum(x[0], x[1]) },
    Operation("clamped(to:)", "clamped") { x, _ in x[0].clamped(to: -0.5...1) },

    Operation("exp()", "exp") { x, _ in x[0].exp() },
    Operation("log()", "log") { x, _ in x[0].log() },
    Operation("tanh()", "tanh") { x, _ in x[0].tanh() },
    Operation("sigmoid()", "sigmoid") { x, _ in x[0].sigmoid() },
    Operation("relu()", "relu") { x, _ in x[0].relu() },
    Operation("leakyReLU(slope:)", "leakyReLU") { x, fixture in
      fixture.name == "default" ? x[0].leakyReLU() : x[0].leakyReLU(slope: 0.125)
    },
    Operation("squareRoot()", "squareRoot") { x, _ in x[0].squareRoot() },
    Operation("squared()", "squared") { x, _ in x[0].squared() },
    Operation("absolute()", "absolute") { x, _ in x[0].absolute() },

    Operation("normalQuantile()", "normalQuantile") { x, _ in x[0].normalQuantile() },

    Operation("matmul(_:)", "matmul") { x, _ in x[0].matmul(x[1]) },
    Operation("linear(weight:bias:)", "linear") { x, _ in x[0].linear(weight: x[1], bias: x[2]) },
    Operation("linear(weight:bias:)", "linearWithoutBias") { x, _ in x[0].linear(weight: x[1], bias: nil) },

    Operation("convolved(weight:bias:settings:thenReLU:)", "convolved") { x, fixture in
      x[0].convolved(
        weight: x[1], bias: x[2], settings: convolutions[fixture.name]!, thenReLU: fixture.name == "relu")
    },
    Operation("convolved(weight:bias:settings:thenReLU:)", "convolvedWithoutBias") { x, fixture in
      x[0].convolved(weight: x[1], settings: convolutions[fixture.name]!)
    },

    Operation("sum()", "sum") { x, _ in x[0].sum() },
    Operation("mean()", "mean") { x, _ in x[0].mean() },
    Operation("sum(alongAxis:)", "sumAlongAxis") { x, fixture in x[0].sum(alongAxis: fixture.axis) },
    Operation("mean(alongAxis:)", "meanAlongAxis") { x, fixture in x[0].mean(alongAxis: fixture.axis) },
    Operation("max(alongAxis:)", "maxAlongAxis") { x, fixture in x[0].max(alongAxis: fixture.axis) },

    Operation("reshaped(to:)", "reshaped") { x, _ in x[0].reshaped(to: [5, -1]) },
    Operation("flattened(fromAxis:)", "flattened") { x, fixture in
      fixture.name == "fromFirst" ? x[0].flattened(fromAxis: 0) : x[0].flattened()
    },
    Operation("expanded(axis:)", "expanded") { x, fixture in
      x[0].expanded(axis: fixture.name == "last" ? -1 : 1)
    },
    Operation("squeezed(axis:)", "squeezed") { x, _ in x[0].squeezed(axis: -2) },
    Operation("transposed()", "transposed") { x, _ in x[0].transposed() },
    Operation("permuted(_:)", "permuted") { x, fixture in
      x[0].permuted(fixture.name == "rank4" ? [1, 3, 0, 2] : [2, 0, 1])
    },
    Operation("subscript(rows:)", "rows") { x, fixture in
      let ranges = ["middle": 1..<4, "first": 0..<2, "none": 2..<2]
      return x[0][rows: ranges[fixture.name]!]
    },
    Operation("concatenated(_:)", "concatenated") { x, _ in .concatenated(x) },
    Operation("gathered(rows:)", "gathered") { x, fixture in
      x[0].gathered(rows: fixture.name == "rank3" ? [1, 1] : [4, 0, 4, 2, 4])
    },
    Operation("picked(columns:)", "picked") { x, _ in x[0].picked(columns: IntTensor(columns)) },

    Operation("softmax()", "softmax") { x, _ in x[0].softmax() },
    Operation("logSoftmax()", "logSoftmax") { x, _ in x[0].logSoftmax() },
    Operation("logSumExp()", "logSumExp") { x, _ in x[0].logSumExp() },
    Operation("crossEntropy(labels:)", "crossEntropy") { x, _ in x[0].crossEntropy(labels: labels(x[0])) },
    Operation("crossEntropy(targets:)", "crossEntropyWithTargets") { x, fixture in
      x[0].crossEntropy(targets: fixture.targets!)
    },

    Operation("maxPooled(_:thenReLU:)", "maxPooled") { x, fixture in
      x[0].maxPooled(windows[fixture.name]!)
    },
    Operation("maxPooled(_:thenReLU:)", "maxPooledThenReLU") { x, fixture in
      x[0].maxPooled(windows[fixture.name]!, thenReLU: true)
    },
    Operation("averagePooled(_:countsPadding:)", "averagePooled") { x, fixture in
      x[0].averagePooled(windows[fixture.name]!)
    },
    Operation("averagePooled(_:countsPadding:)", "averagePooledInside") { x, fixture in
      x[0].averagePooled(windows[fixture.name]!, countsPadding: false)
    },
    Operation("adaptiveAveragePooled(to:)", "adaptiveAveragePooledTo1") { x, _ in
      x[0].adaptiveAveragePooled(to: 1)
    },
    Operation("adaptiveAveragePooled(to:)", "adaptiveAveragePooledTo4x2") { x, _ in
      x[0].adaptiveAveragePooled(to: Extent(height: 4, width: 2))
    },

    Operation("channelNormalized(by:weight:bias:epsilon:thenReLU:)", "batchNormalized") { x, _ in
      normalized(x, by: ChannelStatistics(measuring: x[0].value))
    },
    Operation("channelNormalized(by:weight:bias:epsilon:thenReLU:)", "batchNormalizedThenReLU") { x, _ in
      normalized(x, by: ChannelStatistics(measuring: x[0].value), thenReLU: true)
    },
    Operation("channelNormalized(by:weight:bias:epsilon:thenReLU:)", "channelNormalized") { x, _ in
      normalized(x, by: runningStatistics(x[0]))
    },
    Operation("channelNormalized(by:weight:bias:epsilon:thenReLU:)", "channelNormalizedThenReLU") { x, _ in
      normalized(x, by: runningStatistics(x[0]), thenReLU: true)
    },
    Operation("groupNormalized(groups:weight:bias:epsilon:)", "groupNormalized") { x, _ in
      x[0].groupNormalized(groups: 2, weight: x[1], bias: x[2], epsilon: 0.125)
    },
    Operation("layerNormalized(weight:bias:epsilon:)", "layerNormalized") { x, _ in
      x[0].layerNormalized(weight: x[1], bias: x[2], epsilon: 0.125)
    },

    Operation("gelu(approximate:)", "gelu") { x, _ in x[0].gelu() },
    Operation("gelu(approximate:)", "geluApproximate") { x, _ in x[0].gelu(approximate: true) },
    Operation("silu()", "silu") { x, _ in x[0].silu() },
    Operation("addedThenReLU(_:)", "addedThenReLU") { x, _ in x[0].addedThenReLU(x[1]) },
    Operation("scaledRows(by:)", "scaledRows") { x, _ in
      x[0].scaledRows(by: Tensor((0..<x[0].shape[0]).map { Float($0 % 3) * 0.5 - 0.5 }))
    },
    Operation("dropped(rate:keys:)", "dropped") { x, _ in
      x[0].dropped(rate: 0.375, keys: (0..<x[0].shape[0]).map { RandomKey(seed: 11).derived(5 * $0 + 2) })
    },
  ]

  /// The declarations of all public functions, operators and subscripts in the files `Variable+….swift`.
  static func declarationsInSources() throws -> Set<String> {
    let folder = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Sources/AutoDiffLite")
      .standardized
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasPrefix("Variable+") }
    let pattern =
      /public (?:static |prefix )*(?:func )?(?<name>subscript|[^\s(]+) ?\((?<parameters>(?:[^()]|\([^()]*\))*)\)/
    var found: Set<String> = []
    for file in files {
      for match in try String(contentsOf: file, encoding: .utf8).matches(of: pattern) {
        let name = match.output.name
        let parameters = match.output.parameters.split(separator: ",").map {
          $0.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        }
        if name.first!.isLetter {
          let labels = parameters.map { $0[0].split(separator: " ")[0] + ":" }
          found.insert("\(name)(\(labels.joined()))")
        } else {
          found.insert("\(name)(\(parameters.map { $0[1] }.joined(separator: ", ")))")
        }
      }
    }
    return found
  }
}

/// One case of the fixture: what PyTorch computed in float64.
struct FixtureCase: Sendable {
  let name: String
  let inputs: [Tensor]
  let upstream: Tensor
  let output: Tensor
  let gradients: [Tensor]
  let targets: Tensor?

  /// The axis, where the case is named after one.
  var axis: Int { name == "ties" ? 1 : Int(name)! }

  /// Whether some inputs lie where the operation bends, so that differences say nothing.
  var isAtBend: Bool { ["ties", "zero", "ends"].contains(name) }

  /// The fixture, read once.
  static let file = Result {
    try SafeTensors(
      contentsOf: Bundle.module.url(forResource: "Fixtures/operations", withExtension: "safetensors")!)
  }

  private static let namesByKey = file.map { file in
    Dictionary(grouping: file.names) { String($0.split(separator: "/")[0]) }
  }

  /// The cases of one operation.
  static func all(of key: String) throws -> [FixtureCase] {
    let file = try file.get()
    let names = try namesByKey.get()[key] ?? []
    let cases = Set(names.map { String($0.split(separator: "/")[1]) }).sorted()
    return try cases.map { name in
      let prefix = "\(key)/\(name)/"
      let count = names.filter { $0.hasPrefix(prefix + "input") }.count
      return try FixtureCase(
        name: name, inputs: (0..<count).map { try file.tensor(named: "\(prefix)input\($0)") },
        upstream: file.tensor(named: prefix + "upstream"), output: file.tensor(named: prefix + "output"),
        gradients: (0..<count).map { try file.tensor(named: "\(prefix)gradient\($0)") },
        targets: names.contains(prefix + "targets") ? file.tensor(named: prefix + "targets") : nil)
    }
  }
}
