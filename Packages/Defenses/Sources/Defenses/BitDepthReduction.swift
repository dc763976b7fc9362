import TensorCore

/// Every pixel rounded to one of 2^bits levels: a squeezer of the paper.
///
///     x' = round((2^bits − 1) x) / (2^bits − 1),   halves to even
///
/// Source: Xu, Evans, Qi, "Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks", NDSS 2018, section
/// III.A, and its code for the rounding of halves.
public struct BitDepthReduction: InputTransformation, Hashable {
  /// How many bits a channel keeps.
  public let bits: Int

  /// Rounding to so many bits.
  ///
  /// - Precondition: 1 ≤ bits ≤ 16.
  public init(bits: Int) {
    precondition((1...16).contains(bits), "BitDepthReduction: \(bits) bits are outside 1...16")
    self.bits = bits
  }

  /// The rounded pixels, of any shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let levels = Float(1 << bits - 1)
    return Tensor(shape: x.shape) { values in
      x.withUnsafeBufferPointer { pixels in
        for i in pixels.indices { values[i] = (pixels[i] * levels).rounded(.toNearestOrEven) / levels }
      }
    }
  }

  /// The number of bits.
  public var description: String { "\(bits) bits a channel" }
}
