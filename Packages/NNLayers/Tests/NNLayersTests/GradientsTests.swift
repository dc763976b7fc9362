import AutoDiffLite
import NNLayers
import TensorCore
import Testing

@Suite struct GradientsTests {
  private let model = MLP(widths: [4, 5, 3], key: RandomKey(seed: 1))
  private let x = Tensor.normal(shape: [6, 4], key: RandomKey(seed: 2))
  private let labels = IntTensor([0, 1, 2, 0, 1, 2])

  private func slopes(of model: MLP) -> Gradients {
    gradients(of: model, in: Pass(.training)) { model, pass in
      CrossEntropy()(model(Variable(x), in: pass), labels: labels)
    }.gradients
  }

  // Limit 1 is below the norm, 100 above: the factor must never enlarge.
  @Test(arguments: [1.0, 100]) func clippingAgainstPyTorch(limit: Double) throws {
    let network = OptimizerReferenceTests.model
    var slopes = network.givenGradients { name in
      (try? Reference.tensor("optimizers/gradients/\(name)")[row: 0]) ?? Tensor(0)
    }
    let before = slopes.clipNorm(to: limit)
    expectClose(Tensor(Float(before)), try Reference.tensor("clipping/\(Int(limit))/norm"), within: 1e-6)
    for name in slopes.names {
      let expected = try Reference.tensor("clipping/\(Int(limit))/\(name)")
      expectClose(try #require(slopes[name]), expected, within: 1e-6, name)
    }
    #expect(slopes.norm <= limit)
  }

  // NaN · 0 and the like would spread one bad gradient over all of them.
  @Test func clippingLeavesGradientsWithoutFiniteNorm() {
    let layer = Linear(inputs: 1, outputs: 2, key: RandomKey(seed: 1))
    var slopes = layer.givenGradients { $0 == "weight" ? Tensor([[.infinity], [2]]) : Tensor([3, 4]) }
    #expect(slopes.clipNorm(to: 1) == .infinity)
    #expect(slopes["bias"] == Tensor([3, 4]))
  }

  @Test func frozenAndUnknownNames() {
    var model = model
    model.setTrainable(false, where: { $0.hasPrefix("0.") })
    let slopes = slopes(of: model)
    #expect(slopes.names == ["2.weight", "2.bias"])
    #expect(slopes["0.weight"] == nil)
    #expect(slopes["no such"] == nil)
    #expect(slopes["2.bias"] == self.slopes(of: self.model)["2.bias"])
  }

  // One gradient must be changeable without touching another or a copy.
  @Test func gradientsAreAValue() {
    let original = slopes(of: model)
    var copy = original
    copy["0.bias"]? *= 2
    #expect(copy["0.bias"] == original["0.bias"].map { $0 * 2 })
    #expect(copy["0.bias"] != original["0.bias"])
    #expect(copy["0.weight"] == original["0.weight"])
  }

  // A bound copy that leaked would let a later attack record weight gradients.
  @Test func modelIsUnchangedAndConstantAfterwards() {
    let before = model.bits
    _ = slopes(of: model)
    _ = model.logits(x)
    #expect(model.bits == before)
    #expect(model.parameters.allSatisfy { $0.parameter.variable.isConstant })
  }

  // What an attack does: the model is constant on the tape, so the weight's gradient closure never runs, while the
  // input's does; in training it is the other way round.
  @Test func attackRecordsNoWeightGradients() {
    let counts = CallCounts()
    let layer = CountingScale(factor: Parameter(Tensor([2, 3, 5])), counts: counts)
    let model = Sequential(layer, Linear(inputs: 3, outputs: 3, key: RandomKey(seed: 5)))
    let x = Tensor.normal(shape: [4, 3], key: RandomKey(seed: 6))
    let pass = Pass(.evaluation)
    let slope = gradient(at: x) {
      CrossEntropy()(model($0, in: pass), labels: IntTensor([0, 1, 2, 0]))
    }
    #expect(counts.input == 1 && counts.weight == 0)
    #expect(slope.shape == x.shape && slope.absolute().max() > 0)
    _ = gradients(of: model, in: Pass(.training)) { model, pass in
      CrossEntropy()(model(Variable(x), in: pass), labels: IntTensor([0, 1, 2, 0]))
    }
    #expect(counts.input == 1 && counts.weight == 1)
  }

  @Test func lossMustBeOneElement() async {
    await #expect(processExitsWith: .failure) {
      let model = Linear(inputs: 2, outputs: 2, key: RandomKey(seed: 1))
      _ = gradients(of: model, in: Pass(.training)) { $0(Variable(.ones(shape: [3, 2])), in: $1) }
    }
  }
}

/// How often each side's gradient was computed.
final class CallCounts: @unchecked Sendable {
  var input = 0
  var weight = 0
}

/// Multiplies each column, and counts what the tape asks of it.
private struct CountingScale: Layer {
  var factor: Parameter
  let counts: CallCounts

  func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    let (input, weight, counts) = (x.value, factor.variable, counts)
    let w = weight.value
    return .recorded(
      "countingScale", input * w,
      from: (
        x,
        { dy in
          counts.input += 1
          return dy * w
        }
      ),
      (
        weight,
        { dy in
          counts.weight += 1
          return dy * input
        }
      ))
  }

  mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) { visit("factor", &factor) }
}
