internal import CKernels

private typealias Fill = (_ firstBlock: UInt64, _ destination: UnsafeMutablePointer<Float>, _ count: Int) ->
  Void

extension Tensor {
  // Chunks begin at whole blocks, so each draw has the same number in the stream whoever computes it.
  private static func drawn(shape: Shape, _ fill: Fill) -> Tensor {
    let result = Tensor(uninitialized: shape)
    let start = SendablePointer(result.freshPointer)
    ThreadPool.run(count: shape.count, inChunksOf: 1 << 15) { range in
      fill(UInt64(range.lowerBound / 4), start.pointer + range.lowerBound, range.count)
    }
    return result
  }

  /// Independent draws, uniform on `[lowerBound, upperBound)`: 24 random bits each.
  public static func uniform(shape: Shape, in range: ClosedRange<Float> = 0...1, key: RandomKey) -> Tensor {
    drawn(shape: shape) { ck_random_uniform(key.bits, $0, range.lowerBound, range.upperBound, $1, $2) }
  }

  /// Independent normal draws (Box–Muller within a block of four).
  ///
  /// Of 24 random bits each: no draw lies further than 5.77 standard deviations from the mean.
  public static func normal(
    shape: Shape, mean: Float = 0, standardDeviation: Float = 1, key: RandomKey
  ) -> Tensor {
    drawn(shape: shape) { ck_random_normal(key.bits, $0, mean, standardDeviation, $1, $2) }
  }

  /// Independent draws of 1 with this probability, else 0.
  ///
  /// - Precondition: 0 ≤ probability ≤ 1.
  public static func bernoulli(shape: Shape, probability: Float, key: RandomKey) -> Tensor {
    precondition(
      probability >= 0 && probability <= 1, "bernoulli: probability \(probability) is outside 0...1")
    return drawn(shape: shape) { ck_random_bernoulli(key.bits, $0, probability, $1, $2) }
  }

  /// Independent draws, uniform on `[lowerBound, upperBound)`, each row along the first axis from its own key: a
  /// sample's draws then depend neither on its place in a batch nor on the other samples.
  ///
  /// - Precondition: as many keys as rows.
  public static func uniform(shape: Shape, in range: ClosedRange<Float> = 0...1, rowKeys: [RandomKey])
    -> Tensor
  {
    drawn(shape: shape, rowKeys: rowKeys) {
      ck_random_uniform($0.bits, 0, range.lowerBound, range.upperBound, $1, $2)
    }
  }

  /// Independent normal draws, as `normal(shape:mean:standardDeviation:key:)`, each row along the first axis from its
  /// own key.
  ///
  /// - Precondition: as many keys as rows.
  public static func normal(
    shape: Shape, mean: Float = 0, standardDeviation: Float = 1, rowKeys: [RandomKey]
  ) -> Tensor {
    drawn(shape: shape, rowKeys: rowKeys) { ck_random_normal($0.bits, 0, mean, standardDeviation, $1, $2) }
  }

  private static func drawn(
    shape: Shape, rowKeys: [RandomKey],
    _ fill: (_ key: RandomKey, _ destination: UnsafeMutablePointer<Float>, _ count: Int) -> Void
  ) -> Tensor {
    precondition(
      shape.rank > 0 && rowKeys.count == shape[0],
      "Tensor: \(rowKeys.count) row keys for draws of shape \(shape)")
    let result = Tensor(uninitialized: shape)
    let start = SendablePointer(result.freshPointer)
    let row = shape.removing(axis: 0).count
    ThreadPool.run(count: rowKeys.count, inChunksOf: Swift.max(1, (1 << 13) / Swift.max(1, row))) { rows in
      for i in rows { fill(rowKeys[i], start.pointer + i * row, row) }
    }
    return result
  }
}

/// A pointer that pool tasks share; the caller keeps the memory alive and the tasks apart.
struct SendablePointer<Pointee>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Pointee>
  init(_ pointer: UnsafeMutablePointer<Pointee>) { self.pointer = pointer }
}
