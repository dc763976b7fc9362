import Compression
import NNLayers
import TensorCore
import Testing

@Suite struct PrunerTests {
  private static let key = RandomKey(seed: 8)

  // The counts of document 4, corrected: prunable weights are convolution and linear ones, biases and norms stay. A freshly
  // drawn network has zero biases and shifts already.
  @Test(arguments: [
    (0.2, 496_836, 496_122, 2_223_037, 2_220_787), (0.5, 310_874, 310_160, 1_391_082, 1_388_832),
    (0.8, 124_912, 124_198, 559_127, 556_877),
  ]) func countsOfTheDocument(
    sparsity: Double, simple: Int, simpleFresh: Int, residual: Int, residualFresh: Int
  ) throws {
    func check(_ model: some Layer, prunable: Int, trained: Int, fresh: Int) throws {
      for (model, expected) in [(model, fresh), (model.asTrained(), trained)] {
        var pruned = model
        try Pruner().prune(&pruned, to: sparsity)
        let report = SparsityReport(of: pruned)
        #expect(report.prunableCount == prunable && report.parameterCount == model.parameterCount)
        #expect(report.nonzeroParameterCount == expected)
        let weighted = report.rows.reduce(0) { $0 + $1.sparsity * Double($1.count) }
        #expect(abs(weighted - sparsity * Double(prunable)) <= 1)
        #expect(abs(report.sparsity - sparsity) * Double(prunable) <= 1)
      }
    }
    try check(SimpleCNN(key: Self.key), prunable: 619_872, trained: simple, fresh: simpleFresh)
    try check(ResNetSmall(key: Self.key), prunable: 2_773_184, trained: residual, fresh: residualFresh)
  }

  @Test(arguments: [20, 50, 80]) func globalAsPyTorch(percent: Int) throws {
    var model = try Reference.network()
    try Pruner().prune(&model, to: Double(percent) / 100)
    for (name, mask) in model.masks { #expect(try mask == Reference.mask("global_\(percent)", name)) }
    #expect(model.masks.count == 3)
  }

  @Test(arguments: [20, 50, 80]) func eachLayerAsPyTorch(percent: Int) throws {
    var model = try Reference.network()
    let names = ["0.weight", "4.weight", "9.weight"]
    try Pruner().prune(
      &model, toEach: Dictionary(uniqueKeysWithValues: names.map { ($0, Double(percent) / 100) }))
    for name in names { #expect(try model.masks[name] == Reference.mask("layers_\(percent)", name)) }
  }

  // A second ranking that forgot the first one's masks would count its zeros once more.
  @Test func twiceAsPyTorch() throws {
    var model = try Reference.network()
    try Pruner().prune(&model, to: 0.5)
    try Pruner().prune(&model, to: 0.75)
    for (name, mask) in model.masks { #expect(try mask == Reference.mask("twice", name)) }
  }

  @Test(arguments: [4, 9, 100]) func taylorAsPyTorch(batchSize: Int) throws {
    var model = try Reference.network()
    let score = TaylorScore(on: try NineImages(), batchSize: batchSize)
    let weights = model.parameters.filter { ParameterGroup.isWeight($0.name, $0.parameter) }
    for (weight, scores) in zip(weights, try score.scores(of: weights, in: model)) {
      try expectClose(scores, Reference.tensor("taylor/\(weight.name)"), weight.name)
    }
    model.setTrainable(false)
    try Pruner(score: score).prune(&model, to: 0.5)
    for (name, mask) in model.masks { #expect(try mask == Reference.mask("taylor_50", name)) }
  }

  // With the labels shifted by the transform, the score is that of other samples.
  @Test func taylorSeesTransformedBatches() throws {
    let model = try Reference.network()
    let weights = model.parameters.filter { ParameterGroup.isWeight($0.name, $0.parameter) }
    func scores(_ transform: (@Sendable (any Layer, Batch) throws -> Batch)?) throws -> [Tensor] {
      try TaylorScore(on: try NineImages(), transform: transform).scores(of: weights, in: model)
    }
    let half = try scores { _, batch in
      Batch(inputs: 0.5 * batch.inputs, labels: batch.labels, indices: batch.indices)
    }
    let same = try scores { _, batch in batch }
    #expect(try same == scores(nil))
    #expect(half != same)
  }

  /// Two linear layers one after the other, `[3, 2]` and `[2, 3]`.
  private static func pair(_ first: [[Float]], _ second: [[Float]]) -> Sequential {
    var model = Sequential(
      Linear(inputs: 2, outputs: 3, key: key), Linear(inputs: 3, outputs: 2, hasBias: false, key: key))
    model.visitParameters { name, parameter in
      if name == "0.weight" { parameter.value = Tensor(first) }
      if name == "1.weight" { parameter.value = Tensor(second) }
    }
    return model
  }

  // By hand: 12 weights, magnitudes 0 0 1 1 1 2 | 1 1 2 3 3 4. Five go: both zeros (−0 is one of them), and of the five ones
  // the three that come first.
  @Test func tiesGoInWalkOrder() throws {
    let start = Self.pair([[1, -0.0], [0, -1], [-2, 1]], [[1, 3, -1], [2, -3, 4]])
    var model = start
    try Pruner().prune(&model, to: 5.0 / 12)
    #expect(
      model.masks == ["0.weight": Tensor([[0, 0], [0, 0], [1, 0]]), "1.weight": .ones(shape: [2, 3])])
    try Pruner().prune(&model, to: 6.0 / 12)
    #expect(model.masks["1.weight"] == Tensor([[0, 1, 1], [1, 1, 1]]))
    try Pruner().prune(&model, to: 1)
    #expect(SparsityReport(of: model).sparsity == 1)
    // each parameter by itself: of six weights 2.5 are two, as PyTorch rounds
    model = start
    try Pruner().prune(&model, toEach: ["1.weight": 2.5 / 6])
    #expect(model.masks == ["1.weight": Tensor([[0, 1, 0], [1, 1, 1]])])
  }

  // A score that would bring masked weights back must not: what is gone stays gone and counts.
  @Test func masksOnlyGrow() throws {
    var model = Self.pair([[1, 2], [3, 4], [5, 6]], [[7, 8, 9], [10, 11, 12]])
    try Pruner().prune(&model, to: 0.25)
    let first = model.masks
    try Pruner(score: CustomScore { _, parameter in -parameter.value }).prune(&model, to: 0.5)
    #expect(
      model.masks == [
        "0.weight": Tensor([[0, 0], [0, 1], [1, 1]]), "1.weight": Tensor([[1, 1, 1], [0, 0, 0]]),
      ])
    #expect(first["0.weight"] == Tensor([[0, 0], [0, 1], [1, 1]]))
    var other = model
    try Pruner(score: RandomScore(key: Self.key)).prune(&other, to: 10.0 / 12)
    for (name, mask) in model.masks { #expect(other.masks[name]! * mask == other.masks[name]!) }
    #expect(SparsityReport(of: other).nonzeroParameterCount == 5)
  }

  @Test func protectedParametersAreNotCounted() throws {
    var model = Self.pair([[0.1, 2], [3, 4], [5, 6]], [[7, 8, 9], [10, 11, 12]])
    try Pruner(protecting: ["0.weight"]).prune(&model, to: 0.5)
    #expect(model.masks == ["1.weight": Tensor([[0, 0, 0], [1, 1, 1]])])
    try Pruner(includes: { name, _ in name == "0.bias" }).prune(&model, to: 1)
    #expect(try model.value("0.bias") == .zeros(shape: [3]))
  }

  // Half of 619,872 weights at random: each layer loses half within five standard deviations.
  @Test func randomScoresFollowTheKey() throws {
    func pruned(_ seed: UInt64) throws -> SimpleCNN {
      var model = SimpleCNN(key: Self.key)
      try Pruner(score: RandomScore(key: RandomKey(seed: seed))).prune(&model, to: 0.5)
      return model
    }
    let (a, b, c) = (try pruned(1), try pruned(1), try pruned(2))
    #expect(a.masks == b.masks && a.masks != c.masks)
    for row in SparsityReport(of: a).rows {
      #expect(abs(row.sparsity - 0.5) < 2.5 / Double(row.count).squareRoot(), "\(row.name)")
    }
  }

  @Test func infiniteScoresKeepAndRemove() throws {
    var model = Self.pair([[1, 2], [3, 4], [5, 6]], [[7, 8, 9], [10, 11, 12]])
    let score = CustomScore { name, parameter in
      name == "0.weight"
        ? Tensor(repeating: .infinity, shape: parameter.value.shape)
        : Tensor([[0, -.infinity, 3], [-1, -.greatestFiniteMagnitude, 1e-40]])
    }
    try Pruner(score: score).prune(&model, to: 4.0 / 12)
    #expect(model.masks["0.weight"] == .ones(shape: [3, 2]))
    #expect(model.masks["1.weight"] == Tensor([[0, 0, 1], [0, 0, 1]]))
    // 0 and −0 are equal scores: the first one goes
    var signed = Linear(inputs: 3, outputs: 1, key: Self.key)
    try Pruner(score: CustomScore { _, _ in Tensor([[1, 0, -0.0]]) }).prune(&signed, to: 1.0 / 3)
    #expect(signed.masks == ["weight": Tensor([[1, 0, 1]])])
  }

  @Test func refusals() throws {
    let start = Self.pair([[1, 2], [3, 4], [5, 6]], [[7, 8, 9], [10, 11, 12]])
    func refused(
      _ kind: InputError.Kind, _ pruner: Pruner = Pruner(), from: Double = 0, to sparsity: Double,
      at location: SourceLocation = #_sourceLocation
    ) throws {
      var model = start
      try Pruner().prune(&model, to: from)
      let before = (model.masks, model.weightsDigest)
      let error = #expect(throws: InputError.self, sourceLocation: location) {
        try pruner.prune(&model, to: sparsity)
      }
      #expect(error?.kind == kind, sourceLocation: location)
      #expect((model.masks, model.weightsDigest) == before, sourceLocation: location)
    }
    for sparsity in [-0.1, 1.1, .nan, .infinity] { try refused(.outOfRange, to: sparsity) }
    try refused(.outOfRange, from: 0.5, to: 0.25)
    try refused(.missing, Pruner(includes: { _, _ in false }), to: 0.5)
    try refused(.missing, Pruner(allocation: BudgetedAllocation(factors: ["fc": 1])), to: 0.5)
    try refused(.outOfRange, Pruner(score: CustomScore { $1.value * .nan }), to: 0.5)
    var model = start
    #expect(throws: InputError.self) { try Pruner().prune(&model, toEach: ["0.bias": 0.5]) }
    #expect(throws: InputError.self) { try Pruner().prune(&model, toEach: ["0.weight": -0.5]) }
  }

  @Test func scoresOfAnotherShapeAreRefused() async {
    await #expect(processExitsWith: .failure) {
      var model = Linear(inputs: 2, outputs: 3, key: RandomKey(seed: 1))
      try Pruner(score: CustomScore { _, _ in Tensor([1, 2]) }).prune(&model, to: 0.5)
    }
  }
}
