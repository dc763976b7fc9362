import TensorCore

/// The lead of the wanted class: above 0 exactly where the goal is reached, but for ties.
///
///     away from y:   max over k ≠ y of zₖ − z_y        towards t:   z_t − max over k ≠ t of zₖ
public struct Margin: Goal, LogitGoal {
  private let wanted: ClassAim

  /// The lead over these classes, or of them.
  public init(_ aim: ClassAim) { wanted = aim }

  /// The classes.
  public var aim: ClassAim? { wanted }

  /// The margin of these samples.
  public func part(_ rows: [Int]) -> Margin? { Margin(wanted.part(rows)) }

  /// True where the prediction is another class, or the wanted one.
  public func isReached(_ logits: Tensor) -> [Bool] { wanted.isReached(logits) }

  func objective(
    of row: UnsafeBufferPointer<Float>, sample: Int, slope: UnsafeMutableBufferPointer<Float>?
  ) -> Double {
    let own = wanted.classes[sample]
    let rival = row.best(but: own)
    return wanted.isTargeted
      ? row.lead(of: own, over: rival, slope: slope) : row.lead(of: rival, over: own, slope: slope)
  }
}
