/// How a convolution's kernel moves over an image.
public struct ConvolutionSettings: Hashable, Sendable {
  /// Pixels from one output to the next.
  public var stride: Extent
  /// Zeros around the image, on each side.
  public var padding: Extent
  /// Pixels from one kernel element to the next.
  public var dilation: Extent
  /// Into how many groups the channels are cut; outputs of a group see inputs of that group only.
  public var groups: Int

  /// Settings; the defaults are a dense convolution at every place where the kernel lies inside the image.
  ///
  /// - Precondition: stride, dilation and groups are positive, padding is not negative.
  public init(stride: Extent = 1, padding: Extent = 0, dilation: Extent = 1, groups: Int = 1) {
    precondition(
      min(stride.height, stride.width, dilation.height, dilation.width, groups) > 0
        && min(padding.height, padding.width) >= 0,
      "ConvolutionSettings: stride \(stride), padding \(padding), dilation \(dilation), groups \(groups)")
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// The shape of the output, `[n, outputs, height, width]`, each side
  /// `(side + 2·padding − dilation·(kernel − 1) − 1) / stride + 1`, rounded down.
  ///
  /// - Precondition: input `[n, c, h, w]` and weight `[outputs, c / groups, kernel height, kernel width]` fit each other
  ///   and the padded image is no smaller than the kernel.
  public func outputShape(input: Shape, weight: Shape) -> Shape {
    precondition(
      input.rank == 4 && weight.rank == 4,
      "convolved: input \(input) and weight \(weight) are not both rank 4")
    precondition(
      input[1] == weight[1] * groups && weight[0] % groups == 0,
      "convolved: input \(input) with weight \(weight) and \(groups) groups")
    precondition(weight[2] > 0 && weight[3] > 0, "convolved: weight \(weight) has no elements")
    let reach = Extent(
      height: dilation.height * (weight[2] - 1) + 1, width: dilation.width * (weight[3] - 1) + 1)
    let room = Extent(
      height: input[2] + 2 * padding.height - reach.height, width: input[3] + 2 * padding.width - reach.width)
    precondition(
      room.height >= 0 && room.width >= 0,
      "convolved: a kernel that spans \(reach) over an image of \(input[2])×\(input[3]) padded by \(padding)")
    return [input[0], weight[0], room.height / stride.height + 1, room.width / stride.width + 1]
  }
}

/// What a convolution computes.
public enum ConvolutionPass: String, Hashable, Sendable, CaseIterable {
  /// The output from input and weight.
  case forward
  /// The gradient with respect to the input.
  case inputGradient
  /// The gradient with respect to the weight.
  case weightGradient
}

/// The ways to compute a convolution. Results differ in the last digits only.
public enum ConvolutionPath: String, Hashable, Sendable, CaseIterable {
  /// Sums over taps in registers; works for every setting.
  case direct
  /// F(4×4, 3×3): Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. For 3×3 kernels with
  /// stride 1 and no dilation; a quarter of the multiplications, rounding errors about ten times those of `direct`.
  case winograd
  /// The image's patches as a matrix, times the weights as another.
  case unfolded
}
