import AutoDiffLite
import NNLayers
import TensorCore
import Testing

/// The documents' networks against PyTorch in double precision, with the same weights.
@Suite struct DocumentModelTests {
  struct Case: Sendable {
    let name: String
    let model: any Layer
    let image: Shape
    let parameterCount: Int
    /// How far gradients of parameters may be off, relative to their norm.
    var gradientTolerance = 1e-4
  }

  private static let key = RandomKey(seed: 1)
  static let cases = [
    Case(name: "Net", model: Net(key: key), image: [1, 28, 28], parameterCount: 21_840),
    Case(name: "ConvNN", model: ConvNN(key: key), image: [1, 28, 28], parameterCount: 1_580),
    Case(name: "WideConvNN", model: WideConvNN(key: key), image: [1, 28, 28], parameterCount: 50_378),
    Case(name: "SimpleCNN", model: SimpleCNN(key: key), image: [3, 32, 32], parameterCount: 620_810),
    // Rounding in Winograd's transforms turns some of two million ReLUs on or off; with direct convolutions 1e-4 holds.
    Case(
      name: "ResNetSmall", model: ResNetSmall(key: key), image: [3, 32, 32], parameterCount: 2_777_674,
      gradientTolerance: 0.02),
  ]

  // A layer left out, in another order or with another padding; a name that PyTorch's state dict has not.
  @Test(arguments: cases.indices) func namesAndCounts(index: Int) throws {
    let test = Self.cases[index]
    #expect(test.model.parameterCount == test.parameterCount)
    #expect(try ModelFixture.integer("\(test.name)/parameters") == test.parameterCount)
    let prefix = "\(test.name)/training/gradient/"
    let names = try ModelFixture.names(under: prefix).map { String($0.dropFirst(prefix.count)) }
    #expect(Set(test.model.parameters.map(\.name)) == Set(names))
    let bufferPrefix = "\(test.name)/training/buffer/"
    let buffers = try ModelFixture.names(under: bufferPrefix).map { String($0.dropFirst(bufferPrefix.count)) }
    #expect(Set(test.model.buffers.map(\.name) + test.model.counters.map(\.name)) == Set(buffers))
  }

  @Test(arguments: cases.indices) func evaluation(index: Int) throws {
    let test = Self.cases[index]
    try check(evaluationOf: ModelFixture.filled(test.model), test)
  }

  private func check(evaluationOf model: some Layer, _ test: Case) throws {
    let x = ModelFixture.images(test.image)
    let logits = try ModelFixture.tensor("\(test.name)/evaluation/logits")
    expectClose(model.logits(x), logits, within: 2e-5, test.name)
    expectClose(try model.prepared(for: test.image).logits(x), logits, within: 2e-5, "\(test.name), prepared")
    let slope = gradient(at: x) {
      CrossEntropy()(model($0, in: Pass(.evaluation)), labels: ModelFixture.labels)
    }
    expectClose(
      Self.sampled(slope), try ModelFixture.tensor("\(test.name)/evaluation/inputGradient"), within: 5e-5,
      "\(test.name), gradient of the images")
  }

  /// Every fifth row and every seventh column.
  private static func sampled(_ x: Tensor) -> Tensor {
    let (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let (rows, columns) = (Array(stride(from: 0, to: h, by: 5)), Array(stride(from: 0, to: w, by: 7)))
    let scalars = x.scalars
    return Tensor(
      shape: [n, c, rows.count, columns.count],
      scalars: (0..<(n * c)).flatMap { plane in
        rows.flatMap { row in columns.map { scalars[(plane * h + row) * w + $0] } }
      })
  }

  // Dropout masks come from the key, the layer's name and the sample, as the script works them out again; batch norm
  // measures; gradients of all parameters; running values after the step.
  @Test(arguments: cases.indices) func training(index: Int) throws {
    let test = Self.cases[index]
    try check(trainingOf: ModelFixture.filled(test.model), test)
  }

  private func check(trainingOf model: some Layer, _ test: Case) throws {
    var model = model
    let x = ModelFixture.images(test.image)
    let pass = ModelFixture.trainingPass()
    var logits = Tensor(0)
    let (loss, slopes) = gradients(of: model, in: pass) { model, pass in
      let output = model(Variable(x), in: pass)
      logits = output.value
      return CrossEntropy()(output, labels: ModelFixture.labels)
    }
    let prefix = "\(test.name)/training"
    expectClose(logits, try ModelFixture.tensor("\(prefix)/logits"), within: 2e-5, test.name)
    expectClose(Tensor(loss), try ModelFixture.tensor("\(prefix)/loss"), within: 1e-5, test.name)
    for name in slopes.names {
      let slope = try #require(slopes[name])
      let product = (slope * ModelFixture.noise("gradient", slope.shape)).doubleSum()
      let expected = try ModelFixture.tensor("\(prefix)/gradient/\(name)").scalars.map(Double.init)
      // A bias before a batch norm has no gradient but rounding.
      let allowed = test.gradientTolerance * max(expected[0], 0.01)
      #expect(abs(slope.sumOfSquares().squareRoot() - expected[0]) <= allowed, "\(test.name), \(name)")
      #expect(abs(product - expected[1]) <= allowed, "\(test.name), \(name)")
    }
    let before = model.weightsDigest
    #expect(model.counters.allSatisfy { $0.value == 0 })
    model.applyUpdates(of: pass)
    #expect((model.weightsDigest == before) == model.buffers.isEmpty)
    for (name, buffer) in model.buffers {
      expectClose(
        buffer, try ModelFixture.tensor("\(prefix)/buffer/\(name)"), within: 1e-5, "\(test.name), \(name)")
    }
    for (name, counter) in model.counters {
      #expect(try counter == ModelFixture.integer("\(prefix)/buffer/\(name)"))
    }
  }

  // What torch.save wrote of both networks of document 4, one as a state dict, one in a checkpoint. Tensors are strided
  // views, so a layout read wrongly gives other logits.
  @Test func filesOfPyTorch() throws {
    let x = ModelFixture.images([3, 32, 32])
    let key = RandomKey(seed: 2)
    var simple = SimpleCNN(key: key)
    #expect(try simple.loadWeights(from: Reference.url("simple_cnn.pt")).isEmpty)
    expectClose(simple.logits(x), try ModelFixture.tensor("saved/SimpleCNN/logits"), within: 2e-5)
    // behind its normalisation a network keeps its names
    var residual = Normalized(ResNetSmall(key: key), mean: [0, 0, 0], standardDeviation: [1, 1, 1])
    let facts = try residual.loadWeights(from: Reference.url("resnet_small.pt"))
    #expect(facts == ["epoch": "42", "accuracy": "0.72"])
    expectClose(residual.logits(x), try ModelFixture.tensor("saved/ResNetSmall/logits"), within: 2e-5)
    let before = simple.weightsDigest
    let error = #expect(throws: InputError.self) {
      try simple.loadWeights(from: Reference.url("resnet_small.pt"))
    }
    #expect(error?.description.contains("resnet_small.pt") == true && simple.weightsDigest == before)
  }

  // Flat rows are the same images.
  @Test func flatImages() {
    let x = ModelFixture.images([1, 28, 28])
    for model in [Net(key: Self.key), ConvNN(key: Self.key), WideConvNN(key: Self.key)] as [any Layer] {
      #expect(model.logits(x.reshaped(to: [6, 784])) == model.logits(x))
    }
  }

  // He et al.: N(0, 2/fan-out) for convolutions, N(0, 0.01²) for linear weights, zero biases, factors of 1.
  @Test func initialisation() {
    for model in [SimpleCNN(key: Self.key), ResNetSmall(key: Self.key)] as [any Layer] {
      for (name, parameter) in model.parameters {
        let value = parameter.value
        let deviation = (value.sumOfSquares() / Double(value.count)).squareRoot()
        switch value.rank {
        case 4:
          let exact = (2 / Double(value.shape[0] * value.shape[2] * value.shape[3])).squareRoot()
          #expect(abs(deviation / exact - 1) < 5 / Double(value.count).squareRoot(), "\(name)")
        case 2: #expect(abs(deviation / 0.01 - 1) < 5 / Double(value.count).squareRoot(), "\(name)")
        default: #expect(value == Tensor(repeating: name.hasSuffix("weight") ? 1 : 0, shape: value.shape))
        }
      }
      // no two layers with the same draws
      let starts = model.parameters.filter { $0.parameter.value.rank > 1 }.map {
        $0.parameter.value.scalars[0]
      }
      #expect(Set(starts).count == starts.count)
    }
    // PyTorch's defaults for documents 0 and 1
    for model in [Net(key: Self.key), ConvNN(key: Self.key), WideConvNN(key: Self.key)] as [any Layer] {
      let weights = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0.parameter.value) })
      for (name, value) in weights where value.rank > 1 {
        let bound = 1 / Float(value.count / value.shape[0]).squareRoot()
        let bias = weights[name.replacing("weight", with: "bias")]!
        #expect(value.absolute().max() <= bound && value.absolute().max() > 0.9 * bound, "\(name)")
        #expect(bias.absolute().max() <= bound && bias.absolute().max() > 0.3 * bound, "\(name)")
      }
    }
  }

  // Kept outputs are the layers' own, also where a ReLU follows at once, and keeping changes no number.
  @Test func keptActivations() throws {
    let model = ModelFixture.filled(ResNetSmall(key: Self.key))
    let x = ModelFixture.images([3, 32, 32])[rows: 0..<2]
    let names: Set = ["bn1", "layer1.0.bn1", "layer2.0.shortcut", "layer3.1", "layer3.0.conv1"]
    let pass = Pass(.evaluation, keeping: names)
    let logits = model(Variable(x), in: pass).value
    try pass.checkRequested()
    #expect(logits == model.logits(x))
    #expect(pass.activations["bn1"]!.value.min() < 0 && pass.activations["layer1.0.bn1"]!.value.min() < 0)
    #expect(pass.activations["layer3.1"]!.shape == [2, 256, 8, 8])
    #expect(pass.activations["layer2.0.shortcut"]!.shape == [2, 128, 16, 16])
    let (_, activations) = try model.prepared(for: [3, 32, 32], keeping: names).logitsAndActivations(x)
    for name in names { expectClose(activations[name]!, pass.activations[name]!.value, within: 2e-5, name) }

    let small = ModelFixture.filled(ConvNN(key: Self.key))
    let smallPass = Pass(.evaluation, keeping: ["conv1"])
    let images = ModelFixture.images([1, 28, 28])
    #expect(small(Variable(images), in: smallPass).value == small.logits(images))
    #expect(smallPass.activations["conv1"]!.value.min() < 0)

    let simple = ModelFixture.filled(SimpleCNN(key: Self.key))
    let maps = Pass(.evaluation, keeping: ["features.10", "features.9"])
    _ = simple(Variable(x), in: maps)
    #expect(maps.activations["features.10"]!.shape == [2, 128, 8, 8])
    #expect(maps.activations["features.10"]!.value == maps.activations["features.9"]!.value.relu())
  }

  // In a process of its own, because the thread count is the whole process's.
  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      for test in DocumentModelTests.cases {
        let digests = [1, 2, 4, 8].map { threads in
          ThreadPool.threadCount = threads
          return DocumentModelTests.digestAfterSteps(of: test.model, test.image)
        }
        #expect(Set(digests).count == 1, "\(test.name)")
      }
    }
  }

  private static func digestAfterSteps(of model: some Layer, _ image: Shape) -> String {
    var model = model
    var optimizer = SGD(learningRate: 0.01, momentum: 0.9)
    for _ in 0..<2 {
      let pass = ModelFixture.trainingPass()
      let slopes = gradients(of: model, in: pass) { model, pass in
        CrossEntropy()(
          model(Variable(ModelFixture.images(image)), in: pass), labels: ModelFixture.labels)
      }.gradients
      optimizer.step(&model, slopes)
      model.applyUpdates(of: pass)
    }
    return model.weightsDigest
  }
}
