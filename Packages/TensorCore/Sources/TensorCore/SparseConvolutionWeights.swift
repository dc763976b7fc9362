internal import CKernels

/// A convolution's weight of which most elements are zero. Only the others are kept, as lists of taps in the order in
/// which the kernel reads them; packed once, for images of any size.
///
/// A masked weight is such a tensor: `SparseConvolutionWeights(weight, settings: settings)`.
public struct SparseConvolutionWeights: Sendable {
  private struct Group: Sendable {
    var shape: ck_sparse_shape
    let starts: FixedArray<UInt32>
    let taps: FixedArray<ck_sparse_tap>
  }

  /// `[outputs, inputs / groups, kernel height, kernel width]`, zeros counted.
  public let shape: Shape
  /// Stride, padding, dilation and groups.
  public let settings: ConvolutionSettings
  /// How many elements are not zero.
  public let nonzeroCount: Int
  private let groups: [Group]

  /// Packs the elements of a dense weight that are not zero.
  ///
  /// - Parameter weight: `[outputs, inputs / groups, kernel height, kernel width]`.
  /// - Precondition: rank 4, not empty, and the groups divide the outputs.
  public init(_ weight: Tensor, settings: ConvolutionSettings) {
    precondition(
      weight.rank == 4 && weight.count > 0 && weight.shape[0] % settings.groups == 0,
      "SparseConvolutionWeights: weight \(weight.shape) in \(settings.groups) groups")
    shape = weight.shape
    self.settings = settings
    let (outputs, inputs) = (weight.shape[0] / settings.groups, weight.shape[1])
    let count = outputs * inputs * weight.shape[2] * weight.shape[3]
    var shape = ck_sparse_shape()
    (shape.inputs, shape.outputs) = (inputs, outputs)
    (shape.unit_inputs, shape.unit_outputs) = (inputs * settings.groups, weight.shape[0])
    (shape.kernel_height, shape.kernel_width) = (weight.shape[2], weight.shape[3])
    (shape.stride_height, shape.stride_width) = (settings.stride.height, settings.stride.width)
    (shape.dilation_height, shape.dilation_width) = (settings.dilation.height, settings.dilation.width)
    (shape.padding_height, shape.padding_width) = (settings.padding.height, settings.padding.width)
    shape.group_channels = ck_sparse_group_channels(&shape)
    let visits = (inputs + shape.group_channels - 1) / shape.group_channels
    groups = withExtendedLifetime(weight) {
      (0..<settings.groups).map { group in
        let values = UnsafeBufferPointer(start: weight.pointer + group * count, count: count)
        let nonzero = values.reduce(0) { $1 == 0 ? $0 : $0 + 1 }
        var starts = [UInt32](repeating: 0, count: visits * outputs + 1)
        var taps = [ck_sparse_tap](repeating: ck_sparse_tap(), count: nonzero)
        ck_sparse_pack(&shape, values.baseAddress!, &starts, &taps)
        return Group(shape: shape, starts: FixedArray(starts), taps: FixedArray(taps))
      }
    }
    nonzeroCount = groups.reduce(0) { $0 + $1.taps.count }
  }

  /// The share of the elements that are zero, from 0 to 1.
  public var sparsity: Double { 1 - Double(nonzeroCount) / Double(shape.count) }

  /// The convolution of images `[n, c, height, width]` that lie at x, with the ending, to y.
  func run(
    x: UnsafePointer<Float>, input: Shape, ending: ck_direct_ending, into y: SendablePointer<Float>
  ) {
    let output = settings.outputShape(input: input, weight: shape)
    let (inputPlane, outputPlane) = (input[2] * input[3], output[2] * output[3])
    if output.count == 0 { return }
    for (number, group) in groups.enumerated() {
      var shape = group.shape
      (shape.height, shape.width) = (input[2], input[3])
      (shape.output_height, shape.output_width) = (output[2], output[3])
      let from = x + number * shape.inputs * inputPlane
      let first = number * shape.outputs
      let target = SendablePointer(y.pointer + first * outputPlane)
      let part = ck_direct_ending(
        bias: ending.bias.map { $0 + first }, addend: ending.addend.map { $0 + first * outputPlane },
        scale: ending.scale.map { $0 + first }, shift: ending.shift.map { $0 + first }, relu: ending.relu)
      run(group, shape, from, images: input[0], part, into: target)
    }
  }

  private func run(
    _ group: Group, _ shape: ck_sparse_shape, _ x: UnsafePointer<Float>, images: Int,
    _ ending: ck_direct_ending,
    into y: SendablePointer<Float>
  ) {
    withUnsafePointer(to: shape) { shape in
      let blocks = ck_sparse_blocks(shape, images)
      let outputs = shape.pointee.outputs
      // Few blocks: the outputs are shared out as well, and each share packs the input for itself. No sum depends on it.
      let threads = ThreadPool.idleThreadCount
      let shares = blocks % threads == 0 || blocks >= 4 * threads ? 1 : min(threads, outputs)
      let work = (SendablePointer(UnsafeMutablePointer(mutating: shape)), ending)
      ThreadPool.run(tasks: blocks * shares) { task in
        let share = task % shares
        let range = (share * outputs / shares)..<((share + 1) * outputs / shares)
        let count = ck_sparse_scratch(work.0.pointer, range.count)
        let scratch = ck_buffer_take(count)!
        defer { ck_buffer_return(scratch, count) }
        withUnsafePointer(to: work.1) { ending in
          ck_sparse(
            work.0.pointer, x, images, group.starts.base, group.taps.base, ending, task / shares,
            range.lowerBound, range.count, y.pointer, scratch)
        }
      }
    }
  }
}

extension Tensor {
  /// A convolution with a sparse weight: `[n, c, h, w] → [n, outputs, h', w']`; see `convolved(weight:bias:settings:)`.
  ///
  /// Products with zero weights are left out, also those with infinity and NaN. A sum has the same bits in every batch
  /// and on any number of threads.
  ///
  /// - Parameters:
  ///   - bias: added to each output channel.
  ///   - thenReLU: whether negative results become 0.
  public func convolved(
    weight: SparseConvolutionWeights, bias: Tensor? = nil, thenReLU: Bool = false
  ) -> Tensor {
    precondition(
      bias == nil || bias!.shape == [weight.shape[0]],
      "convolved: weight \(weight.shape) with bias \(bias.map { "\($0.shape)" } ?? "none")")
    let result = Tensor(uninitialized: weight.settings.outputShape(input: shape, weight: weight.shape))
    withExtendedLifetime((self, bias)) {
      weight.run(
        x: pointer, input: shape,
        ending: ck_direct_ending(
          bias: bias?.pointer, addend: nil, scale: nil, shift: nil, relu: thenReLU ? 1 : 0),
        into: SendablePointer(result.freshPointer))
    }
    return result
  }
}
