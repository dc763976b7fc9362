internal import CKernels

extension Tensor {
  /// A convolution, as networks have it (a correlation: the kernel is not turned around):
  /// `[n, c, h, w], [outputs, c / groups, kernel height, kernel width], [outputs] → [n, outputs, h', w']`.
  ///
  ///     yₙₒᵢⱼ = biasₒ + Σ weightₒ꜀ₖₗ · xₙ꜀(i·stride + k·dilation − padding)(j·stride + l·dilation − padding)
  ///
  /// - Parameters:
  ///   - weight: the kernels.
  ///   - bias: added to each output channel.
  ///   - settings: stride, padding, dilation and groups; `outputShape` gives the result's shape.
  ///   - thenReLU: whether negative results become 0.
  ///   - path: how to compute; nil takes the fastest that was measured for such shapes.
  /// - Precondition: the shapes fit, and the path suits the settings.
  public func convolved(
    weight: Tensor, bias: Tensor? = nil, settings: ConvolutionSettings = ConvolutionSettings(),
    thenReLU: Bool = false, path: ConvolutionPath? = nil
  ) -> Tensor {
    let s = ConvolutionShape(input: shape, weight: weight.shape, settings: settings)
    precondition(
      bias == nil || bias!.shape == [weight.shape[0]],
      "convolved: weight \(weight.shape) with bias \(bias.map { "\($0.shape)" } ?? "none")")
    let result = Tensor(uninitialized: settings.outputShape(input: shape, weight: weight.shape))
    let target = SendablePointer(result.freshPointer)
    let ending = ck_direct_ending(
      bias: bias?.pointer, addend: nil, scale: nil, shift: nil, relu: thenReLU ? 1 : 0)
    withExtendedLifetime((self, weight, bias)) {
      switch ConvolutionPath.resolve(path, for: .forward, s) {
      case .winograd:
        let winograd = WinogradConvolution(s, inputGradient: false)
        let transformed = winograd.transformWeights(weight.pointer)
        withExtendedLifetime(transformed) {
          winograd.run(
            images: s.images, x: pointer, gate: nil, weight: transformed.pointer, ending: ending, into: target
          )
        }
      case .unfolded:
        UnfoldedConvolution(s).forward(
          x: pointer, weight: weight.pointer, bias: bias?.pointer, thenReLU: thenReLU, into: target)
      case .direct:
        let correlation = DirectCorrelation.forward(s)
        let packed = correlation.packWeights(weight.pointer, groups: s.groups)
        withExtendedLifetime(packed) {
          correlation.run(
            units: s.units, groups: s.groups, unitsPerTask: s.unitsPerTask(of: s.units), x: pointer,
            gate: nil,
            weight: packed.pointer, ending: ending, into: target)
        }
      }
    }
    return result
  }

  /// The gradient of a convolution with respect to its input: `[n, outputs, h', w'] → [n, c, h, w]`.
  ///
  /// - Parameters:
  ///   - dy: the upstream gradient, shaped as the convolution's output.
  ///   - weight: the kernels.
  ///   - inputShape: the shape of the convolution's input.
  ///   - settings: those of the convolution.
  ///   - gate: shaped as `dy`; where it is not positive, `dy` counts as 0. The output of a fused ReLU belongs here.
  ///   - path: how to compute; nil takes the fastest that was measured for such shapes.
  public static func convolutionInputGradient(
    _ dy: Tensor, weight: Tensor, inputShape: Shape, settings: ConvolutionSettings = ConvolutionSettings(),
    gate: Tensor? = nil, path: ConvolutionPath? = nil
  ) -> Tensor {
    let s = ConvolutionShape(input: inputShape, weight: weight.shape, settings: settings)
    checkUpstream(dy, gate, settings.outputShape(input: inputShape, weight: weight.shape))
    let result = Tensor(uninitialized: inputShape)
    let target = SendablePointer(result.freshPointer)
    withExtendedLifetime((dy, weight, gate)) {
      switch ConvolutionPath.resolve(path, for: .inputGradient, s) {
      case .winograd:
        let winograd = WinogradConvolution(s, inputGradient: true)
        let transformed = winograd.transformWeights(weight.pointer)
        withExtendedLifetime(transformed) {
          winograd.run(
            images: s.images, x: dy.pointer, gate: gate?.pointer, weight: transformed.pointer,
            ending: ck_direct_ending(), into: target)
        }
      case .direct where ScatterGradient.suits(s):
        let scatter = ScatterGradient(s)
        let packed = scatter.packWeights(weight.pointer)
        withExtendedLifetime(packed) {
          scatter.run(
            units: s.units, dy: dy.pointer, gate: gate?.pointer, weight: packed.pointer, into: target)
        }
      case .unfolded:
        UnfoldedConvolution(s).inputGradient(
          dy: dy.pointer, gate: gate?.pointer, weight: weight.pointer, into: target)
      case .direct:
        let correlation = DirectCorrelation.inputGradient(s)
        let packed = correlation.packWeights(weight.pointer, groups: s.groups)
        withExtendedLifetime(packed) {
          correlation.run(
            units: s.units, groups: s.groups, unitsPerTask: s.unitsPerTask(of: s.units), x: dy.pointer,
            gate: gate?.pointer,
            weight: packed.pointer, ending: ck_direct_ending(), into: target)
        }
      }
    }
    return result
  }

  /// The gradient of a convolution with respect to its weight:
  /// `[n, outputs, h', w'], [n, c, h, w] → [outputs, c / groups, kernel height, kernel width]`.
  ///
  /// - Parameters:
  ///   - dy: the upstream gradient, shaped as the convolution's output.
  ///   - input: the convolution's input.
  ///   - weightShape: the shape of the kernels.
  ///   - settings: those of the convolution.
  ///   - gate: shaped as `dy`; where it is not positive, `dy` counts as 0. The output of a fused ReLU belongs here.
  ///   - path: how to compute; nil takes the fastest that was measured for such shapes.
  public static func convolutionWeightGradient(
    _ dy: Tensor, input: Tensor, weightShape: Shape, settings: ConvolutionSettings = ConvolutionSettings(),
    gate: Tensor? = nil, path: ConvolutionPath? = nil
  ) -> Tensor {
    let s = ConvolutionShape(input: input.shape, weight: weightShape, settings: settings)
    checkUpstream(dy, gate, settings.outputShape(input: input.shape, weight: weightShape))
    let result = Tensor(uninitialized: weightShape)
    let target = SendablePointer(result.freshPointer)
    withExtendedLifetime((dy, input, gate)) {
      switch ConvolutionPath.resolve(path, for: .weightGradient, s) {
      case .winograd:
        WinogradConvolution(s, inputGradient: false).weightGradient(
          images: s.images, x: input.pointer, dy: dy.pointer, gate: gate?.pointer, into: target)
      case .unfolded:
        UnfoldedConvolution(s).weightGradient(
          x: input.pointer, dy: dy.pointer, gate: gate?.pointer, into: target)
      case .direct:
        DirectWeightGradient(s, gated: gate != nil).run(
          x: input.pointer, dy: dy.pointer, gate: gate?.pointer, into: target)
      }
    }
    return result
  }

  /// The gradient of a convolution with respect to its bias, the sum over images and pixels:
  /// `[n, outputs, h', w'] → [outputs]`. Accumulates in `Double`.
  ///
  /// - Parameters:
  ///   - dy: the upstream gradient.
  ///   - gate: shaped as `dy`; where it is not positive, `dy` counts as 0.
  public static func convolutionBiasGradient(_ dy: Tensor, gate: Tensor? = nil) -> Tensor {
    precondition(dy.rank == 4, "convolutionBiasGradient: expected [n, outputs, h, w], got \(dy.shape)")
    checkUpstream(dy, gate, dy.shape)
    let (images, channels, plane) = (dy.shape[0], dy.shape[1], dy.shape[2] * dy.shape[3])
    let chunks = Swift.max(1, Swift.min(16, images))
    var sums = [Double](repeating: 0, count: chunks * channels)
    sums.withUnsafeMutableBufferPointer { sums in
      let sums = SendablePointer(sums.baseAddress!)
      withExtendedLifetime((dy, gate)) {
        ThreadPool.run(tasks: chunks) { chunk in
          for image in (chunk * images / chunks)..<((chunk + 1) * images / chunks) {
            let place = image * channels * plane
            ck_add_plane_sums(
              dy.pointer + place, gate.map { $0.pointer + place }, channels, plane,
              sums.pointer + chunk * channels)
          }
        }
      }
    }
    var totals = [Float](repeating: 0, count: channels)
    for channel in 0..<channels {
      var total = 0.0
      for chunk in 0..<chunks { total += sums[chunk * channels + channel] }
      totals[channel] = Float(total)
    }
    return Tensor(totals)
  }
}

private func checkUpstream(_ dy: Tensor, _ gate: Tensor?, _ expected: Shape) {
  precondition(dy.shape == expected, "convolution gradient: upstream \(dy.shape) for an output \(expected)")
  precondition(
    gate == nil || gate!.shape == expected, "convolution gradient: gate \(gate!.shape) for \(expected)")
}
