import AutoDiffLite
import Compression
import NNLayers
import TensorCore
import Testing

@Suite struct ChannelPrunerTests {
  private static let key = RandomKey(seed: 41)

  private static func images(_ sample: Shape) -> Tensor {
    .uniform(shape: Shape([5] + sample.dimensions), key: key.derived("images"))
  }

  // By hand from the network's layers. The second convolution's 12 maps of 2×2 are 48 features of the linear layer.
  @Test func groupsOfAChain() throws {
    let groups = ChannelPruner().groups(of: try Reference.network(), sample: [3, 8, 8])
    #expect(groups.map(\.count) == [8, 12])
    func norm(_ n: Int) -> [String] {
      ["bias", "running_mean", "running_var", "weight"].map { "\(n).\($0)/0" }
    }
    #expect(groups[0].members == (["0.bias/0", "0.weight/0", "4.weight/1"] + norm(1)).sorted())
    #expect(groups[1].members == (["4.bias/0", "4.weight/0", "9.weight/1"] + norm(5)).sorted())
    let third = groups[1].channels[2].filter { $0.name == "9.weight" }.map(\.index)
    #expect(third == [8, 9, 10, 11])
    #expect(groups[1].channels[2].count == 6 + 4)
  }

  // Every residual sum ties its operands: the stem with both blocks of layer1, each later stream with its shortcut and both
  // second convolutions. Inner convolutions stand alone. Torch-Pruning 1.6.1 finds the same groups.
  @Test func groupsOfAResidualNetwork() throws {
    let groups = ChannelPruner().groups(of: ResNetSmall(key: Self.key), sample: [3, 32, 32])
    let members = groups.map { group in
      group.members.filter { $0.contains("weight") && !$0.contains("bn") && !$0.contains("shortcut.1") }
        .map { $0.replacing(".weight", with: "") }
    }
    let inner = ["1.0", "1.1", "2.0", "2.1", "3.0", "3.1"].map {
      ["layer\($0).conv1/0", "layer\($0).conv2/1"]
    }
    #expect(
      Set(members)
        == Set(inner).union([
          [
            "conv1/0", "layer1.0.conv1/1", "layer1.0.conv2/0", "layer1.1.conv1/1", "layer1.1.conv2/0",
            "layer2.0.conv1/1", "layer2.0.shortcut.0/1",
          ],
          [
            "layer2.0.conv2/0", "layer2.0.shortcut.0/0", "layer2.1.conv1/1", "layer2.1.conv2/0",
            "layer3.0.conv1/1", "layer3.0.shortcut.0/1",
          ],
          [
            "fc/1", "layer3.0.conv2/0", "layer3.0.shortcut.0/0", "layer3.1.conv1/1", "layer3.1.conv2/0",
          ],
        ]))
    #expect(groups.map(\.count).sorted() == [64, 64, 64, 128, 128, 128, 256, 256, 256])
  }

  private static func checkAnswers(
    _ model: some Layer, _ sample: Shape, removing share: Double, multiple: Int = 8
  ) throws -> (parameters: Int, multiplyAdds: Int) {
    let selection = try ChannelPruner(multiple: multiple).select(from: model, sample: sample, removing: share)
    let (masked, shrunk) = (selection.masked(model), selection.shrunk(model))
    let x = images(sample)
    let expected = masked.logits(x)
    #expect(expected != model.logits(x))
    expectClose(shrunk.logits(x), expected, within: 1e-5)
    expectClose(try shrunk.prepared(for: sample).logits(x), expected, within: 1e-5)
    #expect(masked.parameterCount == model.parameterCount)
    return (shrunk.parameterCount, shrunk.summary(input: sample).multiplyAdds)
  }

  // Sizes by hand: widths 16, 32, 64 and 128 instead of 32, 64, 128 and 256.
  @Test func simpleCNN() throws {
    let size = try Self.checkAnswers(SimpleCNN(key: Self.key).asTrained(), [3, 32, 32], removing: 0.5)
    let convolutions = 27 * 16 + 144 * 32 + 288 * 64
    let norms = 3 * (16 + 32 + 64)
    let linear = 64 * 16 * 128 + 128 * 10
    #expect(size.parameters == convolutions + norms + linear + 128 + 10)
    #expect(size.multiplyAdds == 27 * 16 * 1024 + 144 * 32 * 256 + 288 * 64 * 64 + linear)
  }

  @Test func residualNetwork() throws {
    let size = try Self.checkAnswers(ResNetSmall(key: Self.key).asTrained(), [3, 32, 32], removing: 0.5)
    func convolutions(_ c: Int) -> Int {
      27 * c + 4 * 9 * c * c + (9 * 2 + 9 * 4 + 2 + 2 * 9 * 4) * c * c
        + (9 * 8 + 9 * 16 + 8 + 2 * 9 * 16) * c * c
    }
    let norms = 2 * (32 * 5 + 64 * 5 + 128 * 5)
    #expect(size.parameters == convolutions(32) + norms + 128 * 10 + 10)
  }

  @Test func otherNetworks() throws {
    _ = try Self.checkAnswers(try Reference.network(), [3, 8, 8], removing: 0.4, multiple: 1)
    _ = try Self.checkAnswers(ConvNN(key: Self.key).asTrained(), [1, 28, 28], removing: 0.4, multiple: 1)
    let perceptron = MLP(widths: [784, 64, 32, 10], key: Self.key).asTrained()
    let selection = try ChannelPruner().select(from: perceptron, sample: [784], removing: 0.25)
    #expect(selection.shrunk(perceptron).widths == [784, 48, 24, 10])
    _ = try Self.checkAnswers(perceptron, [784], removing: 0.25)
    _ = try Self.checkAnswers(
      Normalized(
        SimpleCNN(key: Self.key).asTrained(), mean: [0.4, 0.5, 0.6], standardDeviation: [0.2, 0.3, 0.4]),
      [3, 32, 32], removing: 0.3)
  }

  /// A block as a user writes one: two branches into a sum, and one layer that runs twice.
  private struct Branches: Layer {
    var wide: Convolution
    var deep: Convolution
    var twice: Convolution
    init(_ key: RandomKey) {
      wide = Convolution(inputs: 3, outputs: 12, kernel: 1, key: key.derived(0))
      deep = Convolution(inputs: 3, outputs: 12, kernel: 3, padding: 1, key: key.derived(1))
      twice = Convolution(inputs: 12, outputs: 12, kernel: 3, padding: 1, key: key.derived(2))
    }
    func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
      let y = pass.enter("wide", wide, x) + pass.enter("deep", deep, x)
      return pass.enter("twice", twice, pass.enter("twice", twice, y).relu())
    }
    func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
      let (a, b) = (builder.enter("wide", wide, x), builder.enter("deep", deep, x))
      let y = builder.enter("twice", twice, builder.graph.sum(a, b))
      return builder.enter("twice", twice, builder.graph.relu(y))
    }
    mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
      wide.visitParameters { visit("wide." + $0, &$1) }
      deep.visitParameters { visit("deep." + $0, &$1) }
      twice.visitParameters { visit("twice." + $0, &$1) }
    }
  }

  // The layer that runs twice reads its own output: its inputs and outputs are one group, with both branches.
  @Test func layersFromOutside() throws {
    let model = Sequential(
      Branches(Self.key), AdaptiveAveragePool(1), Flatten(), Linear(inputs: 12, outputs: 4, key: Self.key))
    let groups = ChannelPruner().groups(of: model, sample: [3, 6, 6])
    #expect(
      groups.map(\.members) == [
        [
          "0.deep.bias/0", "0.deep.weight/0", "0.twice.bias/0", "0.twice.weight/0", "0.twice.weight/1",
          "0.wide.bias/0", "0.wide.weight/0", "3.weight/1",
        ]
      ])
    _ = try Self.checkAnswers(model, [3, 6, 6], removing: 0.4, multiple: 4)
  }

  // Nothing is known of a convolution in groups or of a custom layer: what they touch stays.
  @Test func unknownOperationsStay() throws {
    let model = Sequential(
      Convolution(inputs: 3, outputs: 8, kernel: 1, key: Self.key),
      Convolution(inputs: 8, outputs: 8, kernel: 3, padding: 1, groups: 8, key: Self.key),
      Convolution(inputs: 8, outputs: 16, kernel: 1, key: Self.key), ReLU(),
      Convolution(inputs: 16, outputs: 8, kernel: 1, key: Self.key), Tanh(), AdaptiveAveragePool(1),
      Flatten(),
      Linear(inputs: 8, outputs: 4, key: Self.key))
    let groups = ChannelPruner().groups(of: model, sample: [3, 6, 6])
    #expect(groups.map(\.members) == [["2.bias/0", "2.weight/0", "4.weight/1"]])
    #expect(throws: InputError.self) {
      try ChannelPruner(protecting: ["2.weight"]).select(from: model, sample: [3, 6, 6], removing: 0.5)
    }
  }

  // Hidden units by hand: sums of |row| and |column| are 1 + 8, 2 + 1, 3 + 1, 1 + 2 (the bias is no weight). Half of four
  // in multiples of one: units 1 and 3 go, equal scores.
  @Test func lowestChannelsGo() throws {
    var model = Sequential(
      Linear(inputs: 2, outputs: 4, key: Self.key), ReLU(), Linear(inputs: 4, outputs: 2, key: Self.key))
    model.visitParameters { name, parameter in
      switch name {
      case "0.weight": parameter.value = Tensor([[1, 0], [-1, 1], [3, 0], [0, -1]])
      case "0.bias": parameter.value = Tensor([1, 2, 3, 4])
      case "2.weight": parameter.value = Tensor([[4, 1, 0, -1], [4, 0, -1, 1]])
      default: break
      }
    }
    let selection = try ChannelPruner(multiple: 1).select(from: model, sample: [2], removing: 0.5)
    let small = selection.shrunk(model)
    #expect(try small.value("0.weight") == Tensor([[1, 0], [3, 0]]))
    #expect(try small.value("0.bias") == Tensor([1, 3]))
    #expect(try small.value("2.weight") == Tensor([[4, 0], [4, -1]]))
    #expect(selection.count(of: "0.weight") == 2 && selection.count(of: "2.weight", axis: 1) == 2)
    // of two equals the earlier
    let one = try ChannelPruner(multiple: 1).select(from: model, sample: [2], removing: 0.25)
    #expect(try one.shrunk(model).value("0.bias") == Tensor([1, 3, 4]))
    #expect(try one.masked(model).value("0.weight") == Tensor([[1, 0], [0, 0], [3, 0], [0, -1]]))
  }

  // 12 channels: 0.3 leaves 8.4 → 8, 0.5 leaves 6 → 8 (the larger of 4 and 8), 0.6 leaves 4.8 → 4, 0.99 → 4, 0.1 → 12.
  @Test(arguments: [(0, 12), (0.1, 12), (0.3, 8), (0.5, 8), (0.6, 4), (0.99, 4)] as [(Double, Int)])
  func countsAreMultiples(share: Double, expected: Int) throws {
    let model = MLP(widths: [3, 12, 2], key: Self.key)
    let selection = try ChannelPruner(multiple: 4).select(from: model, sample: [3], removing: share)
    #expect(selection.shrunk(model).widths == [3, expected, 2])
    // fewer channels than a multiple all stay
    let whole = try ChannelPruner(multiple: 16).select(from: model, sample: [3], removing: share)
    #expect(whole.removed.isEmpty)
  }

  @Test func sharesAndScoresAreChecked() {
    let unknown = ChannelPruner(score: CustomScore { $1.value * .nan }, multiple: 1)
    #expect(throws: InputError.self) {
      try unknown.select(from: MLP(widths: [3, 12, 2], key: Self.key), sample: [3], removing: 0.5)
    }
    for share in [-0.1, 1, .nan] {
      #expect(throws: InputError.self) {
        try ChannelPruner().select(
          from: MLP(widths: [3, 12, 2], key: Self.key), sample: [3], removing: share)
      }
    }
  }

  // Masks from unstructured pruning shrink along; the small model trains, keeps them, and comes back from its file.
  @Test func smallModelsTrainAndLoad() throws {
    let start = Sequential(
      Linear(inputs: 2, outputs: 16, key: Self.key), BatchNorm(channels: 16), ReLU(),
      Linear(inputs: 16, outputs: 3, key: Self.key)
    ).asTrained()
    var model = start
    try Pruner().prune(&model, to: 0.25)
    let selection = try ChannelPruner().select(from: model, sample: [2], removing: 0.5)
    var state = TrainingState(model: selection.shrunk(model), optimizer: Adam(learningRate: 0.01))
    let zeros = state.model.zeros
    #expect(state.model.masks.mapValues(\.shape) == ["0.weight": [8, 2], "3.weight": [3, 8]])
    try TrainingLoop(epochs: 3, batchSize: 20, key: Self.key).run(&state, on: Clouds(count: 60))
    #expect(state.model.zeros == zeros)
    var loaded = start
    #expect(throws: InputError.self) { try loaded.load(state.model.weights()) }
    #expect(loaded.weightsDigest == start.weightsDigest)
    try loaded.load(resizing: state.model.weights())
    #expect(loaded.weightsDigest == state.model.weightsDigest)
    #expect(throws: InputError.self) {
      try loaded.load(resizing: MLP(widths: [2, 8, 3], key: Self.key).weights())
    }
  }
}
