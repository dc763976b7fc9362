import Attacks
import AutoDiffLite
import TensorCore

/// Away from given answers, whatever the labels: climbs their Kullback–Leibler divergence to the model's.
///
///     objectiveᵢ = KL(pᵢ ‖ qᵢ) = Σ_c pᵢ_c (log pᵢ_c − log qᵢ_c),   q = softmax(logits),   ∂/∂logits = q − p
///
/// At the input that p was computed from the gradient is 0, so an attack must start elsewhere: at random, or a `NormalStart`.
public struct Divergence: Goal {
  /// The logits of the answers to get away from, `[n, classes]`.
  public let reference: Tensor

  /// Away from the softmax of these logits.
  public init(from reference: Tensor) { self.reference = reference }

  /// Away from the answers of these samples.
  public func part(_ rows: [Int]) -> Divergence? { Divergence(from: reference.gathered(rows: rows)) }

  /// True where the predicted class is another one.
  public func isReached(_ logits: Tensor) -> [Bool] {
    zip(logits.argmax(alongAxis: 1).scalars, reference.argmax(alongAxis: 1).scalars).map { $0 != $1 }
  }

  /// The divergence.
  public func objective(_ logits: Variable) -> Variable { divergence(Variable(reference), logits) }

  /// `q − p`.
  public func objectiveGradient(_ logits: Tensor) -> Tensor { logits.softmax() - reference.softmax() }
}

/// KL(softmax(a) ‖ softmax(b)) of each row of logits: `[n, k], [n, k] → [n]`, differentiable in both.
func divergence(_ a: Variable, _ b: Variable) -> Variable {
  (a.softmax() * (a.logSoftmax() - b.logSoftmax())).sum(alongAxis: 1)
}
