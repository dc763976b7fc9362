internal import CKernels

/// Images of bytes of some samples, in recycled memory, and what is done to them between products.
final class ByteBuffer {
  let base: UnsafeMutablePointer<UInt8>
  private let floats: UnsafeMutablePointer<Float>
  private let count: Int

  /// Memory whose borders hold the zero point.
  init(_ operand: QuantizedProduct.Operand, samples: Int) {
    let layout = operand.layout
    let bytes = layout.count * samples
    // the kernel reads whole words of the last pixel only, so nothing beyond is needed
    count = (bytes + 3) / 4
    floats = ck_buffer_take(count)!
    base = UnsafeMutableRawPointer(floats).bindMemory(to: UInt8.self, capacity: count * 4)
    if layout.border == 0 { return }
    let zero = UInt8(operand.format.zero)
    let (row, side) = (layout.rowBytes, layout.border.width * layout.depth)
    for sample in 0..<samples {
      let image = base + sample * layout.count
      let edge = layout.border.height * row
      image.update(repeating: zero, count: edge)
      (image + layout.count - edge).update(repeating: zero, count: edge)
      for line in 0..<layout.height {
        let start = image + edge + line * row
        start.update(repeating: zero, count: side)
        (start + row - side).update(repeating: zero, count: side)
      }
    }
  }

  deinit { ck_buffer_return(floats, count) }

  /// The bytes of `[c, h, w]` images: `round((x · scale + shift) / unit) + zero` for each channel.
  func fill(
    _ x: UnsafePointer<Float>, _ operand: QuantizedProduct.Operand, _ scale: [Float], _ shift: [Float],
    samples: Int
  ) {
    let (layout, zero) = (operand.layout, Float(operand.format.zero))
    let plane = layout.height * layout.width
    for sample in 0..<samples {
      for channel in 0..<layout.depth {
        let isReal = channel < layout.channels
        let factor = isReal ? Float(Double(scale[channel]) / Double(operand.format.scale)) : 0
        let offset = isReal ? Float(Double(shift[channel]) / Double(operand.format.scale)) + zero : zero
        let from = x + (sample * layout.channels + (isReal ? channel : 0)) * plane
        for row in 0..<layout.height {
          var to = base + sample * layout.count + layout.place(row, 0) + channel
          for column in 0..<layout.width {
            let steps = from[row * layout.width + column] * factor + offset
            // What is no number becomes the lowest byte. From 1.5 · 2²³ on floats are whole numbers: the sum rounds.
            let inside: Float = steps > 0 ? Swift.min(255, steps) : 0
            to.pointee = UInt8((inside + 12_582_912) - 12_582_912)
            to += layout.depth
          }
        }
      }
    }
  }

  /// The largest byte of each window, and no less than the zero point after a ReLU.
  func pool(
    _ x: ByteBuffer, _ from: QuantizedProduct.Operand, _ to: QuantizedProduct.Operand,
    _ window: PoolingWindow,
    thenReLU: Bool, samples: Int
  ) {
    let least = SIMD16<UInt8>(repeating: thenReLU ? UInt8(to.format.zero) : 0)
    for sample in 0..<samples {
      let (source, target) = (x.base + sample * from.layout.count, base + sample * to.layout.count)
      for row in 0..<to.layout.height {
        let top = row * window.stride.height - window.padding.height
        let lines = Swift.max(0, top)..<Swift.min(from.layout.height, top + window.size.height)
        for column in 0..<to.layout.width {
          let left = column * window.stride.width - window.padding.width
          let places = Swift.max(0, left)..<Swift.min(from.layout.width, left + window.size.width)
          for channel in stride(from: 0, to: to.layout.depth, by: 16) {
            var largest = least
            for line in lines {
              for place in places {
                let bytes = UnsafeRawPointer(source + from.layout.place(line, place) + channel)
                largest = pointwiseMax(largest, bytes.loadUnaligned(as: SIMD16<UInt8>.self))
              }
            }
            UnsafeMutableRawPointer(target + to.layout.place(row, column) + channel)
              .storeBytes(of: largest, as: SIMD16<UInt8>.self)
          }
        }
      }
    }
  }

  /// The mean of each window of n pixels: `round((Σ byte − n · zero) · scale / (n · scale_y)) + zero_y`.
  func average(
    _ x: ByteBuffer, _ from: QuantizedProduct.Operand, _ to: QuantizedProduct.Operand, _ rows: [Range<Int>],
    _ columns: [Range<Int>], samples: Int
  ) {
    for sample in 0..<samples {
      let (source, target) = (x.base + sample * from.layout.count, base + sample * to.layout.count)
      for (row, lines) in rows.enumerated() {
        for (column, places) in columns.enumerated() {
          let pixels = lines.count * places.count
          let factor = from.format.scale / (Float(pixels) * to.format.scale)
          let zeros = Int32(pixels * from.format.zero)
          for channel in stride(from: 0, to: to.layout.depth, by: 16) {
            var sums = SIMD16<Int32>(repeating: -zeros)
            for line in lines {
              for place in places {
                let bytes = UnsafeRawPointer(source + from.layout.place(line, place) + channel)
                sums &+= SIMD16<Int32>(truncatingIfNeeded: bytes.loadUnaligned(as: SIMD16<UInt8>.self))
              }
            }
            let at = target + to.layout.place(row, column) + channel
            for lane in 0..<16 {
              let steps = (Float(sums[lane]) * factor).rounded(.toNearestOrEven) + Float(to.format.zero)
              at[lane] = UInt8(Swift.max(0, Swift.min(255, steps)))
            }
          }
        }
      }
    }
  }

  /// Each byte by its channel's table.
  func map(
    _ x: ByteBuffer, _ from: QuantizedProduct.Operand, _ to: QuantizedProduct.Operand, _ table: [UInt8],
    samples: Int
  ) {
    for sample in 0..<samples {
      for row in 0..<to.layout.height {
        for column in 0..<to.layout.width {
          let source = x.base + sample * from.layout.count + from.layout.place(row, column)
          let target = base + sample * to.layout.count + to.layout.place(row, column)
          for channel in 0..<from.layout.channels {
            target[channel] = table[channel * 256 + Int(source[channel])]
          }
          for channel in from.layout.channels..<to.layout.depth { target[channel] = UInt8(to.format.zero) }
        }
      }
    }
  }
}
