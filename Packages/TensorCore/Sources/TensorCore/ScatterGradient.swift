internal import CKernels

/// The gradient of an unpadded convolution with respect to its input, by scattering. Gathering would compute every input
/// pixel from a whole kernel's worth of upstream pixels, many of which lie outside the output: more than half for a 5×5
/// kernel over a 12×12 image.
struct ScatterGradient: Sendable {
  private let s: ConvolutionShape
  private let targets: [Int]
  private let places: [Int32]
  private let corners: [Int32]
  private let isNarrow: Bool

  /// Whether this way suits the shape, and gathering wastes enough for it to pay.
  static func suits(_ s: ConvolutionShape) -> Bool {
    s.settings.stride == 1 && s.settings.padding == 0 && s.outputPlane > 0
      && s.outputWidth % DirectCorrelation.lanes(width: s.outputWidth) == 0
      && 4 * s.height * s.width >= 5 * s.outputPlane
  }

  init(_ s: ConvolutionShape) {
    self.s = s
    let lanes = DirectCorrelation.lanes(width: s.outputWidth)
    isNarrow = lanes < ck_lanes()
    targets = (0..<(s.inputs * s.kernel.height)).map {
      ($0 / s.kernel.height * s.height + $0 % s.kernel.height * s.settings.dilation.height) * s.width
    }
    let corners = (0..<s.outputHeight).flatMap { row in
      stride(from: 0, to: s.outputWidth, by: lanes).map { (row, $0) }
    }
    places = corners.map { Int32($0.0 * s.outputWidth + $0.1) }
    self.corners = corners.map { Int32($0.0 * s.width + $0.1) }
  }

  private var weightCount: Int { s.outputs * s.taps }

  /// Weights ready for `run`: `[group][kernel column][block of taps][output][tap]`.
  func packWeights(_ weight: UnsafePointer<Float>) -> Tensor {
    let packed = Tensor(uninitialized: [s.groups * weightCount])
    let target = SendablePointer(packed.freshPointer)
    let outputs = (0..<s.outputs).map { $0 * s.taps }
    let taps = s.inputs * s.kernel.height
    for group in 0..<s.groups {
      for column in 0..<s.kernel.width {
        ck_pack_weights(
          weight + group * weightCount + column, taps, s.kernel.width, outputs, s.outputs,
          target.pointer + group * weightCount + column * taps * s.outputs)
      }
    }
    return packed
  }

  /// Computes all units; `gate` closes the upstream gradient where it is not positive.
  ///
  /// - Parameter adds: whether the gradient is added to what `dx` holds.
  func run(
    units: Int, dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?, weight: UnsafePointer<Float>,
    adds: Bool = false, into dx: SendablePointer<Float>
  ) {
    ThreadPool.run(count: units, inChunksOf: s.unitsPerTask(of: units)) { range in
      let gated = ck_buffer_take(s.outputUnit)!
      defer { ck_buffer_return(gated, s.outputUnit) }
      for unit in range {
        run(
          dy: dy + unit * s.outputUnit, gate: gate.map { $0 + unit * s.outputUnit },
          weight: weight + unit % s.groups * weightCount, adds: adds, into: dx.pointer + unit * s.inputUnit,
          gated: gated)
      }
    }
  }

  /// Computes one unit; `gated` is scratch as large as its upstream gradient.
  private func run(
    dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?, weight: UnsafePointer<Float>, adds: Bool,
    into dx: UnsafeMutablePointer<Float>, gated: UnsafeMutablePointer<Float>
  ) {
    if !adds { dx.update(repeating: 0, count: s.inputUnit) }
    var upstream = dy
    if let gate {
      ck_binary(ck_where_positive, dy, 1, gate, 1, gated, s.outputUnit)
      upstream = UnsafePointer(gated)
    }
    targets.withUnsafeBufferPointer { targets in
      places.withUnsafeBufferPointer { places in
        corners.withUnsafeBufferPointer { corners in
          var shape = ck_scatter_shape(
            channels: s.outputs, dy_plane: s.outputPlane, taps: targets.count, kernel_width: s.kernel.width,
            column: s.settings.dilation.width, target: targets.baseAddress, vectors: places.count,
            place: places.baseAddress, corner: corners.baseAddress, narrow: isNarrow ? 1 : 0)
          ck_direct_scatter(&shape, upstream, weight, dx)
        }
      }
    }
  }
}
