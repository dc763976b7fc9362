import NNLayers
import TensorCore
import Testing

/// Prepared models whose layers compute sparsely or with bytes, against the same model in floats.
@Suite struct ExecutionTests {
  private static let key = RandomKey(seed: 61)

  /// A filled model with most of every convolution's and linear layer's weight set to zero.
  private static func pruned<Model: Layer>(_ model: Model) -> Model {
    var model = ModelFixture.filled(model)
    model.visitParameters { name, parameter in
      if !name.hasSuffix("weight") || parameter.value.rank < 2 { return }
      let draws = Tensor.uniform(shape: parameter.value.shape, key: key.derived(name))
      parameter.value = Tensor(
        shape: draws.shape, scalars: zip(parameter.value.scalars, draws.scalars).map { $1 < 0.2 ? $0 : 0 })
    }
    return model
  }

  /// The names of all layers with a weight that can be sparse.
  private static func names(_ model: some Layer) -> [String] {
    model.parameters.filter { $0.name.hasSuffix("weight") && $0.parameter.value.rank >= 2 }
      .map { $0.name.split(separator: ".").dropLast().joined(separator: ".") }
  }

  // Every layer by its name, in both networks of document 4; the gradient stays the dense one.
  @Test func sparseIsMaskedDense() throws {
    for model in [Self.pruned(SimpleCNN(key: Self.key)), Self.pruned(ResNetSmall(key: Self.key))]
      as [any Layer]
    {
      let names = Self.names(model)
      let executions = Dictionary(uniqueKeysWithValues: names.map { ($0, WeightExecution.sparse) })
      let dense = try model.prepared(for: [3, 32, 32])
      let sparse = try model.prepared(for: [3, 32, 32], executions: executions)
      let x = Tensor.uniform(shape: [3, 3, 32, 32], key: Self.key)
      expectClose(sparse.logits(x), dense.logits(x))
      #expect(sparse.logits(x) != dense.logits(x), "nothing was computed another way")
      let one = try model.prepared(for: [3, 32, 32], executions: [names[1]: .sparse])
      expectClose(one.logits(x), dense.logits(x))
    }
  }

  /// The model with every weight rounded to the 8 bits of its output, by hand.
  private static func rounded<Model: Layer>(_ model: Model) -> Model {
    var model = model
    model.visitParameters { name, parameter in
      if parameter.value.rank < 2 { return }
      let (shape, outputs) = (parameter.value.shape, parameter.value.shape[0])
      let values = parameter.value.scalars
      let size = values.count / outputs
      let steps = (0..<outputs).map { output in
        let row = values[(output * size)..<((output + 1) * size)]
        return Double(max(row.max()!, -row.min()!)) / 127
      }
      parameter.value = Tensor(
        shape: shape,
        scalars: values.indices.map { i in
          Float((Double(values[i]) / steps[i / size]).rounded(.toNearestOrEven) * steps[i / size])
        })
    }
    return model
  }

  // The whole of each network of document 4: outputs by bytes stay near those in floats, and gradients are those of the
  // network with rounded weights for the upstream gradient at the bytes' logits. A plan that goes back through the weights
  // before rounding is many times as far from them: no file could give its gradient.
  @Test func bytesAreCloseToFloats() throws {
    func check<Model: Layer>(_ model: Model) throws {
      // bright and dark ones: the means of equally noisy images hardly differ
      let x =
        Tensor.uniform(shape: [12, 3, 32, 32], key: Self.key)
        * .uniform(shape: [12, 3, 1, 1], key: Self.key.derived("brightness"))
      let bytes = try model.quantized(for: [3, 32, 32], calibration: x)
      let (expected, found) = (try model.prepared(for: [3, 32, 32]).logits(x), bytes.logits(x))
      let centered = expected - expected.mean(alongAxis: 0)
      let error = ((found - expected).sumOfSquares() / centered.sumOfSquares()).squareRoot()
      #expect(error < 0.2, "\(Model.self): \(error)")
      #expect(error > 0.001, "these are no bytes")
      let upstream = Tensor.uniform(shape: expected.shape, key: Self.key)
      let (logits, slope) = bytes.logitsAndInputGradient(at: x) { logits, rows in
        #expect(logits == found[rows: rows])
        return upstream[rows: rows]
      }
      #expect(logits == found)
      func distance(to model: some Layer) throws -> Double {
        let plan = try model.prepared(for: [3, 32, 32])
        let gradient = plan.logitsAndInputGradient(at: x) { _, rows in upstream[rows: rows] }.gradient
        return ((slope - gradient).sumOfSquares() / gradient.sumOfSquares()).squareRoot()
      }
      // Folding batch norm moves a few of the weights that lie between two bytes to the other one, and each opens or closes some
      // ReLUs: a part f of them turns a gradient by about √f, so 0 is not to be had.
      let (near, far) = (try distance(to: Self.rounded(model)), try distance(to: model))
      #expect(near < 0.03 && near < far / 5, "\(Model.self): \(near), \(far)")
    }
    try check(ModelFixture.filled(SimpleCNN(key: Self.key)))
    try check(ModelFixture.filled(ResNetSmall(key: Self.key)))
  }

  @Test func unknownNamesAreRefused() {
    #expect(throws: InputError.self) {
      try SimpleCNN(key: Self.key).prepared(for: [3, 32, 32], executions: ["features.99": .sparse])
    }
  }
}
