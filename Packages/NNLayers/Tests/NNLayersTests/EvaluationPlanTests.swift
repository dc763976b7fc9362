import AutoDiffLite
import NNLayers
import TensorCore
import Testing

/// A prepared model against the same model layer by layer, on the tape.
@Suite struct EvaluationPlanTests {
  struct Case: Sendable {
    let name: String
    let model: any Layer
    let sample: Shape
    var count = 5
    /// How far the input gradient may be off. Sums of thousands of terms and Winograd's transforms round, and here and
    /// there that turns a ReLU on or off.
    var gradientTolerance: Float = 1e-5

    init(_ name: String, _ sample: Shape, _ model: any Layer, count: Int = 5, gradientTolerance: Float = 1e-5)
    {
      self.name = name
      self.model = ModelFixture.filled(model)
      self.sample = sample
      self.count = count
      self.gradientTolerance = gradientTolerance
    }

    /// Draws from U(−1, 1).
    var inputs: Tensor {
      .uniform(shape: Shape([count] + sample.dimensions), in: -1...1, key: key.derived(name))
    }
  }

  private static let key = RandomKey(seed: 91)

  private static func conv(
    _ inputs: Int, _ outputs: Int, _ kernel: Extent = 3, stride: Extent = 1, padding: Extent = 0,
    dilation: Extent = 1, groups: Int = 1, hasBias: Bool = true
  ) -> Convolution {
    Convolution(
      inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: padding, dilation: dilation,
      groups: groups, hasBias: hasBias, key: key)
  }

  private static func linear(_ inputs: Int, _ outputs: Int, hasBias: Bool = true) -> Linear {
    Linear(inputs: inputs, outputs: outputs, hasBias: hasBias, key: key)
  }

  static let cases = [
    Case(
      "convolution, bias, ReLU", [3, 9, 11],
      Sequential(
        conv(3, 8, padding: 1), ReLU(), conv(8, 6, stride: 2), ReLU(), conv(6, 4, 1), ReLU(),
        conv(4, 3, Extent(height: 2, width: 3), padding: Extent(height: 0, width: 1), hasBias: false))),
    Case(
      "groups and dilation", [4, 10, 9],
      Sequential(
        conv(4, 6, padding: 2, dilation: 2, groups: 2), ReLU(), conv(6, 6, padding: 1, groups: 6), ReLU(),
        conv(6, 4, stride: Extent(height: 1, width: 2), dilation: Extent(height: 2, width: 1)))),
    Case(
      "convolution, batch norm", [2, 8, 8],
      Sequential(
        conv(2, 6, padding: 1, hasBias: false), BatchNorm(channels: 6), ReLU(), conv(6, 5),
        BatchNorm(channels: 5, epsilon: 0.1), conv(5, 4), BatchNorm(channels: 4), BatchNorm(channels: 4),
        ReLU())),
    Case(
      "convolution, ReLU, batch norm", [2, 8, 8],
      Sequential(
        conv(2, 6, padding: 1), ReLU(), BatchNorm(channels: 6), MaxPool(2), conv(6, 5), ReLU(),
        BatchNorm(channels: 5), Flatten(), linear(20, 3))),
    Case(
      "wide, by Winograd", [3, 9, 10],
      Sequential(
        conv(3, 32, padding: 1), ReLU(), conv(32, 40, padding: 1, hasBias: false), BatchNorm(channels: 40),
        ReLU(),
        conv(40, 32), ReLU(), BatchNorm(channels: 32), BasicBlock(inputs: 32, outputs: 32, key: key)),
      count: 2),
    Case(
      "pooling", [2, 13, 12],
      Sequential(
        conv(2, 4), MaxPool(3, stride: 2, padding: 1), ReLU(), conv(4, 4, padding: 1),
        MaxPool(Extent(height: 2, width: 1)), AveragePool(2, stride: 1, padding: 1), ReLU(),
        AveragePool(2, padding: 1, countsPadding: false), AdaptiveAveragePool(Extent(height: 2, width: 3)))),
    Case(
      "residual blocks", [4, 9, 8],
      Sequential(
        BasicBlock(inputs: 4, outputs: 4, key: key), BasicBlock(inputs: 4, outputs: 6, stride: 2, key: key),
        BasicBlock(inputs: 6, outputs: 5, key: key), BasicBlock(inputs: 5, outputs: 5, key: key))),
    Case(
      "normalised, then padded", [3, 7, 6],
      Normalized(
        Sequential(conv(3, 5, padding: 2), ReLU(), Flatten(), linear(5 * 9 * 8, 4)), mean: [0.5, 0.3, -0.2],
        standardDeviation: [0.2, 0.5, 2])),
    Case(
      "dropout", [3, 6, 6],
      Sequential(
        Dropout(rate: 0.5), conv(3, 4), ChannelDropout(rate: 0.9), ReLU(), Dropout(rate: 1), Flatten(),
        linear(64, 5), Dropout(rate: 0.5), ReLU(), linear(5, 3), Dropout(rate: 0.2))),
    Case(
      "linear layers", [17],
      Sequential(
        linear(17, 33), ReLU(), linear(33, 20, hasBias: false), BatchNorm(channels: 20), ReLU(),
        linear(20, 1),
        linear(1, 6))),
    Case("softmax regression on images", [1, 5, 5], MLP(widths: [25, 4], key: key)),
    Case("perceptron", [30], MLP(widths: [30, 70, 40, 10], key: key)),
    Case(
      "layers without a plan", [3, 6, 6],
      Sequential(
        conv(3, 6, padding: 1), GroupNorm(groups: 3, channels: 6), ReLU(), conv(6, 4), LeakyReLU(slope: 0.2),
        LayerNorm([4, 4]), Flatten(), linear(64, 8), Tanh(), Noise(deviation: 1), Scale(features: 8),
        Sigmoid(), linear(8, 5),
        Softmax())),
    Case("own block", [3, 5, 5], Sequential(conv(3, 3), Gated(key: key), ReLU(), Gated(key: key))),
    Case("shared values", [3, 6, 6], Shared(key: key)),
    Case("nothing", [2, 3], Sequential()),
    Case("only dropout", [2, 3], Sequential(Dropout(rate: 0.5))),
    Case("only a ReLU", [2, 3], Sequential(ReLU(), ReLU())),
    Case("Net", [1, 28, 28], Net(key: key)),
    Case("Net on rows", [784], Net(key: key)),
    Case("ConvNN", [1, 28, 28], ConvNN(key: key)),
    Case("WideConvNN", [1, 28, 28], WideConvNN(key: key)),
    Case(
      "normalised ConvNN", [1, 28, 28], Normalized(ConvNN(key: key), mean: [0.13], standardDeviation: [0.3])),
    Case("SimpleCNN", [3, 32, 32], SimpleCNN(key: key), count: 2),
    Case("ResNetSmall", [3, 8, 8], ResNetSmall(key: key), count: 2),
  ]

  @Test(arguments: cases.indices) func logitsAndGradientAreTheModels(index: Int) throws {
    try check(Self.cases[index].model, Self.cases[index])
  }

  private func check(_ model: some Layer, _ test: Case) throws {
    let x = test.inputs
    let plan = try model.prepared(for: test.sample)
    #expect(plan.sample == test.sample)
    let expected = model.logits(x)
    expectClose(plan.logits(x), expected, "\(test.name), logits")
    // a gradient that does not move in step with what it belongs to would show in single rows
    let upstream = Tensor.uniform(shape: expected.shape, in: -1...1, key: Self.key.derived("upstream"))
    let (logits, slope) = plan.logitsAndInputGradient(at: x) { logits, rows in
      #expect(logits.shape[0] == rows.count)
      return upstream[rows: rows]
    }
    expectClose(logits, expected, "\(test.name), logits beside the gradient")
    let leaf = Variable.leaf(x)
    let slopes = model(leaf, in: Pass(.evaluation)).gradients(withRespectTo: [leaf], upstream: upstream)
    expectClose(slope, slopes[0], within: test.gradientTolerance, "\(test.name), gradient")
    #expect(slopes[0].absolute().max() > 0, "\(test.name): no gradient")
  }

  // Each layer's output apart from what follows it, the rest as before; the names are those of the layer-by-layer pass.
  @Test(arguments: cases.indices) func everyNameCanBeKept(index: Int) throws {
    try check(keepingIn: Self.cases[index].model, Self.cases[index])
  }

  private func check(keepingIn model: some Layer, _ test: Case) throws {
    let unknown = Pass(.evaluation, keeping: ["?"])
    let x = test.inputs[rows: 0..<2]
    let expected = model(Variable(x), in: unknown).value
    let names = Self.names(try #require(throws: InputError.self) { try unknown.checkRequested() })
    let error = try #require(throws: InputError.self) {
      _ = try model.prepared(for: test.sample, keeping: ["?"])
    }
    #expect(error.kind == .missing && error.subject == "layer \"?\"")
    // A layer that the plan does not know keeps its children to itself.
    let inner = test.name == "own block"
    #expect(inner || Self.names(error) == names, "\(test.name)")

    let known = Set(Self.names(error))
    let pass = Pass(.evaluation, keeping: known)
    _ = model(Variable(x), in: pass)
    let upstream = Tensor.uniform(shape: expected.shape, in: -1...1, key: Self.key.derived("kept"))
    func check(_ names: Set<String>) throws {
      let plan = try model.prepared(for: test.sample, keeping: names)
      let (logits, activations) = plan.logitsAndActivations(x)
      expectClose(logits, expected, "\(test.name), logits")
      #expect(Set(activations.keys) == names)
      for (name, value) in activations {
        expectClose(value, try #require(pass.activations[name]).value, "\(test.name), \(name)")
      }
      // the way back must find what it needs among kept values too
      let (_, slope) = plan.logitsAndInputGradient(at: x) { logits, rows in upstream[rows: rows] }
      let whole = gradient(at: x) { (model($0, in: Pass(.evaluation)) * Variable(upstream)).sum() }
      expectClose(
        slope, whole, within: test.gradientTolerance, "\(test.name), gradient keeping \(names.count)")
    }
    try check(known)
    if known.count <= 10 { for name in known { try check([name]) } }
  }

  /// The valid names that an error lists, sorted, without the shapes.
  private static func names(_ error: InputError) -> [String] {
    error.expected.dropFirst("one of ".count).split(separator: "]").map {
      String($0.drop { ", ".contains($0) }.prefix { $0 != " " })
    }.filter { !$0.isEmpty }.sorted()
  }

  @Test func unknownNamesListTheValidOnes() throws {
    let model = Sequential(Sequential(Self.conv(1, 2), ReLU()), Flatten(), Self.linear(8, 3))
    let error = try #require(throws: InputError.self) {
      _ = try model.prepared(for: [1, 4, 4], keeping: ["0.0", "0.2"])
    }
    #expect(error.kind == .missing && error.subject == "layer \"0.2\"")
    #expect(error.expected == "one of 0.0 [2, 2, 2], 0.1 [2, 2, 2], 0 [2, 2, 2], 1 [8], 2 [3]")
  }

  // Folded by mistake with the ReLU or the scale that follows, a kept map would lose its negative half.
  @Test func keptMapsAreTheLayersOwn() throws {
    let model = ModelFixture.filled(
      Sequential(Self.conv(2, 6, padding: 1), ReLU(), BatchNorm(channels: 6), MaxPool(2), ReLU(), Flatten()))
    let x = Tensor.uniform(shape: [3, 2, 6, 6], in: -1...1, key: Self.key)
    let (_, maps) = try model.prepared(for: [2, 6, 6], keeping: ["0", "1", "2", "3"]).logitsAndActivations(x)
    #expect(maps["0"]!.min() < -0.1 && maps["1"] == maps["0"]!.relu() && maps["1"]!.max() > 0.1)
    #expect(maps["2"]!.min() < 0 && maps["3"] == maps["2"]!.maxPooled(PoolingWindow(2)))
  }

  // The plan holds the numbers of the moment when it was made.
  @Test func laterChangesDoNotReachThePlan() throws {
    var model = ModelFixture.filled(
      Sequential(Self.conv(1, 4), BatchNorm(channels: 4), Flatten(), Self.linear(16, 3)))
    let x = Tensor.uniform(shape: [3, 1, 4, 4], key: Self.key)
    let plan = try model.prepared(for: [1, 4, 4])
    let before = plan.logits(x)
    model.visitParameters { _, parameter in parameter.value = parameter.value * 2 + 1 }
    model.visitBuffers { _, buffer in buffer = buffer + 1 }
    #expect(plan.logits(x) == before)
    expectClose(try model.prepared(for: [1, 4, 4]).logits(x), model.logits(x))
    #expect(model.logits(x) != before)
  }

  // A batch norm whose channel hardly varied: its factor is √(1/epsilon), 316.
  @Test func deadChannels() throws {
    var model = ModelFixture.filled(
      Sequential(Self.conv(2, 4, padding: 1), BatchNorm(channels: 4), ReLU(), Self.conv(4, 2)))
    model.visitBuffers { name, buffer in
      if name.hasSuffix("running_var") { buffer = Tensor([0, 1e-12, 1, 1e6]) }
    }
    let x = Tensor.uniform(shape: [3, 2, 5, 5], in: -1...1, key: Self.key)
    expectClose(try model.prepared(for: [2, 5, 5]).logits(x), model.logits(x))
  }
}

/// x · sigmoid(a linear map of x's channel means), of layers of its own and without a plan.
private struct Gated: Layer {
  var map: Linear

  init(key: RandomKey) { map = Linear(inputs: 3, outputs: 3, key: key) }

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let means = x.adaptiveAveragePooled(to: 1).flattened()
    let gates = pass.enter("map", map, means).sigmoid()
    return x * gates.reshaped(to: [x.shape[0], 3, 1, 1])
  }

  mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    map.visitParameters { visit("map." + $0, &$1) }
  }
}

/// A block with a plan of its own: one convolution's output read by a ReLU, a batch norm and a sum, and a sum of a value
/// with itself.
private struct Shared: Layer {
  var conv: Convolution
  var norm = BatchNorm(channels: 3)
  var last: Convolution

  init(key: RandomKey) {
    conv = Convolution(inputs: 3, outputs: 3, kernel: 3, padding: 1, key: key)
    last = Convolution(inputs: 3, outputs: 3, kernel: 1, key: key)
  }

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let y = pass.enter("conv", conv, x)
    let z = pass.enter("norm", norm, y) + y.relu()
    return pass.enter("last", last, (z + z).relu()) + y
  }

  func plan(_ x: ComputationGraph.Value, in builder: inout PlanBuilder) -> ComputationGraph.Value {
    let y = builder.enter("conv", conv, x)
    let z = builder.graph.sum(builder.enter("norm", norm, y), builder.graph.relu(y))
    let doubled = builder.graph.relu(builder.graph.sum(z, z))
    return builder.graph.sum(builder.enter("last", last, doubled), y)
  }

  mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    conv.visitParameters { visit("conv." + $0, &$1) }
    norm.visitParameters { visit("norm." + $0, &$1) }
    last.visitParameters { visit("last." + $0, &$1) }
  }

  mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) {
    norm.visitBuffers { visit("norm." + $0, &$1) }
  }
}
