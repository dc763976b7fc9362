internal import CKernels

/// A correlation of several images at once: a vector holds the same pixel of as many images as it has lanes. However narrow
/// a row is, no lane is left over at its end, and pixels of a vector need not be neighbours, so that strides cost nothing.
///
/// Every sum adds its taps as `DirectCorrelation` does: the same bits.
// The C structures inside hold no addresses while they are kept.
struct ImageLaneCorrelation: @unchecked Sendable {
  private var parts: [DirectCorrelation.Part] = []
  private let channels: Int
  /// What the taps meet: channels, rows and columns of an image.
  private let inputs: Int, height: Int, width: Int
  /// The same with zeros around it.
  private let rows: Int, columns: Int
  private let top: Int, left: Int
  private let outputUnit: Int

  /// Whether this way suits the shape: where a row leaves lanes over or a stride parts its pixels, and several images fit
  /// into the second cache.
  static func suits(_ s: ConvolutionShape, pass: ConvolutionPass) -> Bool {
    let isAwkward = s.settings.stride != 1 || pass == .forward && s.outputWidth < 8
    return isAwkward && s.groups == 1 && (s.inputUnit + s.outputUnit) * ck_lanes() <= 1 << 17
  }

  /// Fewer images are computed one by one.
  static var fewestImages: Int { ck_lanes() / 2 }

  /// The forward pass.
  static func forward(_ s: ConvolutionShape) -> ImageLaneCorrelation { ImageLaneCorrelation(s) }

  /// The gradient with respect to the input.
  static func inputGradient(_ s: ConvolutionShape) -> ImageLaneCorrelation {
    ImageLaneCorrelation(gradientOf: s)
  }

  private init(_ s: ConvolutionShape) {
    (channels, outputUnit) = (s.outputs, s.outputUnit)
    (inputs, height, width) = (s.inputs, s.height, s.width)
    let (stride, padding, dilation) = (s.settings.stride, s.settings.padding, s.settings.dilation)
    (top, left) = (padding.height, padding.width)
    (rows, columns) = (s.height + 2 * top, s.width + 2 * left)
    var part = DirectCorrelation.Part()
    part.weights = Array(0..<s.taps)
    for channel in 0..<s.inputs {
      for y in 0..<s.kernel.height {
        for x in 0..<s.kernel.width {
          part.taps.append(place(channel, y * dilation.height, x * dilation.width))
        }
      }
    }
    part.setPixels(rows: s.outputHeight, columns: s.outputWidth) { row, column in
      (place(0, row * stride.height, column * stride.width), row * s.outputWidth + column)
    }
    part.plane = s.outputPlane * ck_lanes()
    parts = [part]
  }

  private init(gradientOf s: ConvolutionShape) {
    (channels, outputUnit) = (s.inputs, s.inputUnit)
    (inputs, height, width) = (s.outputs, s.outputHeight, s.outputWidth)
    let (down, across) = DirectCorrelation.gradientPhases(s)
    (top, rows) = DirectCorrelation.margins(down)
    (left, columns) = DirectCorrelation.margins(across)
    let stride = s.settings.stride
    for (rowPhase, down) in down.enumerated() where down.count > 0 {
      for (columnPhase, across) in across.enumerated() {
        var part = DirectCorrelation.Part()
        for channel in 0..<s.outputs {
          for y in down.elements {
            for x in across.elements {
              part.taps.append(place(channel, top + y.shift, left + x.shift))
              part.weights.append(channel * s.taps + y.element * s.kernel.width + x.element)
            }
          }
        }
        part.setPixels(rows: down.count, columns: across.count) { row, column in
          (
            place(0, row, column),
            (row * stride.height + rowPhase) * s.width + column * stride.width + columnPhase
          )
        }
        part.plane = s.height * s.width * ck_lanes()
        parts.append(part)
      }
    }
  }

  private func place(_ channel: Int, _ row: Int, _ column: Int) -> Int {
    ((channel * rows + row) * columns + column) * ck_lanes()
  }

  /// Computes all images: `gate` closes the input where it is not positive. The weights are `DirectCorrelation`'s.
  func run(
    images: Int, x: UnsafePointer<Float>, gate: UnsafePointer<Float>?, weight: UnsafePointer<Float>,
    ending: ck_direct_ending, into y: SendablePointer<Float>
  ) {
    let lanes = ck_lanes()
    let packed = inputs * rows * columns * lanes
    let chunks = (images + lanes - 1) / lanes
    ThreadPool.run(tasks: chunks) { chunk in
      let (first, end) = (chunk * images / chunks, (chunk + 1) * images / chunks)
      let unit = inputs * height * width
      // the results' place serves packing first
      let size = packed + max(unit, outputUnit) * lanes
      let scratch = ck_buffer_take(size)!
      defer { ck_buffer_return(scratch, size) }
      pack(
        x + first * unit, gate.map { $0 + first * unit }, images: end - first, into: scratch,
        by: scratch + packed)
      var (weight, ending) = (weight, ending)
      for part in parts {
        part.run(
          scratch, weight: weight, ending: &ending, channels: channels,
          blocks: 0..<ck_direct_blocks(channels),
          into: scratch + packed)
        weight += channels * part.weights.count
      }
      ck_lanes_to_images(
        scratch + packed, end - first, outputUnit, outputUnit, y.pointer + first * outputUnit)
    }
  }

  /// Lays images out as lanes, with zeros around them.
  ///
  /// - Parameter turned: room for all images as lanes without zeros.
  private func pack(
    _ x: UnsafePointer<Float>, _ gate: UnsafePointer<Float>?, images: Int,
    into packed: UnsafeMutablePointer<Float>, by turned: UnsafeMutablePointer<Float>
  ) {
    let unit = inputs * height * width
    let lanes = ck_lanes()
    if rows == height && columns == width {
      ck_images_to_lanes(x, gate, images, unit, unit, packed)
      return
    }
    packed.update(repeating: 0, count: inputs * rows * columns * lanes)
    // pixels that no tap meets have no place
    let count = min(width, columns - left)
    // rows shorter than a vector fill no square of pixels and images: all rows are turned at once, then put in their places
    let isShort = count < lanes
    if isShort { ck_images_to_lanes(x, gate, images, unit, unit, turned) }
    for channel in 0..<inputs {
      for row in 0..<min(height, rows - top) {
        let from = (channel * height + row) * width
        let to = packed + place(channel, top + row, left)
        if isShort {
          to.update(from: turned + from * lanes, count: count * lanes)
        } else {
          ck_images_to_lanes(x + from, gate.map { $0 + from }, images, unit, count, to)
        }
      }
    }
  }
}

extension DirectCorrelation.Part {
  /// A vector for each pixel: where its taps begin, and which pixel of the output plane it is.
  fileprivate mutating func setPixels(
    rows: Int, columns: Int, _ place: (_ row: Int, _ column: Int) -> (from: Int, to: Int)
  ) {
    lanes = ck_lanes()
    for row in 0..<rows {
      for column in 0..<columns {
        let (from, to) = place(row, column)
        places.append(Int32(from))
        targets.append(Int32(to * lanes))
      }
    }
  }
}
