import Foundation
import TensorCore

/// The image without its content, which explainers compare with: what a hidden pixel shows, where a path begins.
public enum Baseline: Sendable, Hashable {
  /// One value everywhere; 0 is black.
  case constant(Float)
  /// One value for each channel: the data set's mean colour.
  case channels([Float])
  /// The image itself, blurred by a Gaussian of this standard deviation in pixels, cut off at four of them; pixels at the
  /// rim go on outside.
  case blurred(standardDeviation: Double)

  /// The baseline of each image, shaped as `x`.
  ///
  /// - Parameter x: `[n, channels, height, width]`.
  /// - Precondition: one value a channel; a positive deviation.
  public func images(for x: Tensor) -> Tensor {
    precondition(x.rank == 4, "Baseline: expected images [n, channels, height, width], got \(x.shape)")
    switch self {
    case .constant(let value): return Tensor(repeating: value, shape: x.shape)
    case .channels(let values):
      precondition(values.count == x.shape[1], "Baseline: \(values.count) channels for images \(x.shape)")
      return .zeros(shape: x.shape) + Tensor(shape: [values.count, 1, 1], scalars: values)
    case .blurred(let deviation):
      precondition(deviation > 0 && deviation.isFinite, "Baseline: standard deviation \(deviation)")
      let kernel = Self.gaussian(deviation)
      let turned = Self.blurredAlongRows(x, kernel).permuted([0, 1, 3, 2])
      return Self.blurredAlongRows(turned, kernel).permuted([0, 1, 3, 2])
    }
  }

  /// Weights of the distances 0, 1, …; with both signs they add up to 1.
  private static func gaussian(_ deviation: Double) -> [Double] {
    let raw = (0...Int(4 * deviation + 0.5)).map { exp(-0.5 * pow(Double($0) / deviation, 2)) }
    let total = 2 * raw.reduce(0, +) - raw[0]
    return raw.map { $0 / total }
  }

  private static func blurredAlongRows(_ x: Tensor, _ kernel: [Double]) -> Tensor {
    let width = x.shape[3]
    return Tensor(shape: x.shape) { y in
      x.withUnsafeBufferPointer { x in
        for start in stride(from: 0, to: y.count, by: width) {
          for column in 0..<width {
            var sum = kernel[0] * Double(x[start + column])
            for distance in kernel.indices.dropFirst() {
              let left = Double(x[start + max(column - distance, 0)])
              let right = Double(x[start + min(column + distance, width - 1)])
              sum += kernel[distance] * (left + right)
            }
            y[start + column] = Float(sum)
          }
        }
      }
    }
  }
}

extension Baseline: CustomStringConvertible {
  /// The baseline in words.
  public var description: String {
    switch self {
    case .constant(let value): "\(value) everywhere"
    case .channels(let values): "channels \(values)"
    case .blurred(let deviation): "the image blurred by \(deviation) pixels"
    }
  }
}
