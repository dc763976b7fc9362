import AutoDiffLite
import NNLayers
import TensorCore
import Testing

@Suite struct LayerWalkTests {
  // The networks of document 3 and the counts that its authors' framework gives them.
  @Test(arguments: [
    ([784, 10], 7_850), ([784, 512, 10], 407_050), ([784, 256, 10], 203_530), ([784, 128, 10], 101_770),
    ([784, 64, 10], 50_890), ([784, 512, 256, 10], 535_818), ([784, 256, 128, 10], 235_146),
    ([784, 128, 64, 10], 109_386), ([784, 64, 32, 10], 52_650),
  ]) func parameterCounts(widths: [Int], count: Int) {
    let model = MLP(widths: widths, key: RandomKey(seed: 1))
    #expect(model.parameterCount == count)
    #expect(model.widths == widths)
  }

  // Names that differ from PyTorch's would lose state dicts.
  @Test func namesAndShapes() {
    let model = MLP(widths: [784, 512, 256, 10], key: RandomKey(seed: 1))
    #expect(
      model.parameters.map { "\($0.name) \($0.parameter.value.shape)" } == [
        "0.weight [512, 784]", "0.bias [512]", "2.weight [256, 512]", "2.bias [256]", "4.weight [10, 256]",
        "4.bias [10]",
      ])
    let key = RandomKey(seed: 1)
    let nested = Sequential(
      Flatten(), Sequential([Linear(inputs: 2, outputs: 3, key: key), Tanh()]),
      Linear(inputs: 3, outputs: 1, hasBias: false, key: key))
    #expect(nested.parameters.map(\.name) == ["1.0.weight", "1.0.bias", "2.weight"])
    #expect(nested.parameterCount == 12)
    #expect(nested.logits(.ones(shape: [4, 2, 1])).shape == [4, 1])
  }

  @Test func buffersHaveTheirOwnWalk() {
    struct Running: Layer {
      var mean = Tensor([1, 2])
      func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { x }
      mutating func visitBuffers(_ visit: (String, inout Tensor) -> Void) { visit("mean", &mean) }
    }
    var model = Sequential(ReLU(), Running())
    #expect(model.buffers.map(\.name) == ["1.mean"] && model.parameterCount == 0)
    model.visitBuffers { _, buffer in buffer += Tensor([1, 1]) }
    #expect(model.buffers[0].value == Tensor([2, 3]))
  }

  private static let optimizers: [any Optimizer] = [
    SGD(learningRate: 0.1, momentum: 0.9, coupledDecay: 0.1), Adam(learningRate: 0.05, coupledDecay: 0.1),
    Adam(learningRate: 0.05, decoupledDecay: 0.1),
    SGD(learningRate: 0.1, momentum: 0.9, nesterov: true),
  ]

  private static func step(_ model: inout MLP, _ optimizer: inout some Optimizer) {
    let samples = Samples.clouds(count: 12)
    let (_, slopes) = gradients(of: model, in: Pass(.training)) { model, pass in
      CrossEntropy()(model(Variable(samples.inputs), in: pass), labels: samples.labels)
    }
    optimizer.step(&model, slopes)
  }

  // Frozen after five steps, so that velocity and moments still pull; decay must not touch it either.
  @Test(arguments: optimizers.indices) func frozenParametersStay(_ index: Int) throws {
    var optimizer = Self.optimizers[index]
    var model = MLP(widths: [2, 6, 3], key: RandomKey(seed: 4))
    for _ in 0..<5 { Self.step(&model, &optimizer) }
    model.setTrainable(false, where: { $0.hasPrefix("0.") })
    let before = model.bits
    for _ in 0..<20 { Self.step(&model, &optimizer) }
    for name in ["0.weight", "0.bias"] { #expect(model.bits[name] == before[name]) }
    for name in ["2.weight", "2.bias"] { #expect(model.bits[name] != before[name]) }
    model.setTrainable(true)
    Self.step(&model, &optimizer)
    #expect(model.bits["0.weight"] != before["0.weight"])
  }

  // Gradients from before the freezing must not slip through the step after it.
  @Test(arguments: optimizers.indices) func freezingBetweenGradientAndStep(_ index: Int) {
    var optimizer = Self.optimizers[index]
    var model = MLP(widths: [2, 3], key: RandomKey(seed: 4))
    let before = model.bits
    let slopes = model.givenGradients { .ones(shape: $0 == "0.weight" ? [3, 2] : [3]) }
    model.setTrainable(false, where: { $0 == "0.weight" })
    optimizer.step(&model, slopes)
    #expect(model.bits["0.weight"] == before["0.weight"] && model.bits["0.bias"] != before["0.bias"])
  }

  // Masked after five steps: neither the velocity nor the moments bring a pruned weight back, and the rest learns.
  @Test(arguments: optimizers.indices) func maskedWeightsStayZero(_ index: Int) throws {
    var optimizer = Self.optimizers[index]
    var model = MLP(widths: [2, 6, 3], key: RandomKey(seed: 4))
    for _ in 0..<5 { Self.step(&model, &optimizer) }
    let mask = Tensor.bernoulli(shape: [6, 2], probability: 0.5, key: RandomKey(seed: 5))
    #expect(mask.sum() > 0 && mask.sum() < 12)
    let unmasked = try model.value("0.weight")
    model.visitParameters { name, parameter in
      if name == "0.weight" { parameter.setMask(mask) }
    }
    #expect(try model.value("0.weight") == unmasked * mask)
    for _ in 0..<20 {
      let before = try model.value("0.weight")
      Self.step(&model, &optimizer)
      let after = try model.value("0.weight")
      for (weight, kept) in zip(after.scalars, mask.scalars) where kept == 0 { #expect(weight == 0) }
      #expect(after != before)
    }
    model.visitParameters { name, parameter in
      if name == "0.weight" { parameter.setMask(nil) }
    }
    Self.step(&model, &optimizer)
    // all but those into a unit that is never on
    #expect(try (model.value("0.weight") .!= Tensor(0)).sum() > mask.sum())
  }

  @Test func masksAreChecked() async {
    await #expect(processExitsWith: .failure) {
      var parameter = Parameter(Tensor([1, 2]))
      parameter.setMask(Tensor([0.5, 1]))
    }
    await #expect(processExitsWith: .failure) {
      var parameter = Parameter(Tensor([1, 2]))
      parameter.setMask(Tensor([1]))
    }
  }

  // Layers in `Sequential` are boxed: a shared box, or weights changed in place while shared, would train both.
  @Test(arguments: optimizers.indices) func trainingACopyLeavesTheOriginal(_ index: Int) {
    var optimizer = Self.optimizers[index]
    let original = MLP(widths: [2, 6, 3], key: RandomKey(seed: 4))
    let before = original.bits
    var copy = original
    for _ in 0..<3 { Self.step(&copy, &optimizer) }
    #expect(original.bits == before)
    for (name, bits) in before { #expect(copy.bits[name] != bits) }
  }

  // A copied optimizer that shared its moments would be moved by the other one's steps.
  @Test(arguments: optimizers.indices) func optimizersAreValues(_ index: Int) {
    var optimizer = Self.optimizers[index]
    var model = MLP(widths: [2, 6, 3], key: RandomKey(seed: 4))
    Self.step(&model, &optimizer)
    var (copy, branch) = (optimizer, model)
    for _ in 0..<3 { Self.step(&model, &optimizer) }
    for _ in 0..<3 { Self.step(&branch, &copy) }
    #expect(branch.bits == model.bits)
  }
}
