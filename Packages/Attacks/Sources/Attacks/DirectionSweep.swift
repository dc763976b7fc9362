import TensorCore

/// The logits of samples moved along fixed directions by a list of step sizes: the curves of "score against eps".
public struct DirectionSweep: Sendable {
  /// The step sizes.
  public let steps: [Float]
  /// `[steps, n, classes]`.
  public let logits: Tensor

  private let evaluate: @Sendable (_ sample: Int, _ step: Float) -> Tensor

  /// Evaluates a model on `x + step · direction` for every step. Nothing is clipped.
  ///
  /// - Parameters:
  ///   - x: `[n, …]`.
  ///   - directions: shaped as `x`; for a gradient sign step its elements are −1, 0 or 1.
  ///   - steps: in any order; `smallestStep` wants them ascending.
  public init(_ x: Tensor, along directions: Tensor, steps: [Float], of model: some Classifier) {
    precondition(
      x.shape == directions.shape, "DirectionSweep: inputs \(x.shape), directions \(directions.shape)")
    self.steps = steps
    let rows = steps.map { model.logits(x + $0 * directions) }
    logits = .stacked(rows)
    evaluate = { sample, step in
      let range = sample..<(sample + 1)
      return model.logits(x[rows: range] + step * directions[rows: range])
    }
  }

  /// The smallest step at which the sample is classified as `target`: 0 when it is already, else refined between the first listed step
  /// that works and the one before it by halving until two neighbouring `Float`s are left; nil when no listed step
  /// above 0 works.
  ///
  /// Where the classification changes several times between two listed steps, one of the changes is found.
  public func smallestStep(sample: Int, target: Int) -> Float? {
    func works(_ step: Float) -> Bool { evaluate(sample, step).argmax(alongAxis: 1)[0] == target }
    let predictions = logits.argmax(alongAxis: 2)
    let samples = logits.shape[1]
    var below: Float = 0
    if works(0) { return 0 }
    for (index, step) in steps.enumerated() where step > 0 {
      if predictions[index * samples + sample] != target {
        below = step
        continue
      }
      var (low, high) = (below, step)
      while low.nextUp < high {
        let middle = low + (high - low) / 2
        if works(middle) { high = middle } else { low = middle }
      }
      return high
    }
    return nil
  }
}
