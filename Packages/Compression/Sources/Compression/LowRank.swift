import NNLayers
import TensorCore

/// Splits linear layers and convolutions in two by a truncated singular value decomposition.
///
///     let (layer, rank, error) = try LowRank(.energy(0.95)).factors(of: linear)
///
/// A weight arranged as a matrix W = U · diag(s) · Vᵀ becomes the product of √s-scaled factors of its r largest singular
/// values; no matrix of rank r is closer:
///
///     ‖W − Wᵣ‖² = Σ_{j > r} sⱼ²
///
/// Source: Eckart and Young, "The Approximation of One Matrix by Another of Lower Rank", Psychometrika 1936; for networks
/// Denton, Zaremba, Bruna, LeCun, Fergus, "Exploiting Linear Structure Within Convolutional Networks for Efficient
/// Evaluation", NeurIPS 2014.
public struct LowRank: Sendable {
  /// How a convolution is cut.
  public enum Split: String, Sendable, CaseIterable {
    /// Into r kernels of the full size and a 1×1 convolution: W is `[outputs, inputs · rows · columns]`.
    ///
    /// Source: Zhang, Zou, He, Sun, "Accelerating Very Deep Convolutional Networks for Classification and Detection", TPAMI
    /// 2016.
    case channels
    /// Into r columns and a row: a rows×1 and a 1×columns convolution: W is `[inputs · rows, outputs · columns]`.
    ///
    /// Source: Jaderberg, Vedaldi, Zisserman, "Speeding up Convolutional Neural Networks with Low Rank Expansions", BMVC
    /// 2014, scheme 2; solved as in Tai, Xiao, Zhang, Wang, E, "Convolutional Neural Networks with Low-Rank
    /// Regularization", ICLR 2016.
    case spatial
  }

  /// How the rank is chosen.
  public var choice: RankChoice
  /// How convolutions are cut.
  public var split: Split

  /// A factorisation.
  public init(_ choice: RankChoice, split: Split = .channels) {
    self.choice = choice
    self.split = split
  }

  /// A factored layer.
  public struct Factors: Sendable {
    /// The two layers; the first has no bias.
    public let layer: Sequential
    /// The rank.
    public let rank: Int
    /// ‖W − Wᵣ‖ / ‖W‖ in the Frobenius norm, from the singular values left out; 0 for W = 0.
    public let relativeError: Double
    /// The multiply-adds relative to the dense layer's, up to the image's border.
    public let cost: Double
  }

  /// A linear layer as two: `[n, inputs] → [n, r] → [n, outputs]`.
  ///
  /// - Throws: `InputError.outOfRange` for weights that are not finite.
  public func factors(of layer: Linear) throws -> Factors {
    let (outputs, inputs) = (layer.weight.value.shape[0], layer.weight.value.shape[1])
    let cut = try cut(
      layer.weight.value, costOfOne: Double(outputs + inputs) / Double(outputs * inputs))
    var first = Linear(inputs: inputs, outputs: cut.rank, hasBias: false, key: Self.unused)
    var second = Linear(inputs: cut.rank, outputs: outputs, hasBias: false, key: Self.unused)
    (first.weight.value, second.weight.value) = (cut.right, cut.left)
    second.bias = layer.bias
    return cut.factors(Sequential(first, second))
  }

  /// A convolution as two, stride, padding and dilation divided between them.
  ///
  /// - Throws: `InputError.outOfRange` for weights that are not finite, `.unsupported` for a convolution in groups.
  public func factors(of layer: Convolution) throws -> Factors {
    guard layer.settings.groups == 1 else {
      throw InputError(
        .unsupported, "a convolution to factor", expected: "one group",
        found: "\(layer.settings.groups) groups")
    }
    return split == .channels ? try channelFactors(of: layer) : try spatialFactors(of: layer)
  }

  private func channelFactors(of layer: Convolution) throws -> Factors {
    let shape = layer.weight.value.shape
    let (outputs, patch) = (shape[0], shape[1] * shape[2] * shape[3])
    let cut = try cut(
      layer.weight.value.reshaped(to: [outputs, patch]),
      costOfOne: Double(outputs + patch) / Double(outputs * patch))
    let settings = layer.settings
    var first = Convolution(
      inputs: shape[1], outputs: cut.rank, kernel: Extent(height: shape[2], width: shape[3]),
      stride: settings.stride,
      padding: settings.padding, dilation: settings.dilation, hasBias: false, key: Self.unused)
    var second = Convolution(
      inputs: cut.rank, outputs: outputs, kernel: 1, hasBias: false, key: Self.unused)
    first.weight.value = cut.right.reshaped(to: first.weight.value.shape)
    second.weight.value = cut.left.reshaped(to: second.weight.value.shape)
    second.bias = layer.bias
    return cut.factors(Sequential(first, second))
  }

  private func spatialFactors(of layer: Convolution) throws -> Factors {
    let shape = layer.weight.value.shape
    let (outputs, inputs, rows, columns) = (shape[0], shape[1], shape[2], shape[3])
    // [inputs, rows, outputs, columns]: the left factor has the columns' kernels, the right one the rows'
    let matrix = layer.weight.value.permuted([1, 2, 0, 3]).reshaped(to: [inputs * rows, outputs * columns])
    let settings = layer.settings
    // The first layer makes as many rows as the whole, but still as many columns as the input.
    let products = inputs * rows * settings.stride.width + outputs * columns
    let cut = try cut(matrix, costOfOne: Double(products) / Double(inputs * rows * outputs * columns))
    var first = Convolution(
      inputs: inputs, outputs: cut.rank, kernel: Extent(height: rows, width: 1),
      stride: Extent(height: settings.stride.height, width: 1),
      padding: Extent(height: settings.padding.height, width: 0),
      dilation: Extent(height: settings.dilation.height, width: 1),
      hasBias: false, key: Self.unused)
    var second = Convolution(
      inputs: cut.rank, outputs: outputs, kernel: Extent(height: 1, width: columns),
      stride: Extent(height: 1, width: settings.stride.width),
      padding: Extent(height: 0, width: settings.padding.width),
      dilation: Extent(height: 1, width: settings.dilation.width), hasBias: false, key: Self.unused)
    first.weight.value = cut.left.reshaped(to: [inputs, rows, cut.rank]).permuted([2, 0, 1])
      .reshaped(to: first.weight.value.shape)
    second.weight.value = cut.right.reshaped(to: [cut.rank, outputs, columns]).permuted([1, 0, 2])
      .reshaped(to: second.weight.value.shape)
    second.bias = layer.bias
    return cut.factors(Sequential(first, second))
  }

  private struct Cut {
    var left: Tensor
    var right: Tensor
    var rank: Int
    var relativeError: Double
    var cost: Double
    func factors(_ layer: Sequential) -> Factors {
      Factors(layer: layer, rank: rank, relativeError: relativeError, cost: cost)
    }
  }

  // [m, n] → [m, r], [r, n]; each factor gets the roots of the singular values, so that both train at one rate.
  private func cut(_ matrix: Tensor, costOfOne: Double) throws -> Cut {
    let (u, s, vt) = try matrix.svd()
    let rank = choice.rank(of: s, costOfOne: costOfOne)
    let roots = s[rows: 0..<rank].squareRoot()
    let total = s.sumOfSquares()
    return Cut(
      left: u.transposed()[rows: 0..<rank].transposed() * roots,
      right: vt[rows: 0..<rank] * roots.expanded(axis: 1), rank: rank,
      relativeError: total == 0 ? 0 : (s[rows: rank..<s.count].sumOfSquares() / total).squareRoot(),
      cost: Double(rank) * costOfOne)
  }

  // The drawn weights are replaced.
  private static let unused = RandomKey(seed: 0)
}

extension LowRank {
  /// A model with its linear layers and convolutions in two each, wherever that saves multiply-adds.
  ///
  /// - Parameters:
  ///   - model: its layers must be exchangeable (`Layer.visitLayers`); others stay.
  ///   - includes: which layers, by name.
  /// - Returns: the model and the factors of each layer that was exchanged, by name.
  /// - Throws: as `factors(of:)`.
  public func factored<Model: Layer>(
    _ model: Model, where includes: (String) -> Bool = { _ in true }
  ) throws -> (model: Model, factors: [(name: String, factors: Factors)]) {
    var copy = model
    var exchanged: [(name: String, factors: Factors)] = []
    try copy.exchangeLayers { name, layer in
      guard includes(name) else { return nil }
      var factors: Factors?
      if let layer = layer as? Linear { factors = try self.factors(of: layer) }
      if let layer = layer as? Convolution, layer.settings.groups == 1 {
        factors = try self.factors(of: layer)
      }
      guard let factors, factors.cost < 1 else { return nil }
      exchanged.append((name, factors))
      return factors.layer
    }
    return (copy, exchanged)
  }
}
