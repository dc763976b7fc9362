extension ConvolutionPath {
  /// The fastest path that was measured for such shapes.
  ///
  /// - Parameters:
  ///   - pass: what is computed.
  ///   - input: `[n, c, h, w]`.
  ///   - weight: `[outputs, c / groups, kernel height, kernel width]`.
  ///   - settings: those of the convolution.
  public static func chosen(
    for pass: ConvolutionPass, input: Shape, weight: Shape, settings: ConvolutionSettings
  ) -> ConvolutionPath {
    resolve(nil, for: pass, ConvolutionShape(input: input, weight: weight, settings: settings))
  }

  /// The wanted path, or the one that was fastest for such shapes on one core (`make bench ROWS='kernel*'`).
  static func resolve(
    _ wanted: ConvolutionPath?, for pass: ConvolutionPass, _ s: ConvolutionShape
  ) -> ConvolutionPath {
    if let wanted {
      precondition(
        wanted != .winograd || WinogradConvolution.suits(s, pass: pass),
        "convolution: winograd takes 3×3 kernels with stride 1 and padding up to 2, without dilation and groups; "
          + "got a kernel of \(s.kernel), \(s.settings)")
      return wanted
    }
    let isWide = min(s.inputs, s.outputs) >= 16 && s.inputs + s.outputs >= 64
    if isWide && min(s.outputHeight, s.outputWidth) >= 2 && WinogradConvolution.suits(s, pass: pass) {
      return .winograd
    }
    // Rows of four and fewer pixels leave most of a vector empty; side by side, images fill it.
    return s.outputWidth <= 4 ? .unfolded : .direct
  }
}
