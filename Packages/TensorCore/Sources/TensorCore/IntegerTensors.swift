/// 32-bit integers with a shape: labels, predictions, indices.
public struct IntTensor: Hashable, Sendable {
  /// The lengths of the axes.
  public let shape: Shape
  /// The values in row-major order.
  public var scalars: [Int32]

  /// A tensor with these values in row-major order.
  ///
  /// - Precondition: there are as many values as the shape holds.
  public init(shape: Shape, scalars: [Int32]) {
    precondition(
      scalars.count == shape.count,
      "IntTensor: shape \(shape) holds \(shape.count) values, got \(scalars.count)")
    self.shape = shape
    self.scalars = scalars
  }

  /// A vector of integers: `[n]`.
  public init(_ values: [Int]) { self.init(shape: [values.count], scalars: values.map(Int32.init)) }

  /// How many values there are.
  public var count: Int { scalars.count }

  /// Value `position` in row-major order.
  public subscript(position: Int) -> Int { Int(scalars[position]) }

  /// Rows `range` along the first axis: `[n, …] → [range.count, …]`.
  public subscript(rows range: Range<Int>) -> IntTensor {
    precondition(
      shape.rank > 0 && range.lowerBound >= 0 && range.upperBound <= shape[0],
      "slice: rows \(range) are outside shape \(shape)")
    let row = shape.removing(axis: 0).count
    return IntTensor(
      shape: shape.replacing(axis: 0, with: range.count),
      scalars: Array(scalars[(range.lowerBound * row)..<(range.upperBound * row)]))
  }

  /// The rows with these indices, in this order: `[n, …] → [indices.count, …]`.
  public func gathered(rows indices: [Int]) -> IntTensor {
    precondition(shape.rank > 0, "gathered: a scalar has no rows")
    let row = shape.removing(axis: 0).count
    let result = [Int32](unsafeUninitializedCapacity: indices.count * row) { target, filled in
      scalars.withUnsafeBufferPointer { source in
        for (i, index) in indices.enumerated() {
          precondition(index >= 0 && index < shape[0], "gathered: row \(index) is outside shape \(shape)")
          for k in 0..<row { target[i * row + k] = source[index * row + k] }
        }
      }
      filled = indices.count * row
    }
    return IntTensor(shape: shape.replacing(axis: 0, with: indices.count), scalars: result)
  }
}

/// Bytes with a shape: pixels as files hold them, 0 to 255.
public struct ByteTensor: Hashable, Sendable {
  /// The lengths of the axes.
  public let shape: Shape
  /// The bytes in row-major order.
  public var scalars: [UInt8]

  /// A tensor with these bytes in row-major order.
  ///
  /// - Precondition: there are as many bytes as the shape holds.
  public init(shape: Shape, scalars: [UInt8]) {
    precondition(
      scalars.count == shape.count,
      "ByteTensor: shape \(shape) holds \(shape.count) bytes, got \(scalars.count)")
    self.shape = shape
    self.scalars = scalars
  }

  /// How many bytes there are.
  public var count: Int { scalars.count }
}
