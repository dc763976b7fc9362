import TensorCore

extension Image {
  /// A picture of a tensor `[channels, height, width]` with values in [0, 1].
  ///
  ///     sample = round(255 · min(max(value, 0), 1)),  halves away from zero
  ///
  /// Values outside are clamped and NaN becomes 0, so that every tensor can be looked at. A tensor that came from
  /// `tensor()` gives the same samples back.
  ///
  /// - Precondition: rank 3 with 1, 3 or 4 channels.
  public init(_ tensor: Tensor) {
    precondition(tensor.rank == 3, "Image: expected [channels, height, width], got \(tensor.shape)")
    let (channels, height, width) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
    let plane = height * width
    let pixels = tensor.withUnsafeBufferPointer { values in
      [UInt8](unsafeUninitializedCapacity: values.count) { pixels, count in
        for channel in 0..<channels {
          for i in 0..<plane {
            let value = values[channel * plane + i]
            // `value > 0` is false for NaN.
            let clamped = value > 0 ? min(value, 1) : 0
            pixels[i * channels + channel] = UInt8((clamped * 255).rounded(.toNearestOrAwayFromZero))
          }
        }
        count = values.count
      }
    }
    self.init(width: width, height: height, channels: channels, pixels: pixels)
  }

  /// The samples divided by 255: `[channels, height, width]` in [0, 1].
  public func tensor() -> Tensor {
    let plane = height * width
    return Tensor(shape: [channels, height, width]) { values in
      for channel in 0..<channels {
        for i in 0..<plane { values[channel * plane + i] = Float(pixels[i * channels + channel]) / 255 }
      }
    }
  }
}
