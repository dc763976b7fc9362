import Interpretability
import NNLayers
import TensorCore
import Testing

@Suite struct ParameterRandomizationTests {
  private static let layers = ["7", "4.shortcut.1", "4.shortcut.0", "4.bn2", "4.conv2", "4.bn1", "4.conv1"]

  /// The distance of pixels from the top left corner, whatever the model.
  private struct Blind: Explainer {
    func maps(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws -> Tensor {
      Tensor(
        shape: [x.shape[0], x.shape[2], x.shape[3]],
        scalars: (0..<x.shape[0]).flatMap { _ in (0..<x.shape[2] * x.shape[3]).map { Float($0) } })
    }
    var description: String { "blind" }
  }

  /// The first number of each of the model's parameters' tensors, as a map of a row.
  private struct Peek: Explainer {
    let name: String
    func maps(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws -> Tensor {
      let value = try #require(model.parameters.first { $0.name == name }).parameter.value
      return .stacked((0..<x.shape[0]).map { _ in value.reshaped(to: [1, value.count]) })
    }
    var description: String { "peek" }
  }

  private func steps(_ explainer: some Explainer, _ order: ParameterRandomization.Order) throws
    -> [ParameterRandomization.Step]
  {
    try ParameterRandomization(order, key: RandomKey(seed: 5)).steps(
      of: explainer, model: try Reference.Network.residual.model(), at: Reference.images(),
      classes: Reference.classes())
  }

  // The last layer first, each once; a map that ignores the model is found out at every step.
  @Test(arguments: ParameterRandomization.Order.allCases)
  func aBlindExplainerIsFoundOut(_ order: ParameterRandomization.Order) throws {
    let steps = try steps(Blind(), order)
    #expect(steps.count == 13 && Array(steps.map(\.layer).prefix(7)) == Self.layers)
    #expect(steps.allSatisfy { $0.mean == 1 && $0.rankCorrelations == [1, 1, 1] })
  }

  // Saliency of a trained-like network changes when all of it is random.
  @Test func saliencyIsNotBlind() throws {
    let steps = try steps(Saliency(), .cascading)
    #expect(abs(try #require(steps.last).mean) < 0.4)
    #expect(steps.allSatisfy { $0.mean < 0.999 })
  }

  // A layer in the middle is as it was before its turn, random from then on when cascading, and only then else.
  @Test func ordersDiffer() throws {
    for (order, after) in [(ParameterRandomization.Order.cascading, true), (.independent, false)] {
      let steps = try steps(Peek(name: "4.conv2.weight"), order)
      let changed = steps.map { $0.mean != 1 }
      #expect(changed[0..<4].allSatisfy { !$0 } && changed[4])
      #expect(changed[5...].allSatisfy { $0 == after }, "\(order)")
    }
  }

  // Drawn anew with the same mean and deviation: 1728 weights, whose mean and deviation vary by about 2.4 and 1.7 %.
  @Test func drawsKeepMeanAndDeviation() throws {
    let original = try Reference.Network.residual.model().parameters
    let collected = Values()
    struct Collect: Explainer {
      let values: Values
      func maps(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws -> Tensor {
        values.models.append(
          Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0.parameter.value) }))
        return .ones(shape: [x.shape[0], 1, 2])
      }
      var description: String { "collect" }
    }
    let steps = try steps(Collect(values: collected), .cascading)
    #expect(steps.allSatisfy { $0.rankCorrelations == [nil, nil, nil] && $0.mean.isNaN })
    let random = try #require(collected.models.last)
    for (name, parameter) in original {
      let (old, new) = (
        Summary(parameter.value.scalars.map(Double.init)), Summary(random[name]!.scalars.map(Double.init))
      )
      #expect(random[name] != parameter.value, "\(name)")
      if old.count >= 576 {
        #expect(abs(new.mean - old.mean) < 5 * old.standardError, "\(name)")
        #expect(abs(new.standardDeviation / old.standardDeviation - 1) < 0.15, "\(name)")
      }
    }
  }
}

/// The parameters of each model that an explainer saw.
private final class Values: @unchecked Sendable { var models: [[String: Tensor]] = [] }
