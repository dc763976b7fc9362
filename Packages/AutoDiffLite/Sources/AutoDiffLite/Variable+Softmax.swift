import TensorCore

extension Variable {
  /// The probabilities of each row's logits: `[n, k] → [n, k]`; `∂L/∂xᵢⱼ = pᵢⱼ (dyᵢⱼ − Σₗ dyᵢₗ pᵢₗ)`.
  public func softmax() -> Variable {
    let p = value.softmax()
    return .recorded("softmax", p, from: self) { dy in
      p * (dy - (dy * p).sum(alongAxis: 1).expanded(axis: 1))
    }
  }

  /// The logarithms of `softmax()`: `[n, k] → [n, k]`; `∂L/∂xᵢⱼ = dyᵢⱼ − pᵢⱼ Σₗ dyᵢₗ`.
  public func logSoftmax() -> Variable {
    let y = value.logSoftmax()
    return .recorded("logSoftmax", y, from: self) { dy in
      dy - y.exp() * dy.sum(alongAxis: 1).expanded(axis: 1)
    }
  }

  /// Log of the summed exponentials of each row: `[n, k] → [n]`; `∂yᵢ/∂xᵢⱼ = exp(xᵢⱼ − yᵢ)`.
  public func logSumExp() -> Variable {
    let x = value
    let y = x.logSumExp()
    return .recorded("logSumExp", y, from: self) { dy in
      dy.expanded(axis: 1) * (x - y.expanded(axis: 1)).exp()
    }
  }

  /// Cross-entropy of each row's logits against its label: `[n, k], [n] → [n]`, forward and backward in one pass
  /// each.
  ///
  ///     lossᵢ = log Σⱼ exp(xᵢⱼ) − xᵢ,labelᵢ,   ∂lossᵢ/∂xᵢⱼ = pᵢⱼ − [j = labelᵢ]
  ///
  /// - Precondition: labels lie in `0 ..< k`.
  public func crossEntropy(labels: IntTensor) -> Variable {
    let (losses, probabilities) = value.crossEntropy(labels: labels)
    return .recorded("crossEntropy", losses, from: self) { dy in
      probabilities.crossEntropyGradient(labels: labels, upstream: dy)
    }
  }

  /// Cross-entropy of each row's logits against a row of target weights, which need not sum to 1:
  /// `[n, k], [n, k] → [n]`, `lossᵢ = −Σⱼ qᵢⱼ log pᵢⱼ`. The targets are constants.
  public func crossEntropy(targets: Tensor) -> Variable {
    -(logSoftmax() * Variable(targets)).sum(alongAxis: 1)
  }
}
