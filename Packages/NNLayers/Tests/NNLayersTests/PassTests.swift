import AutoDiffLite
import NNLayers
import TensorCore
import Testing

@Suite struct PassTests {
  private let model: Sequential = {
    let key = RandomKey(seed: 1)
    return Sequential(
      Sequential([Linear(inputs: 2, outputs: 3, key: key), ReLU()]), Linear(inputs: 3, outputs: 2, key: key))
  }()
  private let x = Tensor([[1, -2], [3, 0.5], [0, 1], [-1, -1]])

  @Test func activationsByName() throws {
    let pass = Pass(.evaluation, keeping: ["0.1", "1"])
    let output = model(Variable(x), in: pass)
    try pass.checkRequested()
    #expect(pass.activations.keys.sorted() == ["0.1", "1"])
    #expect(pass.activations["1"]?.value == output.value)
    let hidden = x.linear(weight: try model.value("0.0.weight"), bias: try model.value("0.0.bias")).relu()
    #expect(pass.activations["0.1"]?.value == hidden)
    #expect(pass.path.isEmpty)
  }

  // Grad-CAM differentiates with respect to a kept output: it must be the one on the tape.
  @Test func activationsStayOnTheTape() throws {
    let leaf = Variable.leaf(x)
    let pass = Pass(.evaluation, keeping: ["0.0"])
    _ = model(leaf, in: pass)
    let kept = try #require(pass.activations["0.0"])
    #expect(!kept.isConstant)
    let slope = kept.sum().gradients(withRespectTo: [leaf])[0]
    let columns = try model.value("0.0.weight").sum(alongAxis: 0)
    expectClose(
      slope, Tensor([columns.scalars, columns.scalars, columns.scalars, columns.scalars]), within: 1e-6)
  }

  // The model goes on from the kept output as from a new input: its gradient is that of what follows, also where the
  // layer would have been joined to a ReLU, and nothing reaches what came before.
  @Test(arguments: ["0.0", "0.1"]) func activationsAsLeaves(_ name: String) throws {
    let leaf = Variable.leaf(x)
    let pass = Pass(.evaluation, keeping: ["0.1"], keepingAsLeaves: [name])
    let output = model(leaf, in: pass)
    try pass.checkRequested()
    #expect(output.value == model.logits(x))
    let kept = try #require(pass.activations[name])
    let slopes = output.sum().gradients(withRespectTo: [kept, leaf])
    let columns = try model.value("1.weight").sum(alongAxis: 0)
    let hidden = try #require(pass.activations["0.1"]).value
    let gate =
      name == "0.0" ? Tensor.ones(shape: hidden.shape).wherePositive(hidden) : .ones(shape: hidden.shape)
    expectClose(slopes[0], gate * columns, within: 1e-6)
    #expect(slopes[1] == .zeros(shape: x.shape))
    // an image that is a constant needs no tape before the layer
    let constant = Pass(.evaluation, keepingAsLeaves: [name])
    #expect(!model(Variable(x), in: constant).isConstant)
    #expect(constant.activations.keys.sorted() == [name])
  }

  @Test func unknownNamesListTheValidOnes() throws {
    let pass = Pass(.evaluation, keeping: ["1", "0.2"])
    _ = model(Variable(x), in: pass)
    let error = try #require(throws: InputError.self) { try pass.checkRequested() }
    #expect(error.kind == .missing && error.subject == "layer \"0.2\"")
    #expect(error.expected == "one of 0.0 [4, 3], 0.1 [4, 3], 0 [4, 3], 1 [4, 2]")
  }

  @Test func nothingRequestedNothingKept() throws {
    let pass = Pass(.training)
    _ = model(Variable(x), in: pass)
    try pass.checkRequested()
    #expect(pass.activations.isEmpty && pass.mode == .training && pass.samples == nil)
  }

  // Two random layers of one network, or two steps, must not draw the same numbers; the same layer in the same step
  // must, whatever ran before.
  @Test func layerKeysFollowPathAndKey() {
    let keys = KeyLog()
    struct Asks: Layer {
      let log: KeyLog
      func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
        log.keys.append(pass.layerKey)
        return x
      }
    }
    let model = Sequential(Asks(log: keys), Sequential([Asks(log: keys)]), ReLU(), Asks(log: keys))
    for seed: UInt64 in [1, 2, 1] { _ = model(Variable(x), in: Pass(.training, key: RandomKey(seed: seed))) }
    #expect(Array(keys.keys[0..<3]) == Array(keys.keys[6..<9]))
    #expect(Set(keys.keys).count == 6)
  }
}

/// Collects keys in the order they were asked for.
private final class KeyLog: @unchecked Sendable { var keys: [RandomKey] = [] }
