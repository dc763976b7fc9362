internal import CKernels

/// The gradient of a convolution with respect to its weight by the direct kernel: every weight is a sum of products
/// over all pixels of all images. Images are cut into chunks by the shape alone, and the chunks' sums added in order.
struct DirectWeightGradient {
  private let s: ConvolutionShape
  private let taps: [Int]
  private let places: [Int32]
  private let lanes: Int
  private let input: ck_pack_shape
  private let upstream: ck_pack_shape
  private let readsInputInPlace: Bool
  private let readsUpstreamInPlace: Bool
  /// Units whose products are summed up in registers before they are added to memory: as many as leave a block of
  /// channels of the upstream gradient in the first-level cache.
  private let unitsAtOnce: Int
  private let chunks: Int

  init(_ s: ConvolutionShape, gated: Bool) {
    self.s = s
    let (rows, columns) = (s.outputHeight, s.outputWidth)
    lanes = DirectCorrelation.lanes(width: columns)
    let vectors = (columns + lanes - 1) / lanes
    let isWhole = columns % lanes == 0
    readsUpstreamInPlace = isWhole && !gated
    readsInputInPlace = isWhole && s.settings.padding == 0 && s.settings.stride == 1
    // Without the gap, planes of a power of two would all fall into the same few lines of the cache.
    upstream = ck_pack_shape(
      channels: s.outputs, height: rows, width: columns, rows: rows, columns: vectors * lanes, phases: 1,
      kept: 1, row_step: 1, plane: readsUpstreamInPlace ? s.outputPlane : rows * vectors * lanes + 16, top: 0,
      left: 0)
    input = DirectCorrelation.forwardPack(s, slack: vectors * lanes - columns)
    let (plane, row) =
      readsInputInPlace ? (s.height * s.width, s.width) : (input.plane, input.kept * input.columns)
    taps = DirectCorrelation.forwardTaps(s, pack: input, plane: plane, row: row)
    let rowStep = row * (readsInputInPlace ? 1 : DirectCorrelation.packedRows(s))
    var places: [Int32] = []
    for y in 0..<rows { for v in 0..<vectors { places.append(Int32(y * rowStep + v * lanes)) } }
    self.places = places
    let block = 6 * upstream.plane * MemoryLayout<Float>.size
    unitsAtOnce = max(1, min(16, (24 << 10) / max(1, block)))
    let most = max(1, min(16, (16 << 20) / max(1, s.groups * s.outputs * s.taps * 4)))
    chunks = max(1, min(most, s.images / max(1, min(unitsAtOnce, s.images / 8))))
  }

  /// `dw`, `[outputs, inputs / groups, kernel height, kernel width]` of all groups.
  func run(
    x: UnsafePointer<Float>, dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?,
    into dw: SendablePointer<Float>
  ) {
    let weights = s.groups * s.outputs * s.taps
    let partial = SendablePointer(ck_buffer_take(chunks * weights)!)
    defer { ck_buffer_return(partial.pointer, chunks * weights) }
    ThreadPool.run(tasks: chunks) { chunk in
      let own = partial.pointer + chunk * weights
      own.update(repeating: 0, count: weights)
      add(
        images: (chunk * s.images / chunks)..<((chunk + 1) * s.images / chunks), x: x, dy: dy, gate: gate,
        to: own)
    }
    ThreadPool.run(count: weights, inChunksOf: 1 << 14) { range in
      let target = dw.pointer + range.lowerBound
      target.update(from: partial.pointer + range.lowerBound, count: range.count)
      for chunk in 1..<max(1, chunks) {
        ck_axpy(1, partial.pointer + chunk * weights + range.lowerBound, target, range.count)
      }
    }
  }

  private func add(
    images: Range<Int>, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?,
    to dw: UnsafeMutablePointer<Float>
  ) {
    let inputCount = readsInputInPlace ? 0 : input.channels * input.plane
    let upstreamCount = readsUpstreamInPlace ? 0 : upstream.channels * upstream.plane
    let scratchCount = unitsAtOnce * (inputCount + upstreamCount) + 1
    let scratch = ck_buffer_take(scratchCount)!
    defer { ck_buffer_return(scratch, scratchCount) }
    var isFirst = true
    var steps: [Int] = []
    for group in 0..<s.groups {
      for first in stride(from: images.lowerBound, to: images.upperBound, by: unitsAtOnce) {
        let unit = first * s.groups + group
        let (firstInput, firstUpstream) = (x + unit * s.inputUnit, dy + unit * s.outputUnit)
        let inputs = readsInputInPlace ? firstInput : UnsafePointer(scratch)
        let upstreams =
          readsUpstreamInPlace ? firstUpstream : UnsafePointer(scratch + unitsAtOnce * inputCount)
        steps.removeAll(keepingCapacity: true)
        for at in 0..<(min(images.upperBound, first + unitsAtOnce) - first) {
          let skip = at * s.groups
          withUnsafePointer(to: input) { shape in
            if readsInputInPlace { return }
            ck_pack_image(
              shape, firstInput + skip * s.inputUnit, nil, isFirst ? 1 : 0, scratch + at * inputCount)
          }
          withUnsafePointer(to: upstream) { shape in
            if readsUpstreamInPlace { return }
            let open = gate.map { $0 + (unit + skip) * s.outputUnit }
            ck_pack_image(
              shape, firstUpstream + skip * s.outputUnit, open, isFirst ? 1 : 0,
              scratch + unitsAtOnce * inputCount + at * upstreamCount)
          }
          let from = at * (readsUpstreamInPlace ? s.groups * s.outputUnit : upstreamCount)
          let place = at * (readsInputInPlace ? s.groups * s.inputUnit : inputCount)
          for (v, own) in places.enumerated() {
            steps.append(from + v * lanes)
            steps.append(place + Int(own))
          }
        }
        isFirst = false
        taps.withUnsafeBufferPointer { taps in
          var shape = ck_weight_shape(
            channels: s.outputs, taps: taps.count, tap: taps.baseAddress, dy_plane: upstream.plane,
            narrow: lanes < ck_lanes() ? 1 : 0)
          ck_direct_weights(
            &shape, upstreams, inputs, steps, steps.count / 2, dw + group * s.outputs * s.taps)
        }
      }
    }
  }
}
