import AutoDiffLite
import Synchronization
import TensorCore

/// A classifier that counts what it is asked: the cost of an attack, whoever runs it.
///
///     let counter = QueryCounter(model)
///     let result = try judge(attack, against: counter, on: batch, key: key)
///     try counter.check(atMost: 5000 * batch.count)   // refuses a result that cost too much
///
/// The judge's own two looks at each sample count as well.
public final class QueryCounter<Base: Classifier>: Classifier {
  /// What was asked, in samples.
  public struct Count: Sendable, Hashable {
    /// How many samples were classified, those whose gradient was asked for included.
    public var forwards: Int
    /// For how many samples a gradient was asked for.
    public var gradients: Int

    /// So many; none by default.
    public init(forwards: Int = 0, gradients: Int = 0) {
      self.forwards = forwards
      self.gradients = gradients
    }
  }

  /// The classifier that answers.
  public let base: Base
  private let counted = Mutex(Count())

  /// A counter at zero.
  public init(_ base: Base) { self.base = base }

  /// What was asked since the start or the last `take`.
  public var count: Count { counted.withLock { $0 } }

  /// What was asked since the start or the last call; begins anew.
  public func take() -> Count {
    counted.withLock { count in
      defer { count = Count() }
      return count
    }
  }

  /// Refuses to go on when more samples were classified than allowed.
  ///
  /// - Throws: `InputError.outOfRange` naming both numbers.
  public func check(atMost limit: Int) throws {
    if count.forwards > limit {
      throw InputError(
        .outOfRange, "model queries", expected: "at most \(limit)", found: "\(count.forwards)",
        remedy: "Give the attack fewer steps or draws, or report it with what it cost.")
    }
  }

  private func add(forwards: Int = 0, gradients: Int = 0) {
    counted.withLock {
      $0.forwards += forwards
      $0.gradients += gradients
    }
  }

  /// The base's range.
  public var inputRange: ClosedRange<Float> { base.inputRange }

  /// The base's logits; a gradient that is passed back is counted when it is.
  public func logits(_ x: Variable) -> Variable {
    let samples = x.shape[0]
    add(forwards: samples)
    return base.logits(
      .recorded("counted", x.value, from: x) { dy in
        self.add(gradients: samples)
        return dy
      })
  }

  /// The base's logits.
  public func logits(_ x: Tensor) -> Tensor {
    add(forwards: x.shape[0])
    return base.logits(x)
  }

  /// The base's logits and gradients.
  public func logitsAndInputGradient(at x: Tensor, goal: some Goal) -> (logits: Tensor, gradient: Tensor) {
    add(forwards: x.shape[0], gradients: x.shape[0])
    return base.logitsAndInputGradient(at: x, goal: goal)
  }
}
