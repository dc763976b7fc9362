import Attacks
import AutoDiffLite
import TensorCore

/// A differentiable stand-in for a smoothed classifier, for attacks that climb through the noise: the logarithm of the mean
/// softmax over a few noisy copies, which stay the same from step to step.
///
///     yᵢ = log (1/m) Σⱼ softmax(f(clamp(xᵢ + εᵢⱼ))),   j < m
///
/// Source: Salman, Li, Razenshteyn, Zhang, Zhang, Bubeck, Yang, "Provably Robust Deep Learning via Adversarially Trained
/// Smoothed Classifiers", NeurIPS 2019, equation 6.
public struct NoiseAveraged<Base: Classifier>: Classifier {
  /// f.
  public let base: Base
  /// ε and the clamping.
  public let noise: SmoothingNoise
  /// m, how many copies a sample has.
  public let copies: Int
  /// One key a sample: its copies' noise.
  public let keys: [RandomKey]
  /// The values a valid input's elements may take, before noise.
  public let inputRange: ClosedRange<Float>

  /// A stand-in for batches of as many samples as there are keys.
  ///
  /// - Precondition: there is at least one copy.
  public init(
    _ base: Base, noise: SmoothingNoise, copies: Int, keys: [RandomKey],
    inputRange: ClosedRange<Float> = 0...1
  ) {
    precondition(copies > 0, "NoiseAveraged: \(copies) copies")
    self.base = base
    self.noise = noise
    self.copies = copies
    self.keys = keys
    self.inputRange = inputRange
  }

  /// `[n, …] → [n, classes]`, log-probabilities. Where a noisy pixel was clamped the gradient is 0.
  ///
  /// - Precondition: there are as many samples as keys.
  public func logits(_ x: Variable) -> Variable {
    precondition(
      x.shape.rank > 0 && x.shape[0] == keys.count, "NoiseAveraged: samples \(x.shape), \(keys.count) keys")
    let logits = base.logits(noisy(x))
    let mean = logits.softmax().reshaped(to: [keys.count, copies, logits.shape[1]]).mean(alongAxis: 1)
    return (mean + 1e-20).log()  // finite where every copy's probability rounds to 0
  }

  /// `[n, …] → [n · m, …]`, the copies of a sample side by side.
  private func noisy(_ x: Variable) -> Variable {
    let value = noise.copies(ofEach: x.value, count: copies, keys: keys)
    let limits = noise.limits
    let shape = x.shape.dimensions
    return .recorded("noisy copies", value, from: x) { dy in
      let inside = (value .> Tensor(limits.lowerBound)) * (value .< Tensor(limits.upperBound))
      return (dy * inside).reshaped(to: [shape[0], copies] + shape.dropFirst()).sum(alongAxis: 1)
    }
  }
}
