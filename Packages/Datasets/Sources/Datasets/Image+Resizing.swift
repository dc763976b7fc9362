import ImageCodecs

extension Image {
  /// The picture in another size: bilinear, and antialiased where it shrinks. The sides' ratio is not kept.
  ///
  /// Each output sample is a weighted mean of the input around its place; the weights fall linearly to 0 at a distance
  /// of one output pixel (or one input pixel, whichever is wider), so that every input pixel counts when shrinking.
  /// Rows first, then columns, each rounded to bytes; weights are integers of 22 bits.
  ///
  /// Source: Pillow 13's `Image.resize(…, BILINEAR)`, to the last bit; torchvision's `Resize` of a Pillow image.
  ///
  /// - Precondition: the new size is positive; 1 or 3 channels (alpha would have to be multiplied in first).
  public func resized(width newWidth: Int, height newHeight: Int) -> Image {
    precondition(newWidth > 0 && newHeight > 0, "resized: size \(newWidth) × \(newHeight) is not positive")
    precondition(channels != 4, "resized: expected 1 or 3 channels, got 4")
    var image = self
    if newWidth != width {
      image = image.combined(
        ResamplingWeights(from: width, to: newWidth), lines: height, lineStride: width * channels,
        inputStride: channels, newWidth: newWidth, newHeight: height)
    }
    if newHeight != height {
      // A row of samples is a line of its own here: each column of samples is combined alike.
      image = image.combined(
        ResamplingWeights(from: height, to: newHeight), lines: 1, lineStride: 0,
        inputStride: newWidth * channels, newWidth: newWidth, newHeight: newHeight)
    }
    return image
  }

  /// Combines groups of `inputStride` neighbouring samples: output group o of a line is the weighted sum of input groups.
  private func combined(
    _ weights: ResamplingWeights, lines: Int, lineStride: Int, inputStride: Int, newWidth: Int, newHeight: Int
  ) -> Image {
    let count = newWidth * newHeight * channels
    let outputs = weights.first.count
    let result = [UInt8](unsafeUninitializedCapacity: count) { target, filled in
      pixels.withUnsafeBufferPointer { source in
        weights.values.withUnsafeBufferPointer { values in
          for line in 0..<lines {
            for output in 0..<outputs {
              let taps = weights.offsets[output]..<weights.offsets[output + 1]
              let begin = line * lineStride + weights.first[output] * inputStride
              let place = (line * outputs + output) * inputStride
              for k in 0..<inputStride {
                var sum: Int32 = 1 << (ResamplingWeights.bits - 1)
                var position = begin + k
                for tap in taps {
                  sum &+= Int32(source[position]) &* values[tap]
                  position += inputStride
                }
                target[place + k] = UInt8(truncatingIfNeeded: min(sum >> ResamplingWeights.bits, 255))
              }
            }
          }
        }
      }
      filled = count
    }
    return Image(width: newWidth, height: newHeight, channels: channels, pixels: result)
  }
}

/// Which input pixels make each output pixel of a line, and with which weights.
private struct ResamplingWeights {
  /// The weights are integers; together they make 2^bits, up to rounding.
  static let bits: Int32 = 22
  /// The first input pixel of each output pixel.
  var first: [Int] = []
  /// Where each output pixel's weights begin in `values`, and the end.
  var offsets = [0]
  var values: [Int32] = []

  init(from inputs: Int, to outputs: Int) {
    let scale = Double(inputs) / Double(outputs)
    let reach = max(scale, 1)
    for output in 0..<outputs {
      let centre = (Double(output) + 0.5) * scale
      let low = max(0, Int(centre - reach + 0.5))
      let high = min(inputs, Int(centre + reach + 0.5))
      let weights = (low..<high).map { input in
        max(0, 1 - abs((Double(input) - centre + 0.5) / reach))
      }
      let total = weights.reduce(0, +)
      first.append(low)
      values += weights.map { Int32(0.5 + $0 / total * Double(1 << Self.bits)) }
      offsets.append(values.count)
    }
  }
}
