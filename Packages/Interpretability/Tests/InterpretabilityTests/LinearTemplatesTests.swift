import Interpretability
import NNLayers
import TensorCore
import Testing

@Suite struct LinearTemplatesTests {
  private let model = Sequential(Flatten(), Linear(inputs: 12, outputs: 3, key: RandomKey(seed: 7)))

  @Test func templatesAreTheWeights() throws {
    let templates = try LinearTemplates(of: model, input: [3, 2, 2])
    expectClose(
      templates.templates, model.parameters[0].parameter.value.reshaped(to: [3, 3, 2, 2]), within: 1e-6)
    expectClose(templates.offsets, model.parameters[1].parameter.value, within: 1e-6)
  }

  // Pixel units: w (x − mean) / deviation has templates w / deviation, and its offsets take the means along.
  @Test func normalisationIsPartOfThem() throws {
    let (mean, deviation): ([Float], [Float]) = ([0.5, 0.25, 0.1], [0.5, 0.2, 0.25])
    let whole = Normalized(model, mean: mean, standardDeviation: deviation)
    let templates = try LinearTemplates(of: whole, input: [3, 2, 2])
    let weights = model.parameters[0].parameter.value.reshaped(to: [3, 3, 2, 2])
    expectClose(
      templates.templates, weights / Tensor(shape: [3, 1, 1], scalars: deviation), within: 1e-5)
    let x = Tensor.uniform(shape: [5, 3, 2, 2], key: RandomKey(seed: 8))
    expectClose(templates.scores(x), whole.logits(x), within: 1e-5)
    // the saliency of any image is its class's template
    let slopes = try Saliency().attributions(of: whole, at: x, classes: IntTensor([2, 0, 1, 1, 2]))
    expectClose(slopes[row: 0], templates.templates[row: 2], within: 1e-5)
  }

  @Test func otherModelsAreRefused() throws {
    let perceptron = MLP(widths: [12, 8, 3], key: RandomKey(seed: 1))
    let error = #expect(throws: InputError.self) { try LinearTemplates(of: perceptron, input: [12]) }
    #expect(error?.kind == .mismatch)
  }
}
