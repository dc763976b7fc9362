import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

/// Masks belong to parameters: whoever writes the numbers, what is pruned stays 0.
@Suite struct MaskTests {
  private static func masked(_ model: MLP) -> MLP {
    var model = model
    model.visitParameters { name, parameter in
      guard name == "0.weight" else { return }
      parameter.setMask(.bernoulli(shape: parameter.value.shape, probability: 0.5, key: RandomKey(seed: 5)))
    }
    return model
  }

  @Test func everyWriteIsMasked() throws {
    var parameter = Parameter(Tensor([1, 2, 3]))
    parameter.setMask(Tensor([1, 0, 1]))
    #expect(parameter.value == Tensor([1, 0, 3]))
    parameter.value = Tensor([4, 5, 6])
    #expect(parameter.value == Tensor([4, 0, 6]))
    parameter.value += Tensor([1, 1, 1])
    #expect(parameter.value == Tensor([5, 0, 7]))
    parameter.value[1] = 9
    #expect(parameter.value == Tensor([5, 0, 7]))
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try parameter.value.withUnsafeMutableBufferPointer {
        $0[1] = 9
        throw Stop()
      }
    }
    #expect(parameter.value == Tensor([5, 0, 7]))
    parameter.setMask(nil)
    parameter.value = Tensor([1, 2])
    #expect(parameter.value == Tensor([1, 2]))
  }

  @Test func shapesStayUnderAMask() async {
    await #expect(processExitsWith: .failure) {
      var parameter = Parameter(Tensor([1, 2, 3]))
      parameter.setMask(Tensor([1, 0, 1]))
      parameter.value = Tensor([1, 2])
    }
  }

  // y = w·x with x = (3, 4, 12): without the second weight the gradient's norm is √(9 + 144), not 13.
  @Test func prunedWeightsHaveNoGradient() throws {
    var layer = Linear(inputs: 3, outputs: 1, hasBias: false, key: RandomKey(seed: 1))
    layer.weight.setMask(Tensor([[1, 0, 1]]))
    let x = Tensor([[3, 4, 12]])
    let slopes = gradients(of: layer, in: Pass(.training)) { $0(Variable(x), in: $1).sum() }.gradients
    #expect(slopes["weight"] == Tensor([[3, 0, 12]]))
    #expect(abs(slopes.norm - 153.0.squareRoot()) < 1e-6)
    let both = gradients(of: layer, in: Pass(.training), at: x) { $0($1, in: $2).sum() }
    #expect(both.gradients["weight"] == Tensor([[3, 0, 12]]))
    #expect(both.inputGradient == layer.weight.value)
  }

  // The model that continues a run knows nothing of masks: they come from the file.
  @Test func checkpointsHoldMasks() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "\(UUID().uuidString).training.safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    let dense = MLP(widths: [2, 6, 3], key: RandomKey(seed: 4))
    let samples = Samples.clouds(count: 12)
    var loop = TrainingLoop(epochs: 4, batchSize: 4, key: RandomKey(seed: 6))
    var whole = TrainingState(model: Self.masked(dense), optimizer: SGD(learningRate: 0.1, momentum: 0.9))
    let mask = whole.model.parameters[0].parameter.mask
    try loop.run(&whole, on: samples)
    let checkpoint = TrainingCheckpoint(url: url, fingerprint: "masked", interval: 0)
    var first = TrainingState(model: Self.masked(dense), optimizer: SGD(learningRate: 0.1, momentum: 0.9))
    loop.epochs = 2
    try loop.run(&first, on: samples, checkpoint: checkpoint)
    var second = TrainingState(model: dense, optimizer: SGD(learningRate: 0.1, momentum: 0.9))
    loop.epochs = 4
    try loop.run(&second, on: samples, checkpoint: checkpoint)
    #expect(second.model.weightsDigest == whole.model.weightsDigest)
    #expect(second.model.parameters.map(\.parameter.mask) == [mask, nil, nil, nil])
  }
}
