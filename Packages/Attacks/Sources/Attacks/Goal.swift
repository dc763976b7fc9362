import AutoDiffLite
import TensorCore

/// What counts as success for each sample of a batch, and the number to climb on the way there.
public protocol Goal: Sendable {
  /// Whether each row of logits `[n, classes]` is a success.
  func isReached(_ logits: Tensor) -> [Bool]
  /// `[n, classes] → [n]`, larger when closer.
  func objective(_ logits: Variable) -> Variable
}

/// Any class but the true one; climbs the cross-entropy of the true label.
public struct Untargeted: Goal {
  /// The true classes, `[n]`.
  public let labels: IntTensor

  /// Away from these labels.
  public init(labels: IntTensor) { self.labels = labels }

  /// True where the prediction is not the label.
  public func isReached(_ logits: Tensor) -> [Bool] {
    zip(logits.argmax(alongAxis: 1).scalars, labels.scalars).map { $0 != $1 }
  }

  /// The cross-entropy of the label.
  public func objective(_ logits: Variable) -> Variable { logits.crossEntropy(labels: labels) }
}

/// One wanted class for each sample; descends the cross-entropy of that class.
public struct Targeted: Goal {
  /// The wanted classes, `[n]`.
  public let targets: IntTensor

  /// Towards these classes.
  public init(targets: IntTensor) { self.targets = targets }

  /// Towards one class for all samples.
  public init(target: Int, count: Int) {
    self.init(targets: IntTensor([Int](repeating: target, count: count)))
  }

  /// True where the prediction is the target.
  public func isReached(_ logits: Tensor) -> [Bool] {
    zip(logits.argmax(alongAxis: 1).scalars, targets.scalars).map { $0 == $1 }
  }

  /// The cross-entropy of the target, negated.
  public func objective(_ logits: Variable) -> Variable { -logits.crossEntropy(labels: targets) }
}
