import AutoDiffLite
import TensorCore

/// Normalisation of groups of channels within each sample of `[n, c]` or `[n, c, h, w]`, the same in training and in
/// evaluation.
///
///     y = (x − mean) / √(variance + epsilon) · weight + bias
///
/// Source: Wu and He, "Group Normalization", ECCV 2018; defaults are PyTorch's.
public struct GroupNorm: Layer {
  /// A factor for each channel, `[c]`, 1 at first.
  public var weight: Parameter
  /// An offset for each channel, `[c]`, 0 at first.
  public var bias: Parameter
  /// How many groups of neighbouring channels.
  public let groups: Int
  /// Keeps the root from 0.
  public let epsilon: Double

  /// A normalisation.
  ///
  /// - Precondition: `groups` divides `channels`.
  public init(groups: Int, channels: Int, epsilon: Double = 1e-5) {
    precondition(
      groups > 0 && channels > 0 && channels % groups == 0,
      "GroupNorm: \(channels) channels do not give \(groups) groups")
    weight = Parameter(.ones(shape: [channels]))
    bias = Parameter(.zeros(shape: [channels]))
    self.groups = groups
    self.epsilon = epsilon
  }

  /// `[n, c, …]` to the same shape.
  public func callAsFunction(_ x: Variable, in pass: Pass) -> Variable {
    precondition(
      x.shape.rank >= 2 && x.shape[1] == weight.value.count,
      "GroupNorm \(pass.path): expected [n, \(weight.value.count), …], got \(x.shape)")
    return x.groupNormalized(
      groups: groups, weight: weight.variable, bias: bias.variable, epsilon: epsilon)
  }

  /// `weight`, then `bias`.
  public mutating func visitParameters(_ visit: (String, inout Parameter) -> Void) {
    visit("weight", &weight)
    visit("bias", &bias)
  }
}
