import NNLayers
import TensorCore
import Testing

/// Plans chosen by time. Which way is fastest is the machine's affair; what must hold whatever was measured is tested.
@Suite struct MeasuredPlanTests {
  private static let key = RandomKey(seed: 62)

  /// A small network in which every way is possible somewhere, with zeros in one layer only.
  private static let network: Sequential = {
    var model = Sequential(
      Convolution(inputs: 3, outputs: 16, kernel: 3, padding: 1, key: key.derived("a")), ReLU(),
      Convolution(inputs: 16, outputs: 64, kernel: 3, padding: 1, key: key.derived("b")),
      BatchNorm(channels: 64), ReLU(), MaxPool(2),
      Convolution(inputs: 64, outputs: 8, kernel: 5, stride: 2, key: key.derived("c")), Flatten(),
      Linear(inputs: 8, outputs: 6, key: key.derived("d")),
      Linear(inputs: 6, outputs: 4, key: key.derived("e")))
    model.visitParameters { name, parameter in
      if name == "8.weight" { parameter.value = parameter.value * .zeros(shape: parameter.value.shape) }
    }
    return model
  }()
  private static let x = Tensor.uniform(shape: [3, 3, 12, 12], key: key)

  // By the rule for shapes, 0 is direct (3 channels), 2 Winograd, 6 has a 5×5 kernel; only 8 has zeros. A way that is
  // listed twice under two names, or one that a layer has not, shows here.
  @Test func waysOfEachLayer() throws {
    let measured = try Self.network.measuredPlan(on: Self.x, rounds: 2)
    #expect(measured.rows.map(\.name) == ["0", "2", "6", "8", "9"])
    let ways = measured.rows.map { Set($0.medians.keys) }
    #expect(ways == [[.dense, .winograd], [.dense, .direct], [.dense], [.dense, .sparse], [.dense]])
    #expect(measured.rows.map(\.sparsity) == [0, 0, 0, 1, 0])
    #expect(measured.rows.allSatisfy { $0.medians.values.allSatisfy { $0 > 0 } }, "not timed")
    #expect(measured.isDense && measured.comparison == nil, "two rounds prove nothing")
    let few = try Self.network.measuredPlan(on: Self.x, candidates: [.sparse], rounds: 2)
    #expect(
      few.rows.map { Set($0.medians.keys) } == [[.dense], [.dense], [.dense], [.dense, .sparse], [.dense]])
  }

  // A layer of zeros only is faster when nothing is computed, by far: 256 channels of 256. If the plan that is given were
  // not the one of the ways that are named, bits would differ.
  @Test func whatIsSurelyFasterIsTaken() throws {
    var model = Sequential(
      Convolution(inputs: 3, outputs: 256, kernel: 1, key: Self.key.derived("f")),
      Convolution(inputs: 256, outputs: 256, kernel: 5, padding: 2, key: Self.key.derived("g")), Flatten(),
      Linear(inputs: 256 * 64, outputs: 4, key: Self.key.derived("h")))
    model.visitParameters { name, parameter in
      if name != "1.weight" { return }
      let draws = Tensor.uniform(shape: parameter.value.shape, key: Self.key)
      parameter.value = Tensor(
        shape: draws.shape, scalars: zip(parameter.value.scalars, draws.scalars).map { $1 < 0.001 ? $0 : 0 })
    }
    let x = Tensor.uniform(shape: [4, 3, 8, 8], key: Self.key)
    let measured = try model.measuredPlan(on: x, rounds: 10)
    #expect(measured.rows[1].execution == .sparse && measured.executions["1"] == .sparse)
    let comparison = try #require(measured.comparison)
    #expect(!measured.isDense && comparison.ratio(of: 1, to: 0) < 0.98)
    let again = try model.prepared(for: [3, 8, 8], executions: measured.executions)
    #expect(again.logits(x) == measured.plan.logits(x))
    expectClose(measured.plan.logits(x), try model.prepared(for: [3, 8, 8]).logits(x))
    #expect(measured.description.contains("sparse ms") && measured.description.contains("The plan takes 0."))
  }

  // Every way of every layer in both networks of document 4, forced: the same logits to 1e-5.
  @Test(arguments: [WeightExecution.direct, .winograd, .sparse]) func exactWays(_ way: WeightExecution) throws
  {
    let models: [any Layer] = [
      ModelFixture.filled(SimpleCNN(key: Self.key)), ModelFixture.filled(ResNetSmall(key: Self.key)),
    ]
    for model in models {
      let executions = model.executions(way, for: [3, 32, 32])
      let x = Tensor.uniform(shape: [3, 3, 32, 32], key: Self.key)
      let dense = try model.prepared(for: [3, 32, 32])
      let other = try model.prepared(for: [3, 32, 32], executions: executions)
      expectClose(other.logits(x), dense.logits(x), within: 1e-5, "\(type(of: model)) \(way)")
      #expect(other.logits(x) != dense.logits(x), "\(type(of: model)): nothing was computed another way")
    }
  }

  // 3×3 with stride 1 is what Winograd computes: all of SimpleCNN's convolutions, of ResNetSmall's all but the two blocks
  // that halve the image and their shortcuts. Linear layers are sparse or dense.
  @Test func layersByWay() {
    let plain = SimpleCNN(key: Self.key), residual = ResNetSmall(key: Self.key)
    func names(_ way: WeightExecution, _ model: some Layer) -> [String] {
      model.executions(way, for: [3, 32, 32]).keys.sorted()
    }
    let weights = residual.parameters.filter { $0.parameter.value.rank >= 2 }.map {
      String($0.name.dropLast(".weight".count))
    }.sorted()
    #expect(names(.sparse, residual) == weights && names(.dense, residual) == weights)
    #expect(names(.direct, residual) == weights.filter { $0 != "fc" })
    #expect(
      names(.winograd, residual)
        == weights.filter {
          $0 != "fc" && !$0.contains("shortcut") && $0 != "layer2.0.conv1" && $0 != "layer3.0.conv1"
        })
    #expect(names(.winograd, plain) == names(.direct, plain) && names(.direct, plain).count == 3)
  }

  // A way that a layer has not is bad input, not a crash.
  @Test func impossibleWaysAreRefused() {
    func kind(_ executions: [String: WeightExecution]) -> InputError.Kind? {
      do {
        _ = try Self.network.prepared(for: [3, 12, 12], executions: executions)
        return nil
      } catch { return (error as? InputError)?.kind }
    }
    #expect(kind(["8": .winograd]) == .unsupported && kind(["9": .direct]) == .unsupported)
    #expect(kind(["6": .winograd]) == .unsupported && kind(["2": .winograd]) == nil)
    #expect(kind(["6": .direct, "0": .winograd, "9": .sparse]) == nil)
  }

  // A model that is a single layer goes by the empty name.
  @Test func oneLayer() throws {
    let layer = Linear(inputs: 40, outputs: 5, key: Self.key)
    let x = Tensor.uniform(shape: [2, 40], key: Self.key)
    #expect(layer.executions(.sparse, for: [40]) == ["": .sparse])
    expectClose(try layer.prepared(for: [40], executions: ["": .sparse]).logits(x), layer.logits(x))
    #expect(try layer.measuredPlan(on: x, rounds: 1).rows.map(\.name) == [""])
  }
}
