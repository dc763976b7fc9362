import AutoDiffLite
import NNLayers
import TensorCore
import Testing

@Suite struct CrossEntropyTests {
  static let losses: [(name: String, loss: @Sendable (Tensor) -> CrossEntropy)] = [
    ("plain", { _ in CrossEntropy() }),
    ("smoothed", { _ in CrossEntropy(labelSmoothing: 0.1) }),
    ("weighted", { CrossEntropy(classWeights: $0.scalars) }),
    ("both", { CrossEntropy(labelSmoothing: 0.1, classWeights: $0.scalars) }),
  ]

  // PyTorch divides by the sum of the labels' weights, not by n, and weighs the smoothed part by each class's own
  // weight; the last two rows overflow or lose everything in a softmax without a shift.
  @Test(arguments: losses.map(\.name)) func valueAndGradientAgainstPyTorch(name: String) throws {
    let make = try #require(Self.losses.first { $0.name == name }).loss
    let loss = make(try Reference.tensor("crossEntropy/classWeights"))
    let labels = try Reference.labels("crossEntropy/labels")
    let (value, gradient) = valueAndGradient(at: try Reference.tensor("crossEntropy/logits")) {
      loss($0, labels: labels)
    }
    expectClose(Tensor(value), try Reference.tensor("crossEntropy/\(name)/loss"), "loss")
    expectClose(gradient, try Reference.tensor("crossEntropy/\(name)/gradient"), "gradient")
  }

  // Smoothing of 0 written out, and weights of 1, take the composed path: it must give what the fused one gives.
  @Test func composedPathAgreesWithFusedOne() throws {
    let (x, labels) = (
      try Reference.tensor("crossEntropy/logits"), try Reference.labels("crossEntropy/labels")
    )
    let fused = valueAndGradient(at: x) { CrossEntropy()($0, labels: labels) }
    let composed = valueAndGradient(at: x) {
      CrossEntropy(classWeights: [Float](repeating: 1, count: 5))($0, labels: labels)
    }
    expectClose(Tensor(composed.value), Tensor(fused.value), within: 1e-6)
    expectClose(composed.gradient, fused.gradient, within: 1e-6)
  }

  // Values and gradients of PyTorch 2.13.0 in float64. With shares, unlike with labels, class weights do not divide the
  // sum.
  @Test(arguments: [
    (
      Float(0), [Float]?.none, Float(2.1043165518731914),
      [-0.073125552, -0.109970556, 0.183096108, -0.220465121, 0.399503237, -0.179038116] as [Float]
    ),
    (
      0.25, nil, 2.078274885206525,
      [-0.021042219, -0.120387223, 0.141429441, -0.199631788, 0.37346157, -0.173829782]
    ),
    (
      0, [2, 0.5, 1], 2.7792922529123016,
      [-0.259454022, -0.038077154, 0.297531176, -0.457543612, 0.632879653, -0.175336041]
    ),
    (
      0.25, [2, 0.5, 1], 2.648749017313907,
      [-0.189877136, -0.045007611, 0.234884747, -0.417876702, 0.58857735, -0.170700648]
    ),
  ])
  func sharesAgainstPyTorch(smoothing: Float, weights: [Float]?, loss: Float, slopes: [Float]) {
    let targets = Tensor([[0.75, 0.25, 0], [0.5, 0.125, 0.375]])
    let (value, gradient) = valueAndGradient(at: Tensor([[1, -2, 0.5], [0.25, 3, -1]])) {
      CrossEntropy(labelSmoothing: smoothing, classWeights: weights)($0, targets: targets)
    }
    expectClose(Tensor(value), Tensor(loss), within: 1e-6)
    expectClose(gradient, Tensor(shape: [2, 3], scalars: slopes), within: 1e-6)
  }

  // D0.26. All rows must have both marks of probabilities: one negative element, one element above 1, one row with
  // another sum, and it is logits. A single class and no samples say nothing.
  @Test func probabilitiesAreNoLogits() throws {
    let probabilities = Tensor([[0.25, 0.75, 0], [0.5, 0.3, 0.2], [0, 1, 0]])
    let error = try #require(throws: InputError.self) { try CrossEntropy.checkLogits(probabilities) }
    #expect(error.kind == .outOfRange && "\(error)".contains("softmax"))
    #expect(throws: InputError.self) {
      try CrossEntropy.checkLogits(Tensor.normal(shape: [64, 10], key: RandomKey(seed: 5)).softmax())
    }
    #expect(throws: InputError.self) { try CrossEntropy.checkLogits(Tensor([[0.50004, 0.5]])) }
    for logits in [
      Tensor([[0.25, 0.75, 0], [-0.5, 1, 0.5]]), Tensor([[0.25, 0.75], [1.5, -0.5]]),
      Tensor([[0.25, 0.75], [0.5, 0.4]]), Tensor([[0.5002, 0.5]]), Tensor([[0.5, 0.4998]]),
      Tensor([[0, 0], [0, 0]]), Tensor([[1], [1]]), Tensor([[.nan, 1]]), Tensor.zeros(shape: [0, 3]),
      Tensor([1, 0]),
    ] { try CrossEntropy.checkLogits(logits) }
  }

  @Test func impossibleSettingsAreRefused() async {
    await #expect(processExitsWith: .failure) { _ = CrossEntropy(labelSmoothing: 1.5) }
    await #expect(processExitsWith: .failure) { _ = CrossEntropy(classWeights: [1, -1]) }
    await #expect(processExitsWith: .failure) {
      _ = CrossEntropy(classWeights: [1, 1])(Variable(.zeros(shape: [1, 3])), labels: IntTensor([0]))
    }
  }
}

@Suite struct L2PenaltyTests {
  /// w = [[1, −2], [3, 0.5]], b = [5, 7].
  private static let small: Linear = {
    var layer = Linear(inputs: 2, outputs: 2, key: RandomKey(seed: 0))
    layer.weight = Parameter(Tensor([[1, -2], [3, 0.5]]))
    layer.bias = Parameter(Tensor([5, 7]))
    return layer
  }()

  // 0.25 (1 + 4 + 9 + 0.25) = 3.5625; the gradient is 2λw: a lost factor 2 or a penalised bias would show.
  @Test func valueAndGradientByHand() throws {
    let penalty = L2Penalty(lambda: 0.25)
    #expect(penalty.value(of: Self.small) == 3.5625)
    let recorded = gradients(of: Self.small, in: Pass(.training)) { model, _ in penalty(model) }
    #expect(recorded.loss == 3.5625)
    #expect(recorded.gradients["weight"] == Tensor([[0.5, -1], [1.5, 0.25]]))
    #expect(recorded.gradients["bias"] == Tensor([0, 0]))
    var added = Self.small.givenGradients { $0 == "weight" ? Tensor([[1, 1], [1, 1]]) : Tensor([2, 3]) }
    penalty.addGradient(of: Self.small, to: &added)
    #expect(added["weight"] == Tensor([[1.5, 0], [2.5, 1.25]]))
    #expect(added["bias"] == Tensor([2, 3]))
  }

  // A condition of one's own, and a frozen weight: counted in the value, without a gradient.
  @Test func conditionAndFrozenWeights() {
    let penalty = L2Penalty(lambda: 1, includes: ParameterGroup.isBias)
    #expect(penalty.value(of: Self.small) == 74)
    var frozen = Self.small
    frozen.setTrainable(false, where: { $0 == "bias" })
    var slopes = frozen.givenGradients { $0 == "weight" ? Tensor([[1, 1], [1, 1]]) : Tensor([2, 3]) }
    penalty.addGradient(of: frozen, to: &slopes)
    #expect(slopes["weight"] == .ones(shape: [2, 2]))
    #expect(slopes["bias"] == nil)
    #expect(gradients(of: frozen, in: Pass(.training)) { model, _ in penalty(model) }.loss == 74)
  }

  private enum Way: CaseIterable { case recorded, added, coupledDecay, decoupledDecay }

  /// Twenty steps on a fixed batch with λ as strong as the loss.
  private static func trained(_ way: Way, adam: Bool) -> MLP {
    let lambda: Float = 0.01
    let weightsOnly = [ParameterGroup(decay: 0, includes: ParameterGroup.isBias)]
    let decay = way == .coupledDecay ? 2 * lambda : 0
    var optimizer: any Optimizer
    if way == .decoupledDecay {
      optimizer = Adam(learningRate: 0.01, decoupledDecay: 2 * lambda, groups: weightsOnly)
    } else if adam {
      optimizer = Adam(learningRate: 0.01, coupledDecay: decay, groups: weightsOnly)
    } else {
      optimizer = SGD(learningRate: 0.1, momentum: 0.9, coupledDecay: decay, groups: weightsOnly)
    }
    let penalty = L2Penalty(lambda: lambda)
    var model = MLP(widths: [6, 8, 3], key: RandomKey(seed: 3))
    let x = Tensor.normal(shape: [12, 6], key: RandomKey(seed: 4))
    let labels = IntTensor((0..<12).map { $0 % 3 })
    for _ in 0..<20 {
      var (_, slopes) = gradients(of: model, in: Pass(.training)) { model, pass in
        let loss = CrossEntropy()(model(Variable(x), in: pass), labels: labels)
        return way == .recorded ? loss + penalty(model) : loss
      }
      if way == .added { penalty.addGradient(of: model, to: &slopes) }
      optimizer.step(&model, slopes)
    }
    return model
  }

  // D3.26: the penalty λ Σ w² is a coupled decay of 2λ on the weights, however it is applied.
  @Test(arguments: [false, true]) func penaltyIsCoupledDecayOfTwiceLambda(adam: Bool) throws {
    let recorded = Self.trained(.recorded, adam: adam)
    let added = Self.trained(.added, adam: adam)
    let decayed = Self.trained(.coupledDecay, adam: adam)
    for (name, parameter) in recorded.parameters {
      expectClose(try added.value(name), parameter.value, within: 2e-6, "added \(name)")
      expectClose(try decayed.value(name), parameter.value, within: 2e-6, "coupled decay \(name)")
    }
  }

  // D3.26: it is not AdamW.
  @Test func penaltyIsNotDecoupledDecay() throws {
    let recorded = try Self.trained(.recorded, adam: true).value("0.weight")
    let decoupled = try Self.trained(.decoupledDecay, adam: true).value("0.weight")
    #expect((recorded - decoupled).absolute().max() > 0.01)
  }

  @Test func negativeLambdaIsRefused() async {
    await #expect(processExitsWith: .failure) { _ = L2Penalty(lambda: -1) }
  }
}
