import AutoDiffLite
import TensorCore

/// A random classifier as an attack should see it: logits and gradients are means over several draws of a random
/// transformation of the input (EOT).
///
///     logits(x) = 1/m Σⱼ f(t(x; kⱼ)),   the gradient of a goal's objective: 1/m Σⱼ ∇ₓ objective(f(t(x; kⱼ)))
///
/// Draws follow from the key and the input's own bits: another point has other draws, so that an attack cannot fit itself to
/// a few of them, and the same point always has the same ones. A base that is random by itself needs no transformation.
///
/// Source: Athalye, Engstrom, Ilyas, Kwok, "Synthesizing Robust Adversarial Examples", ICML 2018.
public struct ExpectationOverTransformation<Base: Classifier>: Classifier {
  /// A differentiable function of the inputs `[n, …]` that draws sample i's random numbers from key i.
  public typealias Transformation = @Sendable (Variable, [RandomKey]) -> Variable

  /// f.
  public let base: Base
  /// m.
  public let draws: Int
  private let key: RandomKey
  private let transformation: Transformation

  /// The mean of a classifier over transformed inputs.
  ///
  /// - Parameters:
  ///   - base: f.
  ///   - draws: m.
  ///   - key: where the transformation's draws come from.
  ///   - transformation: t; by default the input as it is.
  /// - Precondition: there is at least one draw.
  public init(
    _ base: Base, draws: Int, key: RandomKey, transformation: @escaping Transformation = { x, _ in x }
  ) {
    precondition(draws > 0, "ExpectationOverTransformation: \(draws) draws")
    self.base = base
    self.draws = draws
    self.key = key
    self.transformation = transformation
  }

  /// The base's range.
  public var inputRange: ClosedRange<Float> { base.inputRange }

  /// The mean logits, `[n, …] → [n, classes]`.
  public func logits(_ x: Variable) -> Variable {
    let keys = sampleKeys(x.value)
    var sum = base.logits(transformed(x, keys, draw: 0))
    for draw in 1..<max(1, draws) { sum = sum + base.logits(transformed(x, keys, draw: draw)) }
    return sum * (1 / Float(draws))
  }

  /// The mean logits, `[n, …] → [n, classes]`.
  public func logits(_ x: Tensor) -> Tensor {
    let keys = sampleKeys(x)
    return mean { base.logits(transformed(Variable(x), keys, draw: $0).value) }
  }

  /// The mean logits, and the mean gradient of the goal's objective.
  public func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
    let keys = sampleKeys(x)
    var logits: [Tensor] = []
    let gradient = mean { draw in
      let leaf = Variable.leaf(x)
      let point = transformed(leaf, keys, draw: draw)
      let (answer, slope) = base.logitsAndInputGradient(at: point.value, goal: goal)
      logits.append(answer)
      return point.gradients(withRespectTo: [leaf], upstream: slope)[0]
    }
    return (mean { logits[$0] }, gradient)
  }

  private func transformed(_ x: Variable, _ keys: [RandomKey], draw: Int) -> Variable {
    transformation(x, keys.map { $0.derived(draw) })
  }

  private func mean(_ part: (Int) -> Tensor) -> Tensor {
    var sum = part(0)
    for draw in 1..<max(1, draws) { sum += part(draw) }
    sum *= 1 / Float(draws)
    return sum
  }

  /// A key for each sample, from the FNV-1a hash of its elements' bits.
  private func sampleKeys(_ x: Tensor) -> [RandomKey] {
    precondition(x.rank > 0, "ExpectationOverTransformation: \(x.shape), one row a sample")
    let size = x.shape.removing(axis: 0).count
    return x.withUnsafeBufferPointer { values in
      (0..<x.shape[0]).map { sample in
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for i in (sample * size)..<((sample + 1) * size) {
          hash = (hash ^ UInt64(values[i].bitPattern)) &* 0x100_0000_01b3
        }
        return key.derived(Int(bitPattern: UInt(hash)))
      }
    }
  }
}
