internal import CKernels

private typealias RowKernel = (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int, Int) -> Void

extension Tensor {
  /// The probabilities of each row's logits: `[n, k] → [n, k]`, `pᵢⱼ = exp(xᵢⱼ) / Σₗ exp(xᵢₗ)`, the largest logit
  /// subtracted first so that nothing overflows.
  ///
  /// - Precondition: rank 2 with at least one column.
  public func softmax() -> Tensor { rowwise("softmax", ck_softmax_rows, keepsColumns: true) }

  /// The logarithms of `softmax()`, computed without rounding small probabilities to zero: `[n, k] → [n, k]`.
  public func logSoftmax() -> Tensor { rowwise("logSoftmax", ck_log_softmax_rows, keepsColumns: true) }

  /// Log of the summed exponentials of each row: `[n, k] → [n]`.
  public func logSumExp() -> Tensor { rowwise("logSumExp", ck_log_sum_exp_rows, keepsColumns: false) }

  private func rowwise(_ name: String, _ kernel: RowKernel, keepsColumns: Bool) -> Tensor {
    precondition(rank == 2 && shape[1] > 0, "\(name): expected [n, k] with k > 0, got \(shape)")
    let columns = shape[1]
    let result = Tensor(uninitialized: keepsColumns ? shape : [shape[0]])
    let width = keepsColumns ? columns : 1
    let (source, target) = (pointer, SendablePointer(result.freshPointer))
    withExtendedLifetime(self) {
      ThreadPool.run(count: shape[0], inChunksOf: Swift.max(1, (1 << 13) / columns)) { rows in
        kernel(
          source + rows.lowerBound * columns, target.pointer + rows.lowerBound * width, rows.count, columns)
      }
    }
    return result
  }

  /// Cross-entropy of each row's logits against its label, and the softmax on the way: `[n, k]`, labels `[n]` →
  /// losses `[n]`, probabilities `[n, k]`; `lossᵢ = log Σⱼ exp(xᵢⱼ) − xᵢ,labelᵢ`.
  ///
  /// - Precondition: labels lie in `0 ..< k`.
  public func crossEntropy(labels: IntTensor) -> (losses: Tensor, probabilities: Tensor) {
    checkLabels(labels, "crossEntropy")
    let columns = shape[1]
    let (losses, probabilities) = (Tensor(uninitialized: [shape[0]]), Tensor(uninitialized: shape))
    let (x, y, p) = (
      pointer, SendablePointer(losses.freshPointer), SendablePointer(probabilities.freshPointer)
    )
    withExtendedLifetime(self) {
      labels.scalars.withUnsafeBufferPointer { buffer in
        guard let labels = buffer.baseAddress else { return }
        ThreadPool.run(count: shape[0], inChunksOf: Swift.max(1, (1 << 13) / columns)) { rows in
          let first = rows.lowerBound
          ck_cross_entropy_rows(
            x + first * columns, labels + first, y.pointer + first, p.pointer + first * columns, rows.count,
            columns)
        }
      }
    }
    return (losses, probabilities)
  }

  /// The gradient of `crossEntropy(labels:)` with respect to the logits, this tensor being its probabilities:
  /// `∂L/∂xᵢⱼ = dyᵢ (pᵢⱼ − [j = labelᵢ])`.
  public func crossEntropyGradient(labels: IntTensor, upstream dy: Tensor) -> Tensor {
    checkLabels(labels, "crossEntropyGradient")
    precondition(dy.shape == [shape[0]], "crossEntropyGradient: upstream \(dy.shape) for \(shape)")
    let result = Tensor(uninitialized: shape)
    withExtendedLifetime((self, dy)) {
      labels.scalars.withUnsafeBufferPointer {
        ck_cross_entropy_gradient_rows(
          pointer, $0.baseAddress, dy.pointer, result.freshPointer, shape[0], shape[1])
      }
    }
    return result
  }

  private func checkLabels(_ labels: IntTensor, _ name: String) {
    precondition(
      rank == 2 && shape[1] > 0 && labels.shape == [shape[0]],
      "\(name): expected [n, k] logits and [n] labels, got \(shape) and \(labels.shape)")
    for label in labels.scalars where label < 0 || label >= shape[1] {
      preconditionFailure("\(name): label \(label) is outside 0 ..< \(shape[1])")
    }
  }
}
