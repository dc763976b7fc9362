import AutoDiffLite
import TensorCore

/// A goal whose objective follows from a few logits of the row: value and gradient are written once.
protocol LogitGoal: Goal {
  /// One sample's objective. Where `slope`, zeros of the row's length, is given, the gradient is added to it.
  func objective(
    of row: UnsafeBufferPointer<Float>, sample: Int, slope: UnsafeMutableBufferPointer<Float>?
  ) -> Double
}

extension LogitGoal {
  /// The rows' objectives; the gradient is `objectiveGradient`'s.
  public func objective(_ logits: Variable) -> Variable {
    let scores = logits.value
    var values = Tensor.zeros(shape: [scores.shape[0]])
    values.withUnsafeMutableBufferPointer { target in
      forEachRow(of: scores) { row, i in target[i] = Float(objective(of: row, sample: i, slope: nil)) }
    }
    return .recorded("objective", values, from: logits) { dy in
      dy.expanded(axis: 1) * objectiveGradient(scores)
    }
  }

  /// `[n, classes] → [n, classes]`, in closed form.
  public func objectiveGradient(_ logits: Tensor) -> Tensor {
    var slopes = Tensor.zeros(shape: logits.shape)
    let classes = logits.shape[1]
    slopes.withUnsafeMutableBufferPointer { target in
      forEachRow(of: logits) { row, i in
        _ = objective(
          of: row, sample: i,
          slope: UnsafeMutableBufferPointer(rebasing: target[(i * classes)..<((i + 1) * classes)]))
      }
    }
    return slopes
  }

  private func forEachRow(of logits: Tensor, _ body: (UnsafeBufferPointer<Float>, Int) -> Void) {
    precondition(
      logits.rank == 2 && logits.shape[1] > 1, "\(Self.self): logits \(logits.shape), two classes or more")
    let classes = logits.shape[1]
    logits.withUnsafeBufferPointer { scores in
      for i in 0..<logits.shape[0] {
        body(UnsafeBufferPointer(rebasing: scores[(i * classes)..<((i + 1) * classes)]), i)
      }
    }
  }
}

extension UnsafeBufferPointer<Float> {
  /// The place of the largest score but that of `excluded`; the first of equals.
  func best(but excluded: Int) -> Int {
    var best = excluded == 0 ? 1 : 0
    for k in indices where k != excluded && self[k] > self[best] { best = k }
    return best
  }

  /// How far a class is ahead of another; where `slope` is given, the gradient is added to it.
  func lead(of ahead: Int, over behind: Int, slope: UnsafeMutableBufferPointer<Float>?) -> Double {
    slope?[ahead] += 1
    slope?[behind] -= 1
    return Double(self[ahead]) - Double(self[behind])
  }

  /// The classes in the order of falling scores, the first of equals first.
  func ranking() -> [Int] {
    indices.sorted { self[$0] != self[$1] ? self[$0] > self[$1] : $0 < $1 }
  }
}
