internal import CKernels

/// Tables for the direct kernel: the forward pass of a convolution, or its gradient with respect to the input, which is
/// a correlation too: with the upstream gradient as the image, the kernel turned around, and one part for each phase of
/// the stride.
// The C structures inside hold no addresses while they are kept.
struct DirectCorrelation: @unchecked Sendable {
  /// Outputs at every stride-th pixel: all of them in the forward pass.
  struct Part {
    var taps: [Int] = []
    /// Where each tap's weight for channel 0 lies in a group's weights.
    var weights: [Int] = []
    var places: [Int32] = []
    var targets: [Int32] = []
    var lanes = 0
    var isNarrow = false
    /// Pixels of an output channel.
    var plane = 0
    /// The one channel can be computed by bands of rows; `taps` are then columns of the kernel.
    var band: ck_band_shape?
  }
  /// The parts of one row phase and how they go into the whole; the column phases follow each other in `parts`, nil for
  /// one without pixels or taps.
  private struct Spread {
    var shape: ck_spread_shape
    var parts: [Int?]
  }

  private(set) var parts: [Part] = []
  let channels: Int
  let weightStride: Int
  /// Floats of a group's weights, packed or not.
  let weightCount: Int
  let inputUnit: Int, outputUnit: Int
  private var pack: ck_pack_shape
  /// Whether the image can be read where it lies.
  private let isInPlace: Bool
  /// Empty where the one part is the whole.
  private var spreads: [Spread] = []

  /// How many floats a vector for rows of this width should have: narrower vectors where they waste less.
  static func lanes(width: Int) -> Int {
    let full = ck_lanes()
    guard full == 16 else { return full }
    return width < 16 || (width + 15) / 16 * 16 > (width + 7) / 8 * 8 ? 8 : 16
  }

  /// The forward pass.
  static func forward(_ s: ConvolutionShape) -> DirectCorrelation { DirectCorrelation(s) }

  private init(_ s: ConvolutionShape) {
    channels = s.outputs
    weightStride = s.taps
    weightCount = s.outputs * s.taps
    (inputUnit, outputUnit) = (s.inputUnit, s.outputUnit)
    let lanes = Self.lanes(width: s.outputWidth)
    isInPlace = s.settings.padding == 0 && s.settings.stride == 1 && s.outputWidth >= lanes
    pack = Self.forwardPack(s, slack: lanes)
    let (plane, row) = isInPlace ? (s.height * s.width, s.width) : (pack.plane, pack.kept * pack.columns)
    var part = Part()
    part.taps = Self.forwardTaps(s, pack: pack, plane: plane, row: row)
    part.weights = Array(0..<s.taps)
    part.setVectors(
      rows: s.outputHeight, columns: s.outputWidth, lanes: lanes,
      rowStep: row * (isInPlace ? 1 : Self.packedRows(s)), targetRow: s.outputWidth)
    part.plane = s.outputPlane
    parts = [part]
  }

  /// Packed rows from one output row to the next.
  static func packedRows(_ s: ConvolutionShape) -> Int { s.kernel.height == 1 ? 1 : s.settings.stride.height }

  /// The padded image, its columns split by the phase of the stride so that a tap's pixels lie side by side.
  static func forwardPack(_ s: ConvolutionShape, slack: Int) -> ck_pack_shape {
    let (stride, padding, dilation) = (s.settings.stride, s.settings.padding, s.settings.dilation)
    let kept = min(
      stride.width, s.kernel.width == 1 ? 1 : dilation.width % stride.width == 0 ? 1 : stride.width)
    let rowStep = s.kernel.height == 1 ? stride.height : 1
    let rows = (s.outputHeight - 1) * packedRows(s) + dilation.height * (s.kernel.height - 1) + 1
    let columns = s.outputWidth + dilation.width * (s.kernel.width - 1) / stride.width + 1 + slack
    return ck_pack_shape(
      channels: s.inputs, height: s.height, width: s.width, rows: rows, columns: columns,
      phases: stride.width, kept: kept, row_step: rowStep, plane: rows * kept * columns, top: padding.height,
      left: padding.width)
  }

  /// The offset of each tap's pixel from the first tap's: [channel][kernel row][kernel column].
  static func forwardTaps(_ s: ConvolutionShape, pack: ck_pack_shape, plane: Int, row: Int) -> [Int] {
    var taps: [Int] = []
    taps.reserveCapacity(s.taps)
    let (stride, dilation) = (s.settings.stride.width, s.settings.dilation)
    for channel in 0..<s.inputs {
      for y in 0..<s.kernel.height {
        for x in 0..<s.kernel.width {
          let column = x * dilation.width
          taps.append(
            channel * plane + y * dilation.height * row + column % stride * pack.columns + column / stride)
        }
      }
    }
    return taps
  }

  /// The gradient with respect to the input: input pixel i of a phase r sees output pixel
  /// `i / stride + (r + padding − dilation·k) / stride` through kernel element k, where that divides.
  static func inputGradient(_ s: ConvolutionShape) -> DirectCorrelation { DirectCorrelation(gradientOf: s) }

  private init(gradientOf s: ConvolutionShape) {
    channels = s.inputs
    weightStride = s.kernel.height * s.kernel.width
    weightCount = s.outputs * s.taps
    (inputUnit, outputUnit) = (s.outputUnit, s.inputUnit)
    let (rowPhases, columnPhases) = Self.gradientPhases(s)
    let (top, rows) = Self.margins(rowPhases)
    let (left, width) = Self.margins(columnPhases)
    let columns = width + ck_lanes()
    pack = ck_pack_shape(
      channels: s.outputs, height: s.outputHeight, width: s.outputWidth, rows: rows, columns: columns,
      phases: 1, kept: 1, row_step: 1, plane: rows * columns, top: top, left: left)
    isInPlace = false
    for (rowPhase, down) in rowPhases.enumerated() where down.count > 0 {
      let columnParts = columnPhases.map { across -> Int? in
        let isEmpty = across.count == 0 || down.elements.isEmpty || across.elements.isEmpty
        if isEmpty && s.settings.stride != 1 { return nil }
        parts.append(Self.gradientPart(s, down, across, top: top, left: left, pack: pack))
        return parts.count - 1
      }
      if s.settings.stride != 1 {
        spreads.append(
          Spread(
            shape: ck_spread_shape(
              channels: 0, rows: down.count, height: s.height, width: s.width,
              row_step: s.settings.stride.height, column_step: s.settings.stride.width, row_phase: rowPhase),
            parts: columnParts))
      }
    }
  }

  private static func gradientPart(
    _ s: ConvolutionShape, _ down: Phase, _ across: Phase, top: Int, left: Int, pack: ck_pack_shape
  ) -> Part {
    var part = Part()
    let columns = pack.columns
    let lanes = lanes(width: across.count)
    part.plane = down.count * across.count
    let height = s.kernel.height
    let suitsBand =
      s.inputs == 1 && (height == 3 || height == 5) && s.settings.stride == 1
      && s.settings.dilation.height == 1 && down.count >= 4 && across.count >= lanes
    for channel in 0..<s.outputs {
      let weight = channel * s.taps
      if suitsBand {
        for x in across.elements {
          part.taps.append(
            channel * pack.plane + (top + s.settings.padding.height - height + 1) * columns + left + x.shift)
          for y in (0..<height).reversed() { part.weights.append(weight + y * s.kernel.width + x.element) }
        }
      } else {
        for y in down.elements {
          for x in across.elements {
            part.taps.append(channel * pack.plane + (top + y.shift) * columns + left + x.shift)
            part.weights.append(weight + y.element * s.kernel.width + x.element)
          }
        }
      }
    }
    if suitsBand {
      part.band = ck_band_shape(
        taps: part.taps.count, kernel_height: height, height: down.count, width: across.count, tap: nil,
        row: columns, narrow: lanes < ck_lanes() ? 1 : 0)
    } else {
      part.setVectors(
        rows: down.count, columns: across.count, lanes: lanes, rowStep: columns, targetRow: across.count)
    }
    return part
  }

  /// The input pixels of one phase along one axis and the kernel elements that reach them.
  struct Phase {
    var count: Int
    var elements: [(element: Int, shift: Int)]
  }

  /// The phases of rows and columns.
  static func gradientPhases(_ s: ConvolutionShape) -> (rows: [Phase], columns: [Phase]) {
    (
      phases(
        count: s.height, kernel: s.kernel.height, stride: s.settings.stride.height,
        padding: s.settings.padding.height, dilation: s.settings.dilation.height),
      phases(
        count: s.width, kernel: s.kernel.width, stride: s.settings.stride.width,
        padding: s.settings.padding.width, dilation: s.settings.dilation.width)
    )
  }

  /// The zeros that all phases together need before the upstream gradient along one axis, and the length of both with the
  /// zeros behind.
  static func margins(_ phases: [Phase]) -> (before: Int, length: Int) {
    let before = -min(0, phases.flatMap(\.elements).map(\.shift).min() ?? 0)
    let end = phases.map { $0.count + max(0, $0.elements.map(\.shift).max() ?? 0) }.max() ?? 0
    return (before, before + end)
  }

  private static func phases(count: Int, kernel: Int, stride: Int, padding: Int, dilation: Int) -> [Phase] {
    (0..<stride).map { phase in
      Phase(
        count: phase < count ? (count - phase + stride - 1) / stride : 0,
        elements: (0..<kernel).compactMap { element in
          let distance = phase + padding - dilation * element
          return distance % stride == 0 ? (element, distance / stride) : nil
        })
    }
  }

  /// Weights ready for `run`: each group's parts one after the other.
  func packWeights(_ weight: UnsafePointer<Float>, groups: Int) -> Tensor {
    let packed = Tensor(uninitialized: [groups * weightCount])
    let target = SendablePointer(packed.freshPointer)
    for group in 0..<groups {
      var start = group * weightCount
      for part in parts {
        ck_pack_weights(
          weight + group * weightCount, channels, weightStride, part.weights, part.weights.count,
          target.pointer + start)
        start += channels * part.weights.count
      }
    }
    return packed
  }

  /// Floats of scratch that `run` needs.
  var scratchCount: Int {
    (isInPlace ? 0 : pack.channels * pack.plane) + (spreads.isEmpty ? 0 : outputUnit)
  }

  /// Makes one unit's image ready, unless it is read in place.
  func prepare(
    _ x: UnsafePointer<Float>, gate: UnsafePointer<Float>?, clears: Bool,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    if isInPlace { return }
    withUnsafePointer(to: pack) { ck_pack_image($0, x, gate, clears ? 1 : 0, scratch) }
  }

  /// Computes blocks of channels of one unit from an image made ready in `scratch`.
  func run(
    _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, ending: ck_direct_ending, blocks: Range<Int>,
    into y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    spreading: UnsafeMutablePointer<Float>
  ) {
    let image = isInPlace ? x : UnsafePointer(scratch)
    var ending = ending
    if spreads.isEmpty {
      parts[0].run(image, weight: weight, ending: &ending, channels: channels, blocks: blocks, into: y)
      return
    }
    var weight = weight
    let addend = ending.addend
    ending.addend = nil
    var outputs: [UnsafePointer<Float>] = []
    var spreading = spreading
    for part in parts {
      part.run(image, weight: weight, ending: &ending, channels: channels, blocks: blocks, into: spreading)
      weight += channels * part.weights.count
      outputs.append(UnsafePointer(spreading))
      spreading += channels * part.plane
    }
    let first = ck_direct_block_start(channels, blocks.lowerBound)
    for var spread in spreads {
      spread.shape.channels = ck_direct_block_start(channels, blocks.upperBound) - first
      let own = spread.parts.map { $0.map { Optional(outputs[$0] + first * parts[$0].plane) } ?? nil }
      let place = first * (outputUnit / channels)
      ck_spread(&spread.shape, own, addend.map { $0 + place }, y + place)
    }
  }

  /// Computes all units: `gate` closes the input where it is not positive.
  func run(
    units: Int, groups: Int, unitsPerTask: Int, x: UnsafePointer<Float>, gate: UnsafePointer<Float>?,
    weight: UnsafePointer<Float>, ending: ck_direct_ending, into y: SendablePointer<Float>
  ) {
    if units == 0 || outputUnit == 0 { return }
    let prepared = isInPlace ? 0 : pack.channels * pack.plane
    let blocks = ck_direct_blocks(channels)
    // Every unit a task, unless there are too few: then all are made ready first, and the blocks of channels are shared
    // out.
    if units >= 8 {
      ThreadPool.run(count: units, inChunksOf: unitsPerTask) { range in
        let scratch = ck_buffer_take(scratchCount + 1)!
        defer { ck_buffer_return(scratch, scratchCount + 1) }
        for unit in range {
          let image = x + unit * inputUnit
          prepare(image, gate: gate.map { $0 + unit * inputUnit }, clears: unit == range.lowerBound, scratch)
          run(
            image, weight: weight + unit % groups * weightCount,
            ending: ending.offset(by: unit % groups * channels, unit * outputUnit),
            blocks: 0..<blocks, into: y.pointer + unit * outputUnit, scratch: scratch,
            spreading: scratch + prepared)
        }
      }
      return
    }
    let scratch = SendablePointer(ck_buffer_take(units * scratchCount + 1)!)
    defer { ck_buffer_return(scratch.pointer, units * scratchCount + 1) }
    ThreadPool.run(tasks: isInPlace ? 0 : units) { unit in
      prepare(
        x + unit * inputUnit, gate: gate.map { $0 + unit * inputUnit }, clears: true,
        scratch.pointer + unit * scratchCount)
    }
    let splits = min(blocks, 8)
    ThreadPool.run(tasks: units * splits) { task in
      let (unit, split) = (task / splits, task % splits)
      let own = scratch.pointer + unit * scratchCount
      run(
        x + unit * inputUnit, weight: weight + unit % groups * weightCount,
        ending: ending.offset(by: unit % groups * channels, unit * outputUnit),
        blocks: (split * blocks / splits)..<((split + 1) * blocks / splits),
        into: y.pointer + unit * outputUnit,
        scratch: own, spreading: own + prepared)
    }
  }
}

extension DirectCorrelation.Part {
  /// Computes blocks of channels.
  func run(
    _ image: UnsafePointer<Float>, weight: UnsafePointer<Float>, ending: inout ck_direct_ending,
    channels: Int,
    blocks: Range<Int>, into y: UnsafeMutablePointer<Float>
  ) {
    taps.withUnsafeBufferPointer { taps in
      if var band {
        band.tap = taps.baseAddress
        ck_direct_band(&band, image, weight, y)
        if let addend = ending.addend { ck_axpy(1, addend, y, plane) }
        return
      }
      var shape = ck_direct_shape(
        channels: channels, taps: taps.count, vectors: places.count, tap: taps.baseAddress, place: nil,
        target: nil, lanes: lanes, plane: plane, narrow: isNarrow ? 1 : 0)
      places.withUnsafeBufferPointer { places in
        targets.withUnsafeBufferPointer { targets in
          shape.place = places.baseAddress
          shape.target = targets.baseAddress
          ck_direct(&shape, image, weight, &ending, blocks.lowerBound, blocks.count, y)
        }
      }
    }
  }

  /// Cuts rows of outputs into vectors. The last of a row moves back to end with the row, so that none is cut short
  /// unless the row is: pixels computed twice come out the same.
  mutating func setVectors(rows: Int, columns: Int, lanes: Int, rowStep: Int, targetRow: Int) {
    self.lanes = min(lanes, columns)
    isNarrow = lanes < ck_lanes()
    for row in 0..<rows {
      for start in stride(from: 0, to: columns, by: lanes) {
        let column = max(0, min(start, columns - lanes))
        places.append(Int32(row * rowStep + column))
        targets.append(Int32(row * targetRow + column))
      }
    }
  }
}

extension ck_direct_ending {
  /// For the unit whose channels begin `channel` further on and whose output begins `place` further on.
  func offset(by channel: Int, _ place: Int) -> ck_direct_ending {
    ck_direct_ending(
      bias: bias.map { $0 + channel }, addend: addend.map { $0 + place }, scale: scale.map { $0 + channel },
      shift: shift.map { $0 + channel }, relu: relu)
  }
}
