internal import CKernels

/// F(4×4, 3×3) for the three passes of a convolution with a 3×3 kernel, stride 1, no dilation and no groups.
struct WinogradConvolution: Sendable {
  private let shape: ck_winograd_shape
  private let isGradient: Bool
  /// Output pixels of a task come from about this many tiles, a multiple of the six that a product takes at once.
  private static let tilesPerTask = 24

  /// Whether this algorithm can compute the pass.
  static func suits(_ s: ConvolutionShape, pass: ConvolutionPass) -> Bool {
    s.kernel == 3 && s.settings.stride == 1 && s.settings.dilation == 1 && s.groups == 1
      && max(s.settings.padding.height, s.settings.padding.width) <= 2
      && min(s.inputs, s.outputs, s.outputPlane, s.height * s.width) > 0
  }

  /// The forward pass, or, with upstream gradient and input in each other's place, the gradient with respect to the
  /// input, which is a convolution with the kernel turned around.
  init(_ s: ConvolutionShape, inputGradient: Bool) {
    let padding = s.settings.padding
    isGradient = inputGradient
    var shape =
      inputGradient
      ? ck_winograd_shape(
        inputs: s.outputs, outputs: s.inputs, height: s.outputHeight, width: s.outputWidth,
        output_height: s.height, output_width: s.width, top: 2 - padding.height, left: 2 - padding.width,
        tile_rows: 0, tile_columns: 0)
      : ck_winograd_shape(
        inputs: s.inputs, outputs: s.outputs, height: s.height, width: s.width, output_height: s.outputHeight,
        output_width: s.outputWidth, top: padding.height, left: padding.width, tile_rows: 0, tile_columns: 0)
    shape.tile_rows = (shape.output_height + 3) / 4
    shape.tile_columns = (shape.output_width + 3) / 4
    self.shape = shape
  }

  /// Weights `[outputs, inputs, 3, 3]` transformed for `run`.
  func transformWeights(_ weight: UnsafePointer<Float>) -> Tensor {
    let (inputs, outputs) = (shape.inputs, shape.outputs)
    let transformed = Tensor(uninitialized: [ck_winograd_weight_count(inputs, outputs)])
    let target = SendablePointer(transformed.freshPointer)
    let strides = isGradient ? (input: outputs * 9, output: 9) : (input: 9, output: inputs * 9)
    ThreadPool.run(count: inputs, inChunksOf: max(1, 2048 / outputs)) { range in
      ck_winograd_weights(
        weight, inputs, outputs, strides.input, strides.output, isGradient ? 1 : 0, range.lowerBound,
        range.count, target.pointer)
    }
    return transformed
  }

  /// Computes all images with transformed weights; `gate` closes the input where it is not positive.
  func run(
    images: Int, x: UnsafePointer<Float>, gate: UnsafePointer<Float>?, weight: UnsafePointer<Float>,
    ending: ck_direct_ending, into y: SendablePointer<Float>
  ) {
    if images == 0 { return }
    let total = images * shape.tile_rows
    let rows = min(total, max(1, Self.tilesPerTask / shape.tile_columns))
    let panels = ck_winograd_panels(shape.outputs)
    let blocks = (total + rows - 1) / rows
    // Few tiles: the output channels are shared out as well, and each share transforms the input for itself.
    let shares = min(panels, max(1, 8 / blocks))
    ThreadPool.run(tasks: blocks * shares) { task in
      let first = task / shares * rows
      let share = task % shares
      run(
        rows: first..<min(total, first + rows),
        panels: (share * panels / shares)..<((share + 1) * panels / shares),
        x: x, gate: gate, weight: weight, ending: ending, into: y.pointer)
    }
  }

  /// Computes some rows of tiles, counted through all images, for some panels of output channels.
  func run(
    rows: Range<Int>, panels: Range<Int>, x: UnsafePointer<Float>, gate: UnsafePointer<Float>?,
    weight: UnsafePointer<Float>, ending: ck_direct_ending, into y: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: shape) { shape in
      let count = ck_winograd_scratch(shape, rows.count, panels.count)
      let scratch = ck_buffer_take(count)!
      defer { ck_buffer_return(scratch, count) }
      withUnsafePointer(to: ending) { ending in
        ck_winograd(
          shape, x, gate, weight, ending, rows.lowerBound, rows.count, panels.lowerBound, panels.count, y,
          scratch)
      }
    }
  }

  /// The gradient with respect to the weight, `[outputs, inputs, 3, 3]`.
  func weightGradient(
    images: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?,
    into dw: SendablePointer<Float>
  ) {
    withUnsafePointer(to: shape) { shape in
      let shape = UnsafeMutablePointer(mutating: shape)
      let columns = self.shape.tile_columns
      let total = images * self.shape.tile_rows
      // As many tiles at a time as fill some megabytes: their products are added up one batch of tiles after the other.
      let most = (8 << 20) / (36 * 4 * (self.shape.inputs + self.shape.outputs)) / columns
      let rows = min(total, max(1, most))
      let counts = (
        input: ck_winograd_input_count(shape, rows), upstream: ck_winograd_upstream_count(shape, rows),
        sums: ck_winograd_sums_count(shape), turned: ck_winograd_turned_count(shape)
      )
      let all = counts.input + counts.upstream + counts.sums
      let scratch = SendablePointer(ck_buffer_take(all)!)
      defer { ck_buffer_return(scratch.pointer, all) }
      let upstream = scratch.pointer + counts.input
      let sums = SendablePointer(upstream + counts.upstream)
      let tiles = SendablePointer(upstream)
      let work = SendablePointer(shape)
      let rowsPerTask = max(1, Self.tilesPerTask / columns)
      for first in stride(from: 0, to: total, by: rows) {
        let count = min(rows, total - first)
        ThreadPool.run(count: count, inChunksOf: rowsPerTask) { range in
          let turned = ck_buffer_take(counts.turned)!
          defer { ck_buffer_return(turned, counts.turned) }
          ck_winograd_input(
            work.pointer, x, first, count, range.lowerBound, range.upperBound, scratch.pointer, turned)
          ck_winograd_upstream(
            work.pointer, dy, gate, first, count, range.lowerBound, range.upperBound, tiles.pointer, turned)
        }
        ThreadPool.run(tasks: 36) { number in
          ck_winograd_sums(
            work.pointer, scratch.pointer, tiles.pointer, count, number, first > 0 ? 1 : 0, sums.pointer)
        }
      }
      ThreadPool.run(count: self.shape.inputs, inChunksOf: max(1, 2048 / self.shape.outputs)) { range in
        ck_winograd_weight_gradient(work.pointer, sums.pointer, range.lowerBound, range.count, dw.pointer)
      }
    }
  }
}
