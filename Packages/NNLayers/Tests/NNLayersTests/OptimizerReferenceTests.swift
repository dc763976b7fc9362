import NNLayers
import TensorCore
import Testing

/// Fifty steps with given gradients against PyTorch 2.13.0. Lengths of 35, 15, 5 and 3 reach whole vectors and tails
/// of every instruction set; the first element of each parameter never has a gradient, so only decay moves it.
@Suite struct OptimizerReferenceTests {
  static let model = Sequential(
    Linear(inputs: 7, outputs: 5, key: RandomKey(seed: 0)), ReLU(),
    Linear(inputs: 5, outputs: 3, key: RandomKey(seed: 0)))

  static let cases: [(name: String, optimizer: any Optimizer)] = [
    ("sgd", SGD(learningRate: 0.05)),
    ("sgd-momentum", SGD(learningRate: 0.05, momentum: 0.9)),
    ("sgd-dampening", SGD(learningRate: 0.05, momentum: 0.9, dampening: 0.25)),
    ("sgd-nesterov", SGD(learningRate: 0.05, momentum: 0.9, nesterov: true)),
    ("sgd-decay", SGD(learningRate: 0.05, momentum: 0.9, coupledDecay: 0.1)),
    ("sgd-nesterov-decay", SGD(learningRate: 0.05, momentum: 0.9, nesterov: true, coupledDecay: 0.1)),
    ("adam", Adam(learningRate: 0.02)),
    ("adam-settings", Adam(learningRate: 0.02, beta1: 0.75, beta2: 0.9375, epsilon: 0.125)),
    ("adam-decay", Adam(learningRate: 0.02, coupledDecay: 0.1)),
    ("adamw", Adam(learningRate: 0.02, decoupledDecay: 0.1)),
    (
      "sgd-groups",
      SGD(
        learningRate: 0.05, momentum: 0.9, coupledDecay: 0.1,
        groups: [ParameterGroup(learningRateFactor: 0.25, decay: 0, includes: ParameterGroup.isBias)])
    ),
    (
      "adam-groups",
      Adam(
        learningRate: 0.02, coupledDecay: 0.1,
        groups: [ParameterGroup(learningRateFactor: 0.25, decay: 0.5, includes: ParameterGroup.isBias)])
    ),
    (
      "adamw-groups",
      Adam(
        learningRate: 0.02, decoupledDecay: 0.1,
        groups: [ParameterGroup(learningRateFactor: 0.25, decay: 0, includes: ParameterGroup.isBias)])
    ),
  ]

  private static func start() throws -> Sequential {
    try model.with { try Reference.tensor("optimizers/start/\($0)") }
  }

  private static func gradients() throws -> [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: try model.parameters.map {
        ($0.name, try Reference.tensor("optimizers/gradients/\($0.name)"))
      })
  }

  @Test(arguments: cases.map(\.name)) func fiftySteps(name: String) throws {
    var optimizer = try #require(Self.cases.first { $0.name == name }).optimizer
    var model = try Self.start()
    let gradients = try Self.gradients()
    for step in 1...50 {
      let given = model.givenGradients { gradients[$0]![row: step - 1] }
      optimizer.step(&model, given)
      if [1, 2, 10, 50].contains(step) {
        for (parameter, value) in model.parameters.map({ ($0.name, $0.parameter.value) }) {
          let expected = try Reference.tensor("optimizers/\(name)/\(step)/\(parameter)")
          expectClose(value, expected, "\(parameter) after \(step) steps")
        }
      }
    }
    // A state that PyTorch would not recognise still gives the right steps here, but not after loading one of its.
    let prefix = "optimizers/\(name)/state/"
    let expected = try Reference.names(under: prefix).map { String($0.dropFirst(prefix.count)) }
    #expect(optimizer.state.tensors.keys.sorted() == expected.sorted())
    #expect(optimizer.state.stepCount == 50)
    for quantity in expected {
      let value = try #require(optimizer.state.tensors[quantity])
      // as a Float, 1 − 0.999 is 5e-5 of itself too large: the bias correction takes that out of the steps again, but
      // the mean of squares keeps it
      expectClose(value, try Reference.tensor(prefix + quantity), within: 5e-5, quantity)
    }
  }

  // A state that loses a velocity, a moment or the step count goes on differently.
  @Test(arguments: cases.map(\.name)) func stateGoesOnBitForBit(name: String) throws {
    var whole = try #require(Self.cases.first { $0.name == name }).optimizer
    var resumed = whole
    var model = try Self.start()
    let gradients = try Self.gradients()
    for step in 0..<7 { whole.step(&model, model.givenGradients { gradients[$0]![row: step] }) }
    resumed.state = OptimizerState(stepCount: whole.state.stepCount, tensors: whole.state.tensors)
    var other = model
    for step in 7..<15 {
      whole.step(&model, model.givenGradients { gradients[$0]![row: step] })
      resumed.step(&other, other.givenGradients { gradients[$0]![row: step] })
    }
    #expect(model.bits == other.bits)
  }

  // The first group that includes a parameter counts; a second one must not be added to it.
  @Test func firstGroupCounts() throws {
    var optimizer = SGD(
      learningRate: 1,
      groups: [
        ParameterGroup(learningRateFactor: 0.5, includes: ParameterGroup.isBias),
        ParameterGroup(learningRateFactor: 0, includes: { _, _ in true }),
      ])
    let before = try Self.start()
    var model = before
    optimizer.step(
      &model,
      model.givenGradients { name in
        .ones(shape: before.parameters.first { $0.name == name }!.parameter.value.shape)
      })
    #expect(try model.value("0.weight") == before.value("0.weight"))
    expectClose(try model.value("0.bias"), try before.value("0.bias") - 0.5, within: 1e-7)
  }

  @Test func nesterovNeedsMomentum() async {
    await #expect(processExitsWith: .failure) { _ = SGD(learningRate: 0.1, nesterov: true) }
    await #expect(processExitsWith: .failure) {
      _ = SGD(learningRate: 0.1, momentum: 0.9, dampening: 0.1, nesterov: true)
    }
  }
}
