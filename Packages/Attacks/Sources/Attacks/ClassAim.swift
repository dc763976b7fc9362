import TensorCore

/// The class of each sample that a goal is about: the true one to get away from, or a wanted one to get to.
public struct ClassAim: Sendable, Hashable {
  /// The classes, `[n]`.
  public let classes: IntTensor
  /// Whether the classes are to win, instead of to lose.
  public let isTargeted: Bool

  /// Towards these classes, or away from them.
  public init(classes: IntTensor, isTargeted: Bool) {
    self.classes = classes
    self.isTargeted = isTargeted
  }

  /// The aim of these samples.
  public func part(_ rows: [Int]) -> ClassAim {
    ClassAim(classes: classes.gathered(rows: rows), isTargeted: isTargeted)
  }

  /// Whether the prediction of each row of `[n, classes]` is another class, or the wanted one.
  public func isReached(_ logits: Tensor) -> [Bool] {
    zip(logits.argmax(alongAxis: 1).scalars, classes.scalars).map { ($0 == $1) == isTargeted }
  }
}

extension Goal {
  /// The classes that an attack which compares logits needs.
  ///
  /// - Precondition: the goal has them.
  func requiredAim(for attack: some CustomStringConvertible) -> ClassAim {
    guard let aim else { preconditionFailure("\(attack): the goal \(Self.self) is not about a class") }
    return aim
  }
}
