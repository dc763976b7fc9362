internal import CKernels

extension Tensor {
  /// The sum of all scalars, accumulated in `Double` and rounded once.
  public func sum() -> Float { Float(doubleSum()) }

  /// The mean of all scalars, accumulated in `Double`; NaN for an empty tensor.
  public func mean() -> Float { Float(doubleSum() / Double(count)) }

  /// The sum of all scalars in `Double`.
  public func doubleSum() -> Double { reduced(ck_sum) }

  /// The sum of all squares in `Double`: the L2 norm is its square root.
  public func sumOfSquares() -> Double { reduced(ck_sum_of_squares) }

  // Partial sums of chunks that the length alone decides, added in order: the same bits for any thread count.
  private func reduced(_ kernel: (UnsafePointer<Float>?, Int) -> Double) -> Double {
    let length = 1 << 16
    return withExtendedLifetime(self) {
      if count <= length { return kernel(pointer, count) }
      var parts = [Double](repeating: 0, count: (count + length - 1) / length)
      parts.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        let target = SendablePointer(base)
        ThreadPool.run(count: count, inChunksOf: length) { range in
          target.pointer[range.lowerBound / length] = kernel(pointer + range.lowerBound, range.count)
        }
      }
      return parts.reduce(0, +)
    }
  }

  /// The largest scalar; NaN if one is NaN.
  ///
  /// - Precondition: the tensor is not empty.
  public func max() -> Float {
    precondition(count > 0, "max: shape \(shape) has no scalars")
    return withExtendedLifetime(self) { ck_max(pointer, count) }
  }

  /// The smallest scalar; NaN if one is NaN.
  ///
  /// - Precondition: the tensor is not empty.
  public func min() -> Float {
    precondition(count > 0, "min: shape \(shape) has no scalars")
    return -(-self).max()
  }

  /// Sums along one axis, which disappears from the shape: `[2, 3, 4]` along axis 1 gives `[2, 4]`.
  ///
  /// Accumulates in `Double` and rounds once. A negative axis counts from the last one.
  public func sum(alongAxis axis: Int) -> Tensor {
    let axis = shape.validAxis(axis, for: "sum(alongAxis:)")
    let (outer, length, inner) = shape.split(around: axis)
    let result = Tensor(uninitialized: shape.removing(axis: axis))
    let (source, target) = (pointer, SendablePointer(result.freshPointer))
    withExtendedLifetime(self) {
      if inner == 1 {
        ThreadPool.run(count: outer, inChunksOf: Swift.max(1, elementwiseChunk / Swift.max(1, length))) {
          range in
          for row in range { target.pointer[row] = Float(ck_sum(source + row * length, length)) }
        }
      } else if outer == 1 {
        // 512 columns and more are shared; each column is summed by one task, so the split leaves the bits alone
        ThreadPool.run(count: inner, inChunksOf: Swift.max(256, elementwiseChunk / Swift.max(1, length))) {
          range in
          ck_sum_columns(
            source + range.lowerBound, length, range.count, inner, target.pointer + range.lowerBound)
        }
      } else {
        let block = length * inner
        ThreadPool.run(count: outer, inChunksOf: Swift.max(1, elementwiseChunk / Swift.max(1, block))) {
          range in
          for i in range {
            ck_sum_columns(source + i * block, length, inner, inner, target.pointer + i * inner)
          }
        }
      }
    }
    return result
  }

  /// The mean along one axis, which disappears from the shape.
  public func mean(alongAxis axis: Int) -> Tensor {
    let axis = shape.validAxis(axis, for: "mean(alongAxis:)")
    return sum(alongAxis: axis) / Float(shape[axis])
  }

  /// The largest element along one axis, which disappears from the shape; NaN wins.
  ///
  /// - Precondition: the axis is not empty.
  public func max(alongAxis axis: Int) -> Tensor {
    let axis = shape.validAxis(axis, for: "max(alongAxis:)")
    let (outer, length, inner) = shape.split(around: axis)
    precondition(length > 0, "max(alongAxis:): axis \(axis) of shape \(shape) is empty")
    let result = Tensor(uninitialized: shape.removing(axis: axis))
    withExtendedLifetime(self) {
      for i in 0..<outer {
        if inner == 1 {
          result.freshPointer[i] = ck_max(pointer + i * length, length)
        } else {
          ck_max_columns(pointer + i * length * inner, length, inner, result.freshPointer + i * inner)
        }
      }
    }
    return result
  }

  /// The smallest element along one axis, which disappears from the shape; NaN wins.
  public func min(alongAxis axis: Int) -> Tensor { -(-self).max(alongAxis: axis) }

  /// The index of the largest element along one axis, which disappears from the shape. Ties: the first one. NaN
  /// counts as larger than every number.
  ///
  /// - Precondition: the axis is not empty.
  public func argmax(alongAxis axis: Int) -> IntTensor {
    let axis = shape.validAxis(axis, for: "argmax(alongAxis:)")
    let (outer, length, inner) = shape.split(around: axis)
    precondition(length > 0, "argmax(alongAxis:): axis \(axis) of shape \(shape) is empty")
    var result = [Int32](repeating: 0, count: outer * inner)
    withUnsafeBufferPointer { x in
      for o in 0..<outer {
        for i in 0..<inner {
          var (best, place) = (x[o * length * inner + i], 0)
          for k in 1..<Swift.max(length, 1) where !best.isNaN {
            let value = x[(o * length + k) * inner + i]
            if value > best || value.isNaN { (best, place) = (value, k) }
          }
          result[o * inner + i] = Int32(place)
        }
      }
    }
    return IntTensor(shape: shape.removing(axis: axis), scalars: result)
  }

  /// The sums that undo a broadcast: reduces every axis in which `target` has length 1 or which it lacks.
  ///
  /// - Precondition: `target` broadcasts to this shape.
  public func summed(to target: Shape) -> Tensor {
    if shape == target { return self }
    precondition(
      target.broadcast(with: shape) == shape, "summed: shape \(target) does not broadcast to \(shape)")
    if target.count == 1 { return Tensor(sum()).reshaped(to: target) }
    var result = self
    // leading axes that the target lacks collapse into one sum
    let extra = rank - target.rank
    if extra > 0 {
      let lead = shape.dimensions[..<extra].reduce(1, *)
      result = result.reshaped(to: Shape([lead] + shape.dimensions[extra...])).sum(alongAxis: 0)
    }
    for axis in 0..<target.rank where target[axis] == 1 && result.shape[axis] != 1 {
      result = result.sum(alongAxis: axis).expanded(axis: axis)
    }
    return result
  }
}
