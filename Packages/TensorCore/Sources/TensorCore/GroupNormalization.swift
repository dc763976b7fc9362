internal import CKernels

/// Normalisation within each sample, and its gradients: of groups of channels, or of rows.
///
///     y = (x − mean) · s · weight + bias,  s = 1/√(variance + ε)
///
/// with mean and (biased) variance of each block of values that are normalised together.
public struct GroupNormalization: Sendable {
  /// Which values belong together: `blocks` of `parts` runs of `inner` neighbours, each run with its own weight; the
  /// weights of `groups` blocks stand one after the other and then repeat.
  private struct Layout {
    var shape: Shape
    var blocks: Int
    var groups: Int
    var parts: Int
    var inner: Int

    // By the shape alone; not more than 64 tasks, because each keeps sums for every weight.
    var blocksEach: Int {
      Swift.max(1, elementwiseChunk / Swift.max(1, parts * inner), (blocks + 63) / 64)
    }

    func part(_ range: Range<Int>) -> ck_groups {
      ck_groups(
        blocks: range.count, first_block: range.lowerBound, groups: groups, parts: parts, inner: inner)
    }
  }

  /// The normalised tensor.
  public let output: Tensor
  private let layout: Layout
  private let input: Tensor
  private let weight: Tensor
  private let centers: Tensor
  private let scales: Tensor

  /// Normalises each group of neighbouring channels of each sample: `[n, c]` or `[n, c, h, w]`, with weight and bias
  /// `[c]`.
  ///
  /// Source: Wu and He, "Group Normalization", ECCV 2018.
  ///
  /// - Precondition: the number of channels is a multiple of `groups`.
  public init(_ x: Tensor, groups: Int, weight: Tensor, bias: Tensor, epsilon: Double) {
    precondition(x.rank == 2 || x.rank == 4, "GroupNorm: expected [n, c] or [n, c, h, w], got \(x.shape)")
    let channels = x.shape[1]
    precondition(
      groups > 0 && channels % groups == 0, "GroupNorm: \(channels) channels do not give \(groups) groups")
    precondition(
      weight.shape == [channels] && bias.shape == [channels],
      "GroupNorm: weight \(weight.shape) and bias \(bias.shape) for \(x.shape)")
    let layout = Layout(
      shape: x.shape, blocks: x.shape[0] * groups, groups: groups, parts: channels / groups,
      inner: x.shape.dimensions[2...].reduce(1, *))
    self.init(x, layout, weight, bias, epsilon, "GroupNorm")
  }

  /// Normalises each block of the last axes, those of weight and bias.
  ///
  /// Source: Ba, Kiros, Hinton, "Layer Normalization", 2016.
  ///
  /// - Precondition: the shape ends with the weight's shape.
  public init(_ x: Tensor, layerWeight weight: Tensor, bias: Tensor, epsilon: Double) {
    precondition(
      weight.shape == bias.shape && x.rank >= weight.rank
        && x.shape.dimensions.suffix(weight.rank) == weight.shape.dimensions[...],
      "LayerNorm: weight \(weight.shape) and bias \(bias.shape) for \(x.shape)")
    let blocks = x.shape.dimensions.dropLast(weight.rank).reduce(1, *)
    let layout = Layout(shape: x.shape, blocks: blocks, groups: 1, parts: weight.count, inner: 1)
    self.init(x, layout, weight, bias, epsilon, "LayerNorm")
  }

  private init(
    _ x: Tensor, _ layout: Layout, _ weight: Tensor, _ bias: Tensor, _ epsilon: Double, _ name: String
  ) {
    precondition(epsilon >= 0, "\(name): epsilon \(epsilon) is negative")
    precondition(x.count == 0 || layout.parts * layout.inner > 0, "\(name): empty groups in \(x.shape)")
    (input, self.layout, self.weight) = (x, layout, weight)
    output = Tensor(uninitialized: x.shape)
    centers = Tensor(uninitialized: [layout.blocks])
    scales = Tensor(uninitialized: [layout.blocks])
    let size = layout.parts * layout.inner
    let (source, w, b) = (x.pointer, weight.pointer, bias.pointer)
    let target = SendablePointer(output.freshPointer)
    let (means, factors) = (SendablePointer(centers.freshPointer), SendablePointer(scales.freshPointer))
    withExtendedLifetime((x, weight, bias, output, centers, scales)) {
      ThreadPool.run(count: layout.blocks, inChunksOf: layout.blocksEach) { range in
        var part = layout.part(range)
        let first = range.lowerBound
        ck_group_normalize(
          &part, source + first * size, w, b, epsilon, target.pointer + first * size,
          means.pointer + first, factors.pointer + first)
      }
    }
  }

  /// The gradients with respect to input, weight and bias where they are wanted.
  ///
  ///     x̂ = (x − mean) · s,  g = dy · weight
  ///     ∂L/∂x = s (g − mean(g) − x̂ mean(g x̂)),  ∂L/∂weight = Σ dy x̂,  ∂L/∂bias = Σ dy
  ///
  /// with means over the block and sums over all values that share the weight.
  ///
  /// - Precondition: `dy` has the output's shape.
  public func gradients(
    upstream dy: Tensor, wantsInput: Bool = true, wantsParameters: Bool = true
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?) {
    precondition(dy.shape == layout.shape, "GroupNormalization: upstream \(dy.shape) for \(layout.shape)")
    let result = wantsInput ? Tensor(uninitialized: layout.shape) : nil
    let (size, weights, layout) = (layout.parts * layout.inner, weight.count, layout)
    let tasks = wantsParameters ? (layout.blocks + layout.blocksEach - 1) / layout.blocksEach : 0
    var parts = [Double](repeating: 0, count: tasks * 2 * weights)
    let (source, upstream, w) = (input.pointer, dy.pointer, weight.pointer)
    let (means, factors) = (centers.pointer, scales.pointer)
    let target = result.map { SendablePointer($0.freshPointer) }
    withExtendedLifetime((self, dy, result)) {
      parts.withUnsafeMutableBufferPointer { parts in
        let sums = parts.baseAddress.flatMap { wantsParameters ? SendablePointer($0) : nil }
        ThreadPool.run(count: layout.blocks, inChunksOf: layout.blocksEach) { range in
          var part = layout.part(range)
          let first = range.lowerBound
          let own = sums.map { $0.pointer + first / layout.blocksEach * 2 * weights }
          ck_group_gradient(
            &part, upstream + first * size, source + first * size, w, means + first, factors + first,
            target.map { $0.pointer + first * size }, own, own.map { $0 + weights })
        }
      }
    }
    guard wantsParameters else { return (result, nil, nil) }
    var totals = [Double](repeating: 0, count: 2 * weights)
    for task in 0..<tasks {
      for i in totals.indices { totals[i] += parts[task * 2 * weights + i] }
    }
    return (
      result, Tensor(shape: weight.shape, scalars: totals[weights...].map { Float($0) }),
      Tensor(shape: weight.shape, scalars: totals[..<weights].map { Float($0) })
    )
  }
}
