import AutoDiffLite
import TensorCore

/// What counts as success for each sample of a batch, and the number to climb on the way there.
public protocol Goal: Sendable {
  /// Whether each row of logits `[n, classes]` is a success.
  func isReached(_ logits: Tensor) -> [Bool]
  /// `[n, classes] → [n]`, larger when closer; row i depends on the logits of row i only.
  func objective(_ logits: Variable) -> Variable
  /// The gradient of each row's objective with respect to its logits: `[n, classes] → [n, classes]`.
  func objectiveGradient(_ logits: Tensor) -> Tensor
  /// The goal of some of the samples alone, in this order, or nil if it cannot be cut: it is then always asked about
  /// whole batches.
  func part(_ rows: [Int]) -> Self?
  /// The class of each sample that the goal is about, for attacks that compare logits; nil if it is about something else.
  var aim: ClassAim? { get }
}

extension Goal {
  /// The tape's gradient of `objective`.
  public func objectiveGradient(_ logits: Tensor) -> Tensor {
    gradient(at: logits) { objective($0).sum() }
  }

  /// Nil: asked about whole batches.
  public func part(_ rows: [Int]) -> Self? { nil }

  /// Nil: about something else than one class.
  public var aim: ClassAim? { nil }

  /// The value of `objective`: `[n, classes] → [n]`.
  public func objectives(_ logits: Tensor) -> Tensor { objective(Variable(logits)).value }
}

/// Any class but the true one; climbs the cross-entropy of the true label.
public struct Untargeted: Goal {
  /// The true classes, `[n]`.
  public let labels: IntTensor

  /// Away from these labels.
  public init(labels: IntTensor) { self.labels = labels }

  /// Away from the labels.
  public var aim: ClassAim? { ClassAim(classes: labels, isTargeted: false) }

  /// Away from the labels of these samples.
  public func part(_ rows: [Int]) -> Untargeted? { Untargeted(labels: labels.gathered(rows: rows)) }

  /// True where the prediction is not the label.
  public func isReached(_ logits: Tensor) -> [Bool] {
    zip(logits.argmax(alongAxis: 1).scalars, labels.scalars).map { $0 != $1 }
  }

  /// The cross-entropy of the label.
  public func objective(_ logits: Variable) -> Variable { logits.crossEntropy(labels: labels) }

  /// `pᵢⱼ − [j = labelᵢ]`.
  public func objectiveGradient(_ logits: Tensor) -> Tensor {
    crossEntropyGradient(logits, labels: labels, factor: 1)
  }
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

  /// Towards the targets.
  public var aim: ClassAim? { ClassAim(classes: targets, isTargeted: true) }

  /// Towards the targets of these samples.
  public func part(_ rows: [Int]) -> Targeted? { Targeted(targets: targets.gathered(rows: rows)) }

  /// True where the prediction is the target.
  public func isReached(_ logits: Tensor) -> [Bool] {
    zip(logits.argmax(alongAxis: 1).scalars, targets.scalars).map { $0 == $1 }
  }

  /// The cross-entropy of the target, negated.
  public func objective(_ logits: Variable) -> Variable { -logits.crossEntropy(labels: targets) }

  /// `[j = targetᵢ] − pᵢⱼ`.
  public func objectiveGradient(_ logits: Tensor) -> Tensor {
    crossEntropyGradient(logits, labels: targets, factor: -1)
  }
}

private func crossEntropyGradient(_ logits: Tensor, labels: IntTensor, factor: Float) -> Tensor {
  logits.crossEntropy(labels: labels).probabilities
    .crossEntropyGradient(labels: labels, upstream: Tensor(repeating: factor, shape: labels.shape))
}
