import TensorCore

extension Variable {
  /// A convolution: `[n, c, h, w], [outputs, c / groups, kernel height, kernel width], [outputs] → [n, outputs, h', w']`;
  /// the formula stands at `Tensor.convolved`.
  ///
  /// - Parameters:
  ///   - weight: the kernels.
  ///   - bias: added to each output channel.
  ///   - settings: stride, padding, dilation and groups.
  ///   - thenReLU: whether negative results become 0; the gradient at 0 is 0.
  public func convolved(
    weight: Variable, bias: Variable? = nil, settings: ConvolutionSettings = ConvolutionSettings(),
    thenReLU: Bool = false
  ) -> Variable {
    let (x, w) = (value, weight.value)
    let y = x.convolved(weight: w, bias: bias?.value, settings: settings, thenReLU: thenReLU)
    let gate = thenReLU ? y : nil
    return .recorded(
      "convolved", y,
      from: (
        self,
        { dy in
          .convolutionInputGradient(dy, weight: w, inputShape: x.shape, settings: settings, gate: gate)
        }
      ),
      (
        weight,
        { dy in
          .convolutionWeightGradient(dy, input: x, weightShape: w.shape, settings: settings, gate: gate)
        }
      ),
      (bias ?? Variable(0), { dy in .convolutionBiasGradient(dy, gate: gate) })
    ).endingInReLU(thenReLU)
  }
}
