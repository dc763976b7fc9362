internal import CKernels

/// Where the pixels of images of bytes lie: `[row][column][channel]`, channels filled up to whole vectors, with a border.
struct ByteLayout: Hashable, Sendable {
  let channels: Int
  let height: Int, width: Int
  /// Rows and columns of zero points around the image.
  var border = Extent(0)
  /// Bytes from one pixel to the next.
  let depth: Int

  /// - Parameter multiple: what the channels are filled up to a multiple of.
  init(_ shape: Shape, multiple: Int) {
    let image = shape.rank == 3 ? shape : [shape.count, 1, 1]
    (channels, height, width) = (image[0], image[1], image[2])
    depth = (channels + multiple - 1) / multiple * multiple
  }

  var rowBytes: Int { (width + 2 * border.width) * depth }
  var count: Int { (height + 2 * border.height) * rowBytes }
  /// The byte where a pixel begins; rows and columns of the border have numbers below 0 and from height and width on.
  func place(_ row: Int, _ column: Int) -> Int {
    (row + border.height) * rowBytes + (column + border.width) * depth
  }
}

/// A convolution or product of bytes with 8-bit weights, and what is done to its sums.
///
///     y = clamp(round((Σ q (x − zero) · scaleₓ · stepₒ + biasₒ + addend) / scale_y)) + zero_y
///
/// with weights q and stepₒ of output channel o. Sums of bytes are exact.
final class QuantizedProduct: Sendable {
  /// What is known of a byte operand or result.
  struct Operand: Sendable {
    let layout: ByteLayout
    let format: ByteFormat
  }

  private let taps: FixedArray<Int>
  private let words: Int
  private let outputs: Int
  private let weights: FixedArray<Int8>
  private let scale: FixedArray<Float>
  private let offset: FixedArray<Float>
  private let places: FixedArray<Int32>
  private let targets: FixedArray<Int32>
  private let pixels: Int
  private let thenReLU: Bool
  private let result: Operand?
  private let addend: ByteFormat?
  private let samples: Int

  /// - Parameters:
  ///   - weight: `[outputs, inputs, kernel height, kernel width]`.
  ///   - x: the operand; its border holds the padding.
  ///   - result: what is written; nil for floats, `[sample][output]` of an output of one pixel.
  ///   - addend: what is added before the ReLU, laid out as the result.
  ///   - samples: how many are computed at a time at most.
  init(
    weight: QuantizedWeights, bias: Tensor?, settings: ConvolutionSettings, thenReLU: Bool, x: Operand,
    result: Operand?,
    addend: ByteFormat?, output: Extent, samples: Int
  ) {
    let (channels, inputs) = (weight.shape[0], weight.shape[1])
    let kernel = Extent(height: weight.shape[2], width: weight.shape[3])
    outputs = (channels + 15) / 16 * 16
    words = x.layout.depth / 4
    self.result = result
    self.addend = addend
    self.thenReLU = thenReLU
    self.samples = samples
    var taps: [Int] = []
    for k in 0..<kernel.height {
      for l in 0..<kernel.width {
        taps.append(
          x.layout.place(k * settings.dilation.height, l * settings.dilation.width) - x.layout.place(0, 0))
      }
    }
    self.taps = FixedArray(taps)
    pixels = output.height * output.width
    var (places, targets) = ([Int32](), [Int32]())
    for sample in 0..<samples {
      for row in 0..<output.height {
        for column in 0..<output.width {
          places.append(
            Int32(
              sample * x.layout.count
                + x.layout.place(
                  row * settings.stride.height - settings.padding.height,
                  column * settings.stride.width - settings.padding.width)))
          targets.append(
            Int32(result.map { sample * $0.layout.count + $0.layout.place(row, column) } ?? sample * outputs))
        }
      }
    }
    (self.places, self.targets) = (FixedArray(places), FixedArray(targets))
    // The weights in the kernel's order, and what each output's sum is multiplied with and added to.
    var packed = [Int8](repeating: 0, count: outputs * taps.count * words * 4)
    var scale = [Float](repeating: 0, count: outputs)
    var offset = [Float](repeating: 0, count: outputs)
    let unit = Double(result?.format.scale ?? 1)
    let perOutput = inputs * taps.count
    for o in 0..<channels {
      let (block, place) = (o / 64, o % 64)
      let width = min(64, outputs - block * 64)
      var sum = 0
      for c in 0..<inputs {
        for t in 0..<taps.count {
          let q = weight.values[o * perOutput + c * taps.count + t]
          sum += Int(q)
          packed[block * 64 * taps.count * words * 4 + ((t * words + c / 4) * width + place) * 4 + c % 4] = q
        }
      }
      let factor = Double(x.format.scale) * Double(weight.steps[o])
      scale[o] = Float(factor / unit)
      offset[o] = Float((Double(bias?.scalars[o] ?? 0) - factor * Double(x.format.zero * sum)) / unit)
    }
    (weights, self.scale, self.offset) = (FixedArray(packed), FixedArray(scale), FixedArray(offset))
  }

  /// Computes some samples, at most `samples`.
  func run(
    _ x: UnsafePointer<UInt8>, samples count: Int, addend more: UnsafePointer<UInt8>?,
    bytes: UnsafeMutablePointer<UInt8>?, floats: UnsafeMutablePointer<Float>?, portable: Bool
  ) {
    precondition(count <= samples, "QuantizedProduct: \(count) samples of at most \(samples)")
    let blocks = (outputs + 63) / 64
    let total = count * pixels
    let chunks = max(1, total / 96)
    let target = (bytes: bytes.map(SendablePointer.init), floats: floats.map(SendablePointer.init))
    let zero = result?.format.zero ?? 0
    let unit = result?.format.scale ?? 1
    withExtendedLifetime(self) {
      ThreadPool.run(tasks: blocks * chunks) { task in
        let (chunk, first) = (task / blocks, task % blocks * 64)
        let range = (chunk * total / chunks)..<((chunk + 1) * total / chunks)
        var product = ck_int8_product(
          taps: taps.count, words: words, outputs: min(64, outputs - first), tap: taps.base,
          weights: weights.base + first * taps.count * words * 4)
        var ending = ck_int8_ending(
          scale: scale.base + first, offset: offset.base + first, addend: more.map { $0 + first },
          addend_scale: (addend?.scale ?? 0) / unit, lowest: thenReLU ? 0 : Float(-zero),
          highest: Float(255 - zero), addend_zero: Int32(addend?.zero ?? 0), zero: Int32(zero),
          bytes: target.bytes.map { $0.pointer + first }, floats: target.floats.map { $0.pointer + first })
        ck_int8(
          &product, &ending, x, places.base + range.lowerBound, targets.base + range.lowerBound, range.count,
          portable ? 1 : 0)
      }
    }
  }
}
