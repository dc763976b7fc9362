import Foundation
import NNLayers
import TensorCore

/// Tests an explainer: when a model's parameters are replaced by random ones, a map that explains the model must change.
///
/// Layer after layer, each parameter is drawn anew from the normal distribution with its own mean and standard deviation,
/// and the maps for the same images and classes are compared with those of the model as it was. Running values of batch
/// norm stay. Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.
public struct ParameterRandomization: Sendable {
  /// Which layers are random at the same time.
  public enum Order: String, Sendable, Hashable, CaseIterable {
    /// The last layer, then the last two, and so on to the first.
    case cascading
    /// Each layer alone, the others as they were.
    case independent
  }

  /// Which layers are random at the same time.
  public var order: Order
  /// Decides the draws: each parameter's from its name.
  public var key: RandomKey

  /// What became of the maps when one more layer, or this one alone, was random.
  public struct Step: Sendable, Hashable {
    /// The layer's name, as in its parameters' names.
    public let layer: String
    /// For each image Spearman's rank correlation of |map| before and after, −1 to 1; nil when a map is constant.
    public let rankCorrelations: [Double?]
    /// Their mean over the images that have one; NaN without any. Near 1: the map does not depend on what was learned.
    public var mean: Double { Summary(rankCorrelations.compactMap { $0 }).mean }
  }

  /// A test.
  public init(_ order: Order = .cascading, key: RandomKey) {
    self.order = order
    self.key = key
  }

  /// One step a layer with parameters, the last layer first.
  ///
  /// - Parameters:
  ///   - explainer: what is tested.
  ///   - model: maps `[n, channels, height, width]` to logits.
  ///   - x: `[n, channels, height, width]`.
  ///   - classes: `[n]`, the class whose score is explained.
  ///   - explainerKey: where the explainer draws from, the same before and after.
  /// - Throws: what the explainer throws.
  public func steps(
    of explainer: some Explainer, model: some Layer, at x: Tensor, classes: IntTensor,
    explainerKey: RandomKey = RandomKey(seed: 0)
  ) throws -> [Step] {
    func maps(_ model: some Layer) throws -> Tensor {
      try explainer.maps(of: model, at: x, classes: classes, key: explainerKey).absolute()
    }
    let before = try maps(model)
    var layers: [String] = []
    for (name, _) in model.parameters where layers.last != Self.layer(of: name) {
      layers.append(Self.layer(of: name))
    }
    var changed = model
    return try layers.reversed().map { layer in
      if order == .independent { changed = model }
      randomize(&changed) { $0 == layer }
      let after = try maps(changed)
      return Step(
        layer: layer,
        rankCorrelations: (0..<classes.count).map {
          MapComparison.rankCorrelation(before[row: $0].scalars, after[row: $0].scalars)
        })
    }
  }

  /// Draws the parameters of some layers anew.
  private func randomize(_ model: inout some Layer, where isChosen: (String) -> Bool) {
    model.visitParameters { name, parameter in
      guard isChosen(Self.layer(of: name)) else { return }
      let value = parameter.value
      let mean = value.doubleSum() / Double(max(1, value.count))
      let variance = max(0, value.sumOfSquares() / Double(max(1, value.count)) - mean * mean)
      parameter.value = .normal(
        shape: value.shape, mean: Float(mean), standardDeviation: Float(variance.squareRoot()),
        key: key.derived(name))
    }
  }

  /// The name of the layer that a parameter belongs to: all before the last dot.
  private static func layer(of parameter: String) -> String {
    parameter.lastIndex(of: ".").map { String(parameter[..<$0]) } ?? ""
  }
}
