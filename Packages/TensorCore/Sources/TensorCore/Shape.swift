/// The lengths of a tensor's axes, outermost first: `[n, channels, height, width]`. The empty shape is a scalar's.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// One length an axis, each 0 or more.
  public let dimensions: [Int]

  /// A shape with these axis lengths.
  ///
  /// - Precondition: no length is negative.
  public init(_ dimensions: [Int]) {
    precondition(dimensions.allSatisfy { $0 >= 0 }, "Shape: negative length in \(dimensions)")
    self.dimensions = dimensions
  }

  /// A shape written as a literal, `[2, 3]`.
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// How many axes there are.
  public var rank: Int { dimensions.count }

  /// How many scalars a tensor of this shape holds; 1 for a scalar.
  public var count: Int { dimensions.reduce(1, *) }

  /// The length of one axis.
  public subscript(axis: Int) -> Int { dimensions[axis] }

  /// The lengths as an array literal, `[2, 3]`.
  public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }

  /// `axis`, or the axis counted from the last one if it is negative, after a check that it exists.
  public func validAxis(_ axis: Int, for operation: String) -> Int {
    let resolved = axis < 0 ? axis + rank : axis
    precondition(
      resolved >= 0 && resolved < rank,
      "\(operation): axis \(axis) does not exist in shape \(self), which has \(rank) axes")
    return resolved
  }

  /// The scalars before, along and after an axis: `(outer, length, inner)` with `outer · length · inner = count`.
  public func split(around axis: Int) -> (outer: Int, length: Int, inner: Int) {
    (
      dimensions[..<axis].reduce(1, *), dimensions[axis], dimensions[(axis + 1)...].reduce(1, *)
    )
  }

  /// The shape without one axis.
  public func removing(axis: Int) -> Shape {
    var left = dimensions
    left.remove(at: axis)
    return Shape(left)
  }

  /// The shape with another length for one axis.
  public func replacing(axis: Int, with length: Int) -> Shape {
    var changed = dimensions
    changed[axis] = length
    return Shape(changed)
  }

  /// The shape with an axis of length 1 in front of `axis`.
  public func inserting(axis: Int) -> Shape {
    var wider = dimensions
    wider.insert(1, at: axis)
    return Shape(wider)
  }

  /// The shape that both expand to when axes of length 1 repeat, aligned at the last axis; nil when two lengths
  /// differ and neither is 1.
  public func broadcast(with other: Shape) -> Shape? {
    if self == other { return self }
    let rank = max(self.rank, other.rank)
    var result = [Int](repeating: 1, count: rank)
    for i in 1...max(rank, 1) where i <= rank {
      let a = i <= self.rank ? dimensions[self.rank - i] : 1
      let b = i <= other.rank ? other.dimensions[other.rank - i] : 1
      guard a == b || a == 1 || b == 1 else { return nil }
      result[rank - i] = a == 1 ? b : a
    }
    return Shape(result)
  }
}
