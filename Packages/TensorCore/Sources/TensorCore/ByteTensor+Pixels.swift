internal import CKernels

extension ByteTensor {
  /// The rows with these indices along the first axis as pixels in [0, 1]: `[n, …] → [indices.count, …]`, each
  /// exactly `Float(byte) / 255`.
  ///
  /// - Precondition: rank 1 or more, and every index lies inside the first axis.
  public func pixels(rows indices: [Int]) -> Tensor {
    precondition(shape.rank > 0, "pixels: a scalar has no rows")
    for index in indices where index < 0 || index >= shape[0] {
      preconditionFailure("pixels: row \(index) is outside shape \(shape)")
    }
    let row = shape.removing(axis: 0).count
    let result = Tensor(uninitialized: shape.replacing(axis: 0, with: indices.count))
    let target = SendablePointer(result.freshPointer)
    scalars.withUnsafeBufferPointer { bytes in
      indices.map(Int64.init).withUnsafeBufferPointer { rows in
        guard let bytes = bytes.baseAddress, let rows = rows.baseAddress else { return }
        ThreadPool.run(
          count: indices.count, inChunksOf: Swift.max(1, 4 * elementwiseChunk / Swift.max(1, row))
        ) {
          ck_gather_pixels(bytes, row, rows + $0.lowerBound, $0.count, target.pointer + $0.lowerBound * row)
        }
      }
    }
    return result
  }
}
