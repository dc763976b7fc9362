internal import CKernels

/// A convolution with fixed weights for images of one size: tables made and weights packed once, for one pass.
final class PreparedConvolution: Sendable {
  private enum Algorithm: Sendable {
    /// With the same for several images at once, where that pays.
    case direct(DirectCorrelation, ImageLaneCorrelation?, Tensor)
    case scatter(ScatterGradient, Tensor)
    case winograd(WinogradConvolution, Tensor)
    case sparse(SparseConvolutionWeights)
  }

  private let s: ConvolutionShape
  private let algorithm: Algorithm
  private let result: Shape

  /// - Parameters:
  ///   - image: `[c, h, w]`, the convolution's input without the batch.
  ///   - pass: forward or input gradient.
  ///   - execution: how the forward pass is computed; gradients are always `dense`.
  init(
    weight: Tensor, settings: ConvolutionSettings, image: Shape, pass: ConvolutionPass,
    execution: WeightExecution
  ) {
    precondition(pass != .weightGradient, "PreparedConvolution: weights are fixed")
    let input = image.inserting(axis: 0)
    let s = ConvolutionShape(input: input, weight: weight.shape, settings: settings)
    self.s = s
    result = pass == .forward ? settings.outputShape(input: input, weight: weight.shape) : input
    let wanted: ConvolutionPath? =
      switch execution {
      case .direct where pass == .forward: .direct
      case .winograd where pass == .forward: .winograd
      default: nil
      }
    if execution == .sparse && pass == .forward {
      algorithm = .sparse(SparseConvolutionWeights(weight, settings: settings))
    } else if ConvolutionPath.resolve(wanted, for: pass, s) == .winograd {
      let winograd = WinogradConvolution(s, inputGradient: pass == .inputGradient)
      algorithm = .winograd(winograd, winograd.transformWeights(weight.pointer))
    } else if pass == .inputGradient && ScatterGradient.suits(s) {
      let scatter = ScatterGradient(s)
      algorithm = .scatter(scatter, scatter.packWeights(weight.pointer))
    } else {
      let direct = pass == .forward ? DirectCorrelation.forward(s) : .inputGradient(s)
      var together: ImageLaneCorrelation?
      if ImageLaneCorrelation.suits(s, pass: pass) {
        together = pass == .forward ? .forward(s) : .inputGradient(s)
      }
      algorithm = .direct(direct, together, direct.packWeights(weight.pointer, groups: s.groups))
    }
  }

  /// The convolution of a batch or its gradient: `[n, …]`. The ending's parts may be nil; `addend` has the result's
  /// shape.
  func callAsFunction(
    _ x: Tensor, gate: Tensor? = nil, bias: Tensor? = nil, addend: Tensor? = nil, thenReLU: Bool = false,
    scale: Tensor? = nil, shift: Tensor? = nil
  ) -> Tensor {
    let images = x.shape[0]
    let y = Tensor(uninitialized: result.replacing(axis: 0, with: images))
    let target = SendablePointer(y.freshPointer)
    let ending = ck_direct_ending(
      bias: bias?.pointer, addend: addend?.pointer, scale: scale?.pointer, shift: shift?.pointer,
      relu: thenReLU ? 1 : 0)
    let units = images * s.groups
    withExtendedLifetime((x, gate, bias, addend, scale, shift)) {
      switch algorithm {
      case .direct(_, let together?, let weight)
      where addend == nil && images >= ImageLaneCorrelation.fewestImages:
        together.run(
          images: images, x: x.pointer, gate: gate?.pointer, weight: weight.pointer, ending: ending,
          into: target)
      case .direct(let direct, _, let weight):
        direct.run(
          units: units, groups: s.groups, unitsPerTask: s.unitsPerTask(of: units), x: x.pointer,
          gate: gate?.pointer, weight: weight.pointer, ending: ending, into: target)
      case .scatter(let scatter, let weight):
        if let addend { target.pointer.update(from: addend.pointer, count: y.count) }
        scatter.run(
          units: units, dy: x.pointer, gate: gate?.pointer, weight: weight.pointer, adds: addend != nil,
          into: target)
      case .winograd(let winograd, let weight):
        winograd.run(
          images: images, x: x.pointer, gate: gate?.pointer, weight: weight.pointer, ending: ending,
          into: target)
      case .sparse(let weight): weight.run(x: x.pointer, input: x.shape, ending: ending, into: target)
      }
    }
    return y
  }
}
