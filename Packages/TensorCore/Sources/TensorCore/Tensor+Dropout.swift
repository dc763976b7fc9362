internal import CKernels

extension Tensor {
  /// Dropout, each row with draws of its own: an element becomes 0 with probability `rate` and x / (1 − rate) else.
  ///
  /// Element i of row r is dropped where draw i of `keys[r]`'s uniform stream is below `rate`, so the result depends on
  /// the keys alone, not on the order of the rows.
  ///
  /// - Parameters:
  ///   - rate: the share to drop, 0 to 1.
  ///   - keys: one a row: for draws that follow a sample wherever it stands, keys derived from its index.
  /// - Returns: the values, and what was kept, for the backward pass.
  /// - Precondition: rank 1 or more, and as many keys as rows.
  public func dropped(rate: Float, keys: [RandomKey]) -> (values: Tensor, mask: DropoutMask) {
    precondition(rate >= 0 && rate <= 1, "dropped: rate \(rate) is outside 0...1")
    precondition(rank > 0 && keys.count == shape[0], "dropped: \(keys.count) keys for \(shape)")
    let result = Tensor(uninitialized: shape)
    let mask = DropoutMask(shape: shape, scale: 1 / (1 - rate))
    let row = shape.removing(axis: 0).count
    let threshold = UInt32((Double(rate) * 0x1p24).rounded(.up))
    let (source, target, kept) = (pointer, SendablePointer(result.freshPointer), SendablePointer(mask.bytes))
    let scale = mask.scale
    withExtendedLifetime((self, mask)) {
      ThreadPool.run(count: shape[0], inChunksOf: Swift.max(1, (1 << 12) / Swift.max(1, row))) { rows in
        for r in rows {
          ck_dropout(
            keys[r].bits, threshold, scale, source + r * row, target.pointer + r * row,
            kept.pointer + r * row, row)
        }
      }
    }
    return (result, mask)
  }

  /// Each row multiplied by its factor, rows being what is left when the factors' axes are taken off the front:
  /// `[n, c, h, w]` by `[n, c]` scales planes. A factor of 0 gives 0, also for infinity and NaN.
  ///
  /// - Precondition: the shape begins with the factors' shape.
  public func scaledRows(by factors: Tensor) -> Tensor {
    precondition(
      rank >= factors.rank && Array(shape.dimensions.prefix(factors.rank)) == factors.shape.dimensions,
      "scaledRows: factors \(factors.shape) for \(shape)")
    let row = shape.dimensions[factors.rank...].reduce(1, *)
    let result = Tensor(uninitialized: shape)
    let (source, target, scales) = (pointer, SendablePointer(result.freshPointer), factors.pointer)
    withExtendedLifetime((self, factors)) {
      ThreadPool.run(count: factors.count, inChunksOf: Swift.max(1, elementwiseChunk / Swift.max(1, row))) {
        rows in
        let first = rows.lowerBound
        ck_scale_rows(source + first * row, scales + first, rows.count, row, target.pointer + first * row)
      }
    }
    return result
  }
}

/// Which elements dropout kept, a byte each.
public struct DropoutMask: Sendable {
  private let shape: Shape
  private let storage: TensorStorage
  let scale: Float

  init(shape: Shape, scale: Float) {
    self.shape = shape
    self.scale = scale
    storage = TensorStorage(count: (shape.count + 3) / 4)
  }

  var bytes: UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(storage.base).assumingMemoryBound(to: UInt8.self)
  }

  /// The gradient with respect to dropout's input: `dy / (1 − rate)` where the element was kept, else 0.
  ///
  /// - Precondition: `dy` has the output's shape.
  public func gradient(upstream dy: Tensor) -> Tensor {
    precondition(dy.shape == shape, "dropped: upstream \(dy.shape) for \(shape)")
    let result = Tensor(uninitialized: shape)
    let (source, target, kept) = (dy.pointer, SendablePointer(result.freshPointer), SendablePointer(bytes))
    let scale = scale
    withExtendedLifetime((dy, self)) {
      ThreadPool.run(count: shape.count, inChunksOf: elementwiseChunk) { range in
        let first = range.lowerBound
        ck_dropout_gradient(
          kept.pointer + first, scale, source + first, target.pointer + first, range.count)
      }
    }
    return result
  }
}
