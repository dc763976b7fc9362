import TensorCore

/// Pastes a rectangle of the sample before into each sample of a batch, at the same place, and mixes their labels by area.
///
/// With λ ~ Beta(α, α) the rectangle's sides are √(1 − λ) of the image's, about a centre that is any pixel, cut at the
/// edges; what remains of the image is the label's share. One rectangle for the batch; `labels` stay.
///
///     loop.transform = { _, batch, key in CutMix(alpha: 1, classCount: 10)(batch, key: key) }
///
/// Source: Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019,
/// as torchvision's `CutMix` has it.
public struct CutMix: Sendable, Hashable, CustomStringConvertible {
  /// The parameter α of the shares' distribution.
  public let alpha: Double
  /// How many classes there are.
  public let classCount: Int

  /// A mixing.
  ///
  /// - Precondition: both are positive.
  public init(alpha: Double = 1, classCount: Int) {
    precondition(
      alpha > 0 && classCount > 0, "CutMix: alpha \(alpha) or \(classCount) classes is not positive")
    self.alpha = alpha
    self.classCount = classCount
  }

  /// The mixed batch, its rectangle drawn from the key.
  ///
  /// - Precondition: the inputs are `[n, channels, height, width]`.
  public func callAsFunction(_ batch: Batch, key: RandomKey) -> Batch {
    precondition(
      batch.inputs.rank == 4, "CutMix: expected [n, channels, height, width], got \(batch.inputs.shape)")
    let share = BetaDistribution(a: alpha, b: alpha).quantile(key.uniforms(count: 1)[0])
    var source = RandomSource(key: key.derived("centre"))
    let half = 0.5 * (1 - share).squareRoot()
    func range(_ length: Int) -> Range<Int> {
      let centre = source.index(below: length)
      let reach = Int(half * Double(length))
      return max(0, centre - reach)..<min(length, centre + reach)
    }
    let columns = range(batch.inputs.shape[3])
    return mixed(batch, rows: range(batch.inputs.shape[2]), columns: columns)
  }

  /// The batch with this rectangle pasted in.
  func mixed(_ batch: Batch, rows: Range<Int>, columns: Range<Int>) -> Batch {
    if batch.count == 0 { return batch }
    let shape = batch.inputs.shape
    let (height, width) = (shape[2], shape[3])
    let size = shape[1] * height * width
    let before = batch.rowsBefore
    let inputs = Tensor(shape: shape) { target in
      batch.inputs.withUnsafeBufferPointer { source in
        for i in target.indices { target[i] = source[i] }
        for sample in 0..<batch.count {
          for channel in 0..<shape[1] {
            for row in rows {
              let line = channel * height * width + row * width
              for column in columns {
                target[sample * size + line + column] = source[before[sample] * size + line + column]
              }
            }
          }
        }
      }
    }
    let share = 1 - Double(rows.count * columns.count) / Double(height * width)
    return Batch(
      inputs: inputs, labels: batch.labels, indices: batch.indices,
      targets: batch.mixedTargets(share: share, classCount: classCount))
  }

  /// In words.
  public var description: String { "CutMix with alpha \(alpha)" }
}
