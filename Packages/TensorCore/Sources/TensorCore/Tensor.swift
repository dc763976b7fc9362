internal import CKernels

/// A recycled block of floats, aligned to 64 bytes. Freed by the last tensor that uses it.
final class TensorStorage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    base = ck_buffer_take(count)
  }

  deinit { ck_buffer_return(base, count) }
}

/// Floats in row-major order, contiguous, with a shape. A value: a copy shares memory until one of the two is
/// changed.
///
/// Images are `[n, channels, height, width]`, linear weights `[outputs, inputs]`. Wrong shapes, ranks and
/// indices stop the program with the operation's name and both values.
public struct Tensor: Sendable {
  /// The lengths of the axes.
  public let shape: Shape
  private var storage: TensorStorage
  /// Where this tensor begins in its storage; slices along the first axis share memory.
  private let offset: Int

  init(uninitialized shape: Shape) {
    self.shape = shape
    storage = TensorStorage(count: shape.count)
    offset = 0
  }

  private init(shape: Shape, storage: TensorStorage, offset: Int) {
    self.shape = shape
    self.storage = storage
    self.offset = offset
  }

  /// A tensor whose scalars a closure writes: the buffer comes uninitialised, and the closure must fill all of it.
  public init(shape: Shape, initializingWith fill: (UnsafeMutableBufferPointer<Float>) throws -> Void)
    rethrows
  {
    self.init(uninitialized: shape)
    try fill(UnsafeMutableBufferPointer(start: storage.base, count: shape.count))
  }

  /// A tensor with these scalars in row-major order.
  ///
  /// - Precondition: there are as many scalars as the shape holds.
  public init(shape: Shape, scalars: [Float]) {
    precondition(
      scalars.count == shape.count,
      "Tensor: shape \(shape) holds \(shape.count) scalars, got \(scalars.count)")
    self.init(uninitialized: shape)
    scalars.withUnsafeBufferPointer {
      if $0.count > 0 { storage.base.update(from: $0.baseAddress!, count: $0.count) }
    }
  }

  /// A tensor of one repeated value.
  public init(repeating value: Float, shape: Shape) {
    self.init(uninitialized: shape)
    storage.base.update(repeating: value, count: shape.count)
  }

  /// A scalar: a tensor of shape `[]`.
  public init(_ scalar: Float) { self.init(repeating: scalar, shape: []) }

  /// A vector: `[n]`.
  public init(_ scalars: [Float]) { self.init(shape: [scalars.count], scalars: scalars) }

  /// A matrix from its rows: `[rows, columns]`.
  ///
  /// - Precondition: all rows have the same length.
  public init(_ rows: [[Float]]) {
    let columns = rows.first?.count ?? 0
    precondition(
      rows.allSatisfy { $0.count == columns }, "Tensor: rows of different lengths \(rows.map(\.count))")
    self.init(shape: [rows.count, columns], scalars: rows.flatMap { $0 })
  }

  /// All zero.
  public static func zeros(shape: Shape) -> Tensor { Tensor(repeating: 0, shape: shape) }

  /// All one.
  public static func ones(shape: Shape) -> Tensor { Tensor(repeating: 1, shape: shape) }

  /// How many axes there are.
  public var rank: Int { shape.rank }

  /// How many scalars there are.
  public var count: Int { shape.count }

  /// A copy of the scalars in row-major order.
  public var scalars: [Float] { withUnsafeBufferPointer(Array.init) }

  /// The only scalar of a tensor that has one, whatever its rank.
  ///
  /// - Precondition: `count` is 1.
  public var item: Float {
    precondition(count == 1, "item: expected one scalar, got shape \(shape)")
    return storage.base[offset]
  }

  /// One scalar, an index an axis; to set one copies shared memory first.
  public subscript(indices: Int...) -> Float {
    get { storage.base[offset + position(of: indices)] }
    set {
      let position = position(of: indices)
      makeUnique()
      withUnsafeMutableBufferPointer { $0[position] = newValue }
    }
  }

  private func position(of indices: [Int]) -> Int {
    precondition(
      indices.count == rank && zip(indices, shape.dimensions).allSatisfy { $0 >= 0 && $0 < $1 },
      "subscript: index \(indices) is outside shape \(shape)")
    return zip(indices, shape.dimensions).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// Calls `body` with the scalars in row-major order; the pointer is valid only inside.
  public func withUnsafeBufferPointer<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(storage) {
      try body(UnsafeBufferPointer(start: storage.base + offset, count: shape.count))
    }
  }

  /// Calls `body` with the scalars to change in place; shared memory is copied first.
  public mutating func withUnsafeMutableBufferPointer<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    makeUnique()
    return try body(UnsafeMutableBufferPointer(start: storage.base + offset, count: shape.count))
  }

  /// The first scalar's address. Keep the tensor alive around every use (`withExtendedLifetime`).
  var pointer: UnsafePointer<Float> { UnsafePointer(storage.base + offset) }

  /// The address to write a tensor that was just made by `init(uninitialized:)`.
  var freshPointer: UnsafeMutablePointer<Float> { storage.base }

  private mutating func makeUnique() {
    if isKnownUniquelyReferenced(&storage) { return }
    let copy = Tensor(uninitialized: shape)
    copy.storage.base.update(from: storage.base + offset, count: shape.count)
    self = copy
  }

  /// The same scalars under another shape; no copy. One length may be −1 and is then worked out.
  ///
  /// - Precondition: both shapes hold as many scalars.
  public func reshaped(to dimensions: [Int]) -> Tensor {
    var lengths = dimensions
    if let free = lengths.firstIndex(of: -1) {
      let known = lengths.enumerated().reduce(1) { $1.offset == free ? $0 : $0 * $1.element }
      precondition(
        known > 0 && count % known == 0, "reshaped: \(shape) cannot become \(dimensions), \(count) scalars")
      lengths[free] = count / known
    }
    return reshaped(to: Shape(lengths))
  }

  /// The same scalars under another shape; no copy.
  ///
  /// - Precondition: both shapes hold as many scalars.
  public func reshaped(to newShape: Shape) -> Tensor {
    precondition(
      newShape.count == count,
      "reshaped: \(shape) holds \(count) scalars, \(newShape) would hold \(newShape.count)")
    return Tensor(shape: newShape, storage: storage, offset: offset)
  }

  /// Rows `range` along the first axis: `[n, …] → [range.count, …]`; no copy.
  ///
  /// - Precondition: rank 1 or more, and the range lies inside the first axis.
  public subscript(rows range: Range<Int>) -> Tensor {
    precondition(
      rank > 0 && range.lowerBound >= 0 && range.upperBound <= shape[0],
      "slice: rows \(range) are outside shape \(shape)")
    let row = shape.removing(axis: 0).count
    return Tensor(
      shape: shape.replacing(axis: 0, with: range.count), storage: storage,
      offset: offset + range.lowerBound * row)
  }

  /// One row along the first axis, which disappears: `[n, …] → […]`; no copy.
  public subscript(row index: Int) -> Tensor {
    let slice = self[rows: index..<(index + 1)]
    return slice.reshaped(to: slice.shape.removing(axis: 0))
  }

  /// An axis of length 1 put in front of `axis` (`rank` puts it last; negative counts from the end).
  public func expanded(axis: Int) -> Tensor {
    let place = axis < 0 ? axis + rank + 1 : axis
    precondition(place >= 0 && place <= rank, "expanded: axis \(axis) cannot be put into shape \(shape)")
    return reshaped(to: shape.inserting(axis: place))
  }

  /// Without an axis of length 1.
  ///
  /// - Precondition: the axis has length 1.
  public func squeezed(axis: Int) -> Tensor {
    let axis = shape.validAxis(axis, for: "squeezed")
    precondition(shape[axis] == 1, "squeezed: axis \(axis) of \(shape) has length \(shape[axis]), not 1")
    return reshaped(to: shape.removing(axis: axis))
  }

  /// How many tensor buffers were ever newly allocated in this process; recycled ones do not count. A loop that
  /// has warmed up leaves it unchanged.
  public static var freshBufferCount: Int { Int(ck_buffer_fresh()) }
}

extension Tensor: Equatable {
  /// Same shape and equal scalars; NaN differs from everything, as in `Float`.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    a.shape == b.shape
      && a.withUnsafeBufferPointer { x in b.withUnsafeBufferPointer { y in x.elementsEqual(y) } }
  }
}

extension Tensor: CustomStringConvertible {
  /// Shape and scalars, the middle left out beyond 24.
  public var description: String {
    if rank == 0 { return "\(item)" }
    let numbers = scalars.map { "\($0)" }
    let shown =
      count <= 24 ? numbers : numbers.prefix(12) + ["…"] + numbers.suffix(12)
    return "Tensor\(shape)(\(shown.joined(separator: ", ")))"
  }
}
