import AutoDiffLite
import Foundation
import NNLayers
import TensorCore
import Testing

@Suite struct EvaluationTests {
  /// Answers with its input as logits; in training mode with nonsense.
  private struct Echo: Layer {
    func callAsFunction(_ x: Variable, in pass: Pass) -> Variable { pass.mode == .evaluation ? x : x * .nan }
  }

  /// Probabilities of four samples; the losses are the logarithms of 2, 4, 3/2 and 6. Class 2 has no sample.
  private let samples = Samples(
    inputs: Tensor([
      [0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [2.0 / 3, 1.0 / 6, 1.0 / 6], [2.0 / 3, 1.0 / 6, 1.0 / 6],
    ])
    .log(),
    labels: IntTensor([0, 0, 0, 1]), classCount: 3)

  // A last, smaller batch that counts as much as a full one shows in the mean loss.
  @Test(arguments: [1, 3, 4, 1000]) func everySampleCountsOnce(batchSize: Int) throws {
    let result = try Echo().evaluate(on: samples, batchSize: batchSize)
    #expect(abs(result.loss - log(72) / 4) < 1e-6)
    #expect(result.confusion.counts == [[2, 1, 0], [1, 0, 0], [0, 0, 0]])
    #expect(result.count == 4 && result.correct == 2 && result.accuracy == 0.5)
    #expect(Array(result.classAccuracies[0...1]) == [2.0 / 3, 0])
    #expect(result.classAccuracies[2].isNaN)
  }

  // argmax of NaN would be counted as a prediction.
  @Test(arguments: [Float.nan, .infinity]) func logitsThatAreNotFinite(bad: Float) throws {
    var inputs = samples.inputs
    inputs[2, 1] = bad
    let broken = Samples(inputs: inputs, labels: samples.labels, classCount: 3)
    let error = try #require(throws: InputError.self) { _ = try Echo().evaluate(on: broken, batchSize: 2) }
    #expect(error.kind == .outOfRange && error.subject.contains("samples from 2 on"))
  }

  @Test func errorsOfTheSourcePass() throws {
    var broken = samples
    broken.failure = InputError(.damaged, "sample 1", expected: "an image", found: "noise")
    #expect(throws: InputError(.damaged, "sample 1", expected: "an image", found: "noise")) {
      _ = try Echo().evaluate(on: broken)
    }
  }
}
