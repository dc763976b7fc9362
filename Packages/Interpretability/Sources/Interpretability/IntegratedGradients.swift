import NNLayers
import TensorCore

/// The gradient's mean along the straight path from a baseline to the image, times the difference of the two. The shares
/// add up to the score's difference (completeness), up to the error of the integral.
///
///     aⱼ = (xⱼ − x′ⱼ) · ∫₀¹ ∂s(x′ + t (x − x′)) / ∂xⱼ dt,  Σⱼ aⱼ = s(x) − s(x′),  map = Σᶜ aᶜ
///
/// Source: Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
public struct IntegratedGradients: Attribution {
  /// x′, where the path begins.
  public var baseline: Baseline
  /// How many points of the path are used.
  public var steps: Int
  /// Where they lie.
  public var rule: QuadratureRule
  /// How a pixel's channels become one number.
  public var reduction: ChannelReduction

  /// The attributions, and how far they are from completeness.
  public struct Result: Sendable {
    /// Shaped as the images.
    public let attributions: Tensor
    /// s(x) − s(x′) of each image.
    public let scoreDifferences: [Double]
    /// Σⱼ aⱼ − (s(x) − s(x′)) of each image: the error of the integral; more steps make it smaller.
    public let completenessGaps: [Double]
  }

  /// The method.
  ///
  /// - Precondition: `steps` is positive.
  public init(
    baseline: Baseline = .constant(0), steps: Int = 50, rule: QuadratureRule = .gaussLegendre,
    reduction: ChannelReduction = .sum
  ) {
    precondition(steps > 0, "IntegratedGradients: \(steps) steps")
    self.baseline = baseline
    self.steps = steps
    self.rule = rule
    self.reduction = reduction
  }

  /// The shares, shaped as `x`.
  public func attributions(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws
    -> Tensor
  {
    checkImages(x, classes: classes, keys: keys, for: self)
    let start = baseline.images(for: x)
    let way = x - start
    let nodes = rule.nodes(count: steps)
    return way
      * (try meanGradients(of: model, classes: classes, count: steps) { image, k in
        start[row: image] + way[row: image] * Float(nodes[k].point)
      } weight: {
        Float(nodes[$0].weight)
      })
  }

  /// The shares and their completeness gap. Parameters and errors as in `maps`.
  public func result(of model: some Layer, at x: Tensor, classes: IntTensor) throws -> Result {
    let shares = try attributions(of: model, at: x, classes: classes)
    let scores = ClassScores(model)
    let here = try scores.scoresAndGradients(at: x, classes: classes).scores
    let there = try scores.scoresAndGradients(at: baseline.images(for: x), classes: classes).scores
    let differences = zip(here.scalars, there.scalars).map { Double($0) - Double($1) }
    return Result(
      attributions: shares, scoreDifferences: differences,
      completenessGaps: differences.indices.map { shares[row: $0].doubleSum() - differences[$0] })
  }

  /// The method with its settings.
  public var description: String {
    "integrated gradients from \(baseline), \(steps) points (\(rule.rawValue))"
  }
}
