internal import CKernels
internal import COpenBLAS

/// A convolution as a matrix product: the pixels that each tap meets, one row a tap, times the weights. Several images
/// share a product, so that it is wide enough also where an image has a few pixels only.
struct UnfoldedConvolution {
  private let s: ConvolutionShape
  /// Images of one product and of one task: by the shape alone.
  private let atOnce: Int
  private let imagesPerTask: Int

  init(_ s: ConvolutionShape) {
    self.s = s
    atOnce = max(1, min(s.images, 256 / max(1, s.outputPlane)))
    imagesPerTask = atOnce * max(1, s.images / (16 * atOnce))
  }

  private var pixels: Int { s.outputPlane }
  private var weightCount: Int { s.outputs * s.taps }

  /// `y = W · columns + bias`, then max(0, ·) if wanted.
  func forward(
    x: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?, thenReLU: Bool,
    into y: SendablePointer<Float>
  ) {
    forEachProduct { group, images, columns, sums in
      let width = images.count * pixels
      for (place, image) in images.enumerated() {
        unfold(x + (image * s.groups + group) * s.inputUnit, into: columns + place * pixels, width: width)
      }
      multiply(
        s.outputs, width, s.taps, weight + group * weightCount, transposed: false, columns, transposed: false,
        into: sums)
      for (place, image) in images.enumerated() {
        for channel in 0..<s.outputs {
          let from = sums + channel * width + place * pixels
          let to = y.pointer + (image * s.groups + group) * s.outputUnit + channel * pixels
          let offset = bias.map { $0[group * s.outputs + channel] } ?? 0
          for i in 0..<pixels { to[i] = thenReLU && from[i] + offset < 0 ? 0 : from[i] + offset }
        }
      }
    }
  }

  /// `columns = Wᵀ · dy`, each added to the pixel it was taken from.
  func inputGradient(
    dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?, weight: UnsafePointer<Float>,
    into dx: SendablePointer<Float>
  ) {
    forEachProduct { group, images, columns, sums in
      let width = images.count * pixels
      gather(dy, gate, images, group, into: sums)
      multiply(
        s.taps, width, s.outputs, weight + group * weightCount, transposed: true, sums, transposed: false,
        into: columns)
      for (place, image) in images.enumerated() {
        let target = dx.pointer + (image * s.groups + group) * s.inputUnit
        target.update(repeating: 0, count: s.inputUnit)
        forEachRow { tap, row, from, to, count in
          let part = columns + tap * width + place * pixels + row * s.outputWidth
          for i in 0..<count { target[to + i * s.settings.stride.width] += part[from + i] }
        }
      }
    }
  }

  /// `dW = dy · columnsᵀ`, summed over the images: the parts of the tasks are added up in order.
  func weightGradient(
    x: UnsafePointer<Float>, dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?,
    into dw: SendablePointer<Float>
  ) {
    let total = s.groups * weightCount
    let tasks = max(1, (s.images + imagesPerTask - 1) / imagesPerTask)
    let parts = SendablePointer(ck_buffer_take(tasks * total + 1)!)
    defer { ck_buffer_return(parts.pointer, tasks * total + 1) }
    parts.pointer.update(repeating: 0, count: tasks * total)
    forEachProduct { group, images, columns, sums in
      let width = images.count * pixels
      for (place, image) in images.enumerated() {
        unfold(x + (image * s.groups + group) * s.inputUnit, into: columns + place * pixels, width: width)
      }
      gather(dy, gate, images, group, into: sums)
      let part = parts.pointer + images.lowerBound / imagesPerTask * total + group * weightCount
      multiply(
        s.outputs, s.taps, width, sums, transposed: false, columns, transposed: true, into: part, adds: true)
    }
    dw.pointer.update(from: parts.pointer, count: total)
    for task in 1..<tasks { ck_axpy(1, parts.pointer + task * total, dw.pointer, total) }
  }

  /// Calls `body` for the images of each product, with room for its columns and sums.
  private func forEachProduct(
    _ body: (
      _ group: Int, _ images: Range<Int>, _ columns: UnsafeMutablePointer<Float>,
      _ sums: UnsafeMutablePointer<Float>
    ) -> Void
  ) {
    let count = (s.taps + s.outputs) * atOnce * pixels + 1
    ThreadPool.run(count: s.images, inChunksOf: imagesPerTask) { range in
      let columns = ck_buffer_take(count)!
      defer { ck_buffer_return(columns, count) }
      for first in stride(from: range.lowerBound, to: range.upperBound, by: atOnce) {
        for group in 0..<s.groups {
          body(
            group, first..<min(range.upperBound, first + atOnce), columns,
            columns + s.taps * atOnce * pixels)
        }
      }
    }
  }

  /// Calls `body` for each tap and output row with the outputs whose pixel lies inside the image: the first of them,
  /// its pixel's place in the unit, and how many there are.
  private func forEachRow(_ body: (_ tap: Int, _ row: Int, _ from: Int, _ to: Int, _ count: Int) -> Void) {
    let (stride, padding, dilation) = (s.settings.stride, s.settings.padding, s.settings.dilation)
    for tap in 0..<s.taps {
      let (channel, element) = tap.quotientAndRemainder(dividingBy: s.kernel.height * s.kernel.width)
      let (down, across) = element.quotientAndRemainder(dividingBy: s.kernel.width)
      let shift = across * dilation.width - padding.width
      let first = shift < 0 ? (stride.width - 1 - shift) / stride.width : 0
      let last = min(s.outputWidth - 1, (s.width - 1 - shift) / stride.width)
      if s.width - 1 - shift < 0 || last < first { continue }
      for row in 0..<s.outputHeight {
        let line = row * stride.height + down * dilation.height - padding.height
        if line < 0 || line >= s.height { continue }
        body(
          tap, row, first, (channel * s.height + line) * s.width + first * stride.width + shift,
          last - first + 1)
      }
    }
  }

  /// The pixels each tap meets, zero outside the image.
  private func unfold(
    _ x: UnsafePointer<Float>, into columns: UnsafeMutablePointer<Float>, width: Int
  ) {
    for tap in 0..<s.taps { (columns + tap * width).update(repeating: 0, count: pixels) }
    forEachRow { tap, row, from, to, count in
      let part = columns + tap * width + row * s.outputWidth + from
      if s.settings.stride.width == 1 {
        part.update(from: x + to, count: count)
      } else {
        for i in 0..<count { part[i] = x[to + i * s.settings.stride.width] }
      }
    }
  }

  /// Upstream gradients of several images side by side, `[outputs][image][pixel]`, closed where the gate is.
  private func gather(
    _ dy: UnsafePointer<Float>, _ gate: UnsafePointer<Float>?, _ images: Range<Int>, _ group: Int,
    into sums: UnsafeMutablePointer<Float>
  ) {
    for (place, image) in images.enumerated() {
      let unit = (image * s.groups + group) * s.outputUnit
      for channel in 0..<s.outputs {
        let to = sums + channel * images.count * pixels + place * pixels
        let from = unit + channel * pixels
        if let gate {
          ck_binary(ck_where_positive, dy + from, 1, gate + from, 1, to, pixels)
        } else {
          to.update(from: dy + from, count: pixels)
        }
      }
    }
  }

  private func multiply(
    _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, transposed transposeA: Bool,
    _ b: UnsafePointer<Float>, transposed transposeB: Bool, into c: UnsafeMutablePointer<Float>,
    adds: Bool = false
  ) {
    if m == 0 || n == 0 { return }
    if k == 0 {
      if !adds { c.update(repeating: 0, count: m * n) }
      return
    }
    _ = openBLASIsSerial
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m),
      Int32(n), Int32(k), 1, a, Int32(transposeA ? m : k), b, Int32(transposeB ? k : n), adds ? 1 : 0, c,
      Int32(n))
  }
}
