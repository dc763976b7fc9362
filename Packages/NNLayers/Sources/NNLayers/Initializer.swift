import Foundation
import TensorCore

/// How a weight is drawn. Fans: for `[outputs, inputs, …kernel]`, fan-in is inputs × kernel size and fan-out is
/// outputs × kernel size.
public enum Initializer: Sendable, Hashable {
  /// PyTorch's default for linear and convolution layers: U(−1/√fanIn, 1/√fanIn), biases from the same range.
  case torchDefault
  /// N(0, gain²/fan): He et al., "Delving Deep into Rectifiers", ICCV 2015; gain √2 suits ReLU.
  case kaimingNormal(fan: Fan = .fanIn, gain: Float = Float(2).squareRoot())
  /// U(−b, b), b = gain √(3/fan).
  case kaimingUniform(fan: Fan = .fanIn, gain: Float = Float(2).squareRoot())
  /// N(0, gain²·2/(fanIn + fanOut)): Glorot and Bengio, AISTATS 2010.
  case xavierNormal(gain: Float = 1)
  /// U(−b, b), b = gain √(6/(fanIn + fanOut)).
  case xavierUniform(gain: Float = 1)
  /// N(mean, standardDeviation²).
  case normal(mean: Float = 0, standardDeviation: Float)
  /// One value everywhere.
  case constant(Float)

  /// Which number of connections scales the variance.
  public enum Fan: Sendable, Hashable {
    /// Keeps the variance of activations on the way forward.
    case fanIn
    /// Keeps the variance of gradients on the way back.
    case fanOut
  }

  /// Draws a weight.
  ///
  /// - Precondition: rank 2 or more, unless the draw does not depend on a fan.
  public func tensor(shape: Shape, key: RandomKey) -> Tensor {
    func fans() -> (fanIn: Float, fanOut: Float) {
      precondition(shape.rank >= 2, "Initializer: \(self) needs rank 2 or more, got \(shape)")
      let kernel = shape.dimensions.dropFirst(2).reduce(1, *)
      return (Float(shape[1] * kernel), Float(shape[0] * kernel))
    }
    func uniform(_ bound: Float) -> Tensor { .uniform(shape: shape, in: -bound...bound, key: key) }
    func normal(_ deviation: Float) -> Tensor {
      .normal(shape: shape, standardDeviation: deviation, key: key)
    }
    func size(_ fan: Fan) -> Float { fan == .fanIn ? fans().fanIn : fans().fanOut }
    switch self {
    case .torchDefault: return uniform(1 / fans().fanIn.squareRoot())
    case .kaimingNormal(let fan, let gain): return normal(gain / size(fan).squareRoot())
    case .kaimingUniform(let fan, let gain): return uniform(gain * (3 / size(fan)).squareRoot())
    case .xavierNormal(let gain): return normal(gain * (2 / (fans().fanIn + fans().fanOut)).squareRoot())
    case .xavierUniform(let gain): return uniform(gain * (6 / (fans().fanIn + fans().fanOut)).squareRoot())
    case .normal(let mean, let deviation):
      return .normal(shape: shape, mean: mean, standardDeviation: deviation, key: key)
    case .constant(let value): return Tensor(repeating: value, shape: shape)
    }
  }

  /// A bias `[outputs]` to go with a weight of this kind: PyTorch's range for `.torchDefault`, else zeros.
  public func bias(outputs: Int, fanIn: Int, key: RandomKey) -> Tensor {
    guard self == .torchDefault else { return .zeros(shape: [outputs]) }
    let bound = 1 / Float(fanIn).squareRoot()
    return .uniform(shape: [outputs], in: -bound...bound, key: key)
  }
}
