import NNLayers
import TensorCore
import Testing

/// Prepared models whose layers compute sparsely, against the same model's dense plan.
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

  @Test func unknownNamesAreRefused() {
    #expect(throws: InputError.self) {
      try SimpleCNN(key: Self.key).prepared(for: [3, 32, 32], executions: ["features.99": .sparse])
    }
  }
}
