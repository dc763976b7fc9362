internal import CKernels

/// How many scalars an elementwise task handles: long enough to outweigh the hand-over, short enough to share.
let elementwiseChunk = 1 << 15

extension Tensor {
  /// Applies an elementwise kernel, repeating axes of length 1 as NumPy and PyTorch do.
  static func binary(_ operation: ck_binary_op, _ name: String, _ a: Tensor, _ b: Tensor) -> Tensor {
    guard let shape = a.shape.broadcast(with: b.shape) else {
      preconditionFailure("\(name): shapes \(a.shape) and \(b.shape) cannot be broadcast")
    }
    let result = Tensor(uninitialized: shape)
    let loops = BroadcastLoops(a.shape, b.shape, into: shape)
    let (x, y, z) = (a.pointer, b.pointer, SendablePointer(result.freshPointer))
    withExtendedLifetime((a, b)) {
      if loops.outer == 1 {
        ThreadPool.run(count: loops.inner, inChunksOf: elementwiseChunk) { range in
          ck_binary(
            operation, x + range.lowerBound * loops.innerA, Int32(loops.innerA),
            y + range.lowerBound * loops.innerB, Int32(loops.innerB), z.pointer + range.lowerBound,
            range.count)
        }
        return
      }
      ThreadPool.run(
        count: loops.outer, inChunksOf: Swift.max(1, elementwiseChunk / Swift.max(1, loops.inner))
      ) { range in
        for index in range {
          let (i, j) = loops.offsets(index)
          ck_binary(
            operation, x + i, Int32(loops.innerA), y + j, Int32(loops.innerB),
            z.pointer + index * loops.inner,
            loops.inner)
        }
      }
    }
    return result
  }

  static func unary(_ operation: ck_unary_op, _ x: Tensor) -> Tensor {
    let result = Tensor(uninitialized: x.shape)
    let (source, target) = (x.pointer, SendablePointer(result.freshPointer))
    withExtendedLifetime(x) {
      ThreadPool.run(count: x.count, inChunksOf: elementwiseChunk) { range in
        ck_unary(operation, source + range.lowerBound, target.pointer + range.lowerBound, range.count)
      }
    }
    return result
  }

  /// The sum, element by element; axes of length 1 repeat.
  public static func + (a: Tensor, b: Tensor) -> Tensor { binary(ck_add, "+", a, b) }
  /// The difference, element by element; axes of length 1 repeat.
  public static func - (a: Tensor, b: Tensor) -> Tensor { binary(ck_subtract, "-", a, b) }
  /// The product, element by element; axes of length 1 repeat.
  public static func * (a: Tensor, b: Tensor) -> Tensor { binary(ck_multiply, "*", a, b) }
  /// The quotient, element by element; axes of length 1 repeat.
  public static func / (a: Tensor, b: Tensor) -> Tensor { binary(ck_divide, "/", a, b) }
  /// Adds a number to every element.
  public static func + (a: Tensor, b: Float) -> Tensor { a + Tensor(b) }
  /// Adds every element to a number.
  public static func + (a: Float, b: Tensor) -> Tensor { Tensor(a) + b }
  /// Subtracts a number from every element.
  public static func - (a: Tensor, b: Float) -> Tensor { a - Tensor(b) }
  /// Subtracts every element from a number.
  public static func - (a: Float, b: Tensor) -> Tensor { Tensor(a) - b }
  /// Multiplies every element by a number.
  public static func * (a: Tensor, b: Float) -> Tensor { a * Tensor(b) }
  /// Multiplies every element by a number.
  public static func * (a: Float, b: Tensor) -> Tensor { Tensor(a) * b }
  /// Divides every element by a number.
  public static func / (a: Tensor, b: Float) -> Tensor { a / Tensor(b) }
  /// Divides a number by every element.
  public static func / (a: Float, b: Tensor) -> Tensor { Tensor(a) / b }
  /// Every element with the other sign.
  public static prefix func - (x: Tensor) -> Tensor { unary(ck_negate, x) }

  /// Adds in place where the shapes are equal; else as `+`, and the result must keep this tensor's shape.
  public static func += (a: inout Tensor, b: Tensor) { a.combine(ck_add, "+=", b) }
  /// Subtracts in place where the shapes are equal; else as `-`, and the result must keep this tensor's shape.
  public static func -= (a: inout Tensor, b: Tensor) { a.combine(ck_subtract, "-=", b) }
  /// Multiplies in place where the shapes are equal; else as `*`, and the result must keep this tensor's shape.
  public static func *= (a: inout Tensor, b: Tensor) { a.combine(ck_multiply, "*=", b) }
  /// Multiplies every element by a number, in place.
  public static func *= (a: inout Tensor, b: Float) { a.combine(ck_multiply, "*=", Tensor(b)) }

  private mutating func combine(_ operation: ck_binary_op, _ name: String, _ b: Tensor) {
    guard shape == b.shape || b.count == 1 && b.rank <= rank else {
      let result = Tensor.binary(operation, name, self, b)
      precondition(
        result.shape == shape, "\(name): \(b.shape) would change shape \(shape) to \(result.shape)")
      self = result
      return
    }
    let (step, other) = (shape == b.shape ? 1 : 0, b.pointer)
    withExtendedLifetime(b) {
      withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        let target = SendablePointer(base)
        ThreadPool.run(count: buffer.count, inChunksOf: elementwiseChunk) { range in
          let place = target.pointer + range.lowerBound
          ck_binary(operation, place, 1, other + range.lowerBound * step, Int32(step), place, range.count)
        }
      }
    }
  }

  /// Adds `factor · other` in place: `self ← self + factor · other`, rounded once where the CPU has FMA.
  ///
  /// - Precondition: the shapes are equal.
  public mutating func add(_ other: Tensor, scaledBy factor: Float) {
    precondition(shape == other.shape, "add(_:scaledBy:): shapes \(shape) and \(other.shape) differ")
    let source = other.pointer
    withExtendedLifetime(other) {
      withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        let target = SendablePointer(base)
        ThreadPool.run(count: buffer.count, inChunksOf: elementwiseChunk) { range in
          ck_axpy(factor, source + range.lowerBound, target.pointer + range.lowerBound, range.count)
        }
      }
    }
  }

  /// The exact sum rounded towards −∞ or +∞ instead of to the nearest `Float`.
  public func adding(_ other: Tensor, rounding: FloatingPointRoundingRule) -> Tensor {
    switch rounding {
    case .up: return .binary(ck_add_rounding_up, "adding", self, other)
    case .down: return .binary(ck_add_rounding_down, "adding", self, other)
    default: preconditionFailure("adding: rounding \(rounding) is not offered, use .up or .down")
    }
  }

  /// The exact difference rounded towards −∞ or +∞ instead of to the nearest `Float`.
  public func subtracting(_ other: Tensor, rounding: FloatingPointRoundingRule) -> Tensor {
    adding(-other, rounding: rounding)
  }
}

/// How to walk two tensors that broadcast to one shape: inner runs in which each either walks along (step 1) or
/// repeats one value (step 0), under an outer count.
struct BroadcastLoops {
  private(set) var inner = 1
  private(set) var innerA = 1
  private(set) var innerB = 1
  private(set) var outer = 1
  private var outerDimensions: [Int] = []
  private var outerStridesA: [Int] = []
  private var outerStridesB: [Int] = []

  init(_ a: Shape, _ b: Shape, into shape: Shape) {
    let stridesA = Self.strides(a, rank: shape.rank)
    let stridesB = Self.strides(b, rank: shape.rank)
    var axis = shape.rank - 1
    var begun = false
    while axis >= 0 {
      let length = shape[axis]
      if length != 1 {
        let (stepA, stepB) = (stridesA[axis], stridesB[axis])
        if !begun {
          (innerA, innerB, begun) = (min(stepA, 1), min(stepB, 1), true)
        } else if stepA != innerA * inner || stepB != innerB * inner {
          break
        }
        inner *= length
      }
      axis -= 1
    }
    if axis >= 0 {
      outerDimensions = Array(shape.dimensions[...axis])
      outerStridesA = Array(stridesA[...axis])
      outerStridesB = Array(stridesB[...axis])
      outer = outerDimensions.reduce(1, *)
    }
  }

  /// Where run `index` begins in each tensor.
  func offsets(_ index: Int) -> (Int, Int) {
    var (rest, a, b) = (index, 0, 0)
    for axis in outerDimensions.indices.reversed() {
      let place = rest % outerDimensions[axis]
      rest /= outerDimensions[axis]
      a += place * outerStridesA[axis]
      b += place * outerStridesB[axis]
    }
    return (a, b)
  }

  // 0 where the axis has length 1 or is missing
  private static func strides(_ shape: Shape, rank: Int) -> [Int] {
    var result = [Int](repeating: 0, count: rank)
    var stride = 1
    for axis in shape.dimensions.indices.reversed() {
      if shape[axis] != 1 { result[axis + rank - shape.rank] = stride }
      stride *= shape[axis]
    }
    return result
  }
}
