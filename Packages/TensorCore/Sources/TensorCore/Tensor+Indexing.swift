internal import CKernels

extension Tensor {
  /// The rows with these indices along the first axis, in this order: `[n, …] → [indices.count, …]`.
  public func gathered(rows indices: [Int]) -> Tensor {
    precondition(rank > 0, "gathered: a scalar has no rows")
    let row = shape.removing(axis: 0).count
    let result = Tensor(uninitialized: shape.replacing(axis: 0, with: indices.count))
    let (source, target) = (pointer, SendablePointer(result.freshPointer))
    withExtendedLifetime(self) {
      ThreadPool.run(count: indices.count, inChunksOf: Swift.max(1, elementwiseChunk / 2 / Swift.max(1, row)))
      { range in
        for i in range {
          let index = indices[i]
          precondition(index >= 0 && index < shape[0], "gathered: row \(index) is outside shape \(shape)")
          (target.pointer + i * row).update(from: source + index * row, count: row)
        }
      }
    }
    return result
  }

  /// One element of each row: `[n, k] → [n]`, element `columns[i]` of row i.
  public func picked(columns: IntTensor) -> Tensor {
    precondition(
      rank == 2 && columns.shape == [shape[0]], "picked: shape \(shape) with \(columns.shape) column indices")
    let width = shape[1]
    return Tensor(shape: columns.shape) { y in
      withUnsafeBufferPointer { x in
        for i in 0..<y.count {
          let column = columns[i]
          precondition(column >= 0 && column < width, "picked: column \(column) is outside shape \(shape)")
          y[i] = x[i * width + column]
        }
      }
    }
  }

  /// Rows of zeros with a 1 at each label: `[n] → [n, classes]`.
  ///
  /// - Precondition: labels lie in `0 ..< classes`.
  public static func oneHot(_ labels: IntTensor, classes: Int) -> Tensor {
    Tensor(shape: [labels.count, classes]) { y in
      y.update(repeating: 0)
      for i in 0..<labels.count {
        precondition(
          labels[i] >= 0 && labels[i] < classes, "oneHot: label \(labels[i]) is outside 0 ..< \(classes)")
        y[i * classes + labels[i]] = 1
      }
    }
  }

  /// Rows and columns exchanged: `[r, c] → [c, r]`.
  public func transposed() -> Tensor {
    precondition(rank == 2, "transposed: expected a matrix, got shape \(shape)")
    let result = Tensor(uninitialized: [shape[1], shape[0]])
    withExtendedLifetime(self) { ck_transpose(pointer, result.freshPointer, shape[0], shape[1]) }
    return result
  }

  /// The axes in another order: axis `i` of the result is axis `order[i]` of this tensor.
  ///
  /// - Precondition: `order` names each axis once.
  public func permuted(_ order: [Int]) -> Tensor {
    precondition(
      order.sorted() == Array(0..<rank), "permuted: \(order) does not name each axis of \(shape) once")
    var strides = [Int](repeating: 1, count: rank)
    for axis in (0..<Swift.max(rank - 1, 0)).reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    let target = Shape(order.map { shape[$0] })
    return Tensor(shape: target) { y in
      withUnsafeBufferPointer { x in
        var place = [Int](repeating: 0, count: rank)
        var source = 0
        for i in 0..<y.count {
          y[i] = x[source]
          var axis = rank - 1
          while axis >= 0 {
            place[axis] += 1
            source += strides[order[axis]]
            if place[axis] < target[axis] { break }
            source -= strides[order[axis]] * target[axis]
            place[axis] = 0
            axis -= 1
          }
        }
      }
    }
  }

  /// Tensors joined along one axis; all other lengths must be equal.
  public static func concatenated(_ parts: [Tensor], alongAxis axis: Int = 0) -> Tensor {
    guard let first = parts.first else { preconditionFailure("concatenated: no tensors") }
    let axis = first.shape.validAxis(axis, for: "concatenated")
    for part in parts {
      precondition(
        part.rank == first.rank && part.shape.removing(axis: axis) == first.shape.removing(axis: axis),
        "concatenated: shapes \(first.shape) and \(part.shape) differ in more than axis \(axis)")
    }
    let total = parts.reduce(0) { $0 + $1.shape[axis] }
    let (outer, _, inner) = first.shape.split(around: axis)
    return Tensor(shape: first.shape.replacing(axis: axis, with: total)) { y in
      var start = 0
      for part in parts {
        let run = part.shape[axis] * inner
        part.withUnsafeBufferPointer { x in
          for o in 0..<outer where run > 0 {
            (y.baseAddress! + o * total * inner + start).update(from: x.baseAddress! + o * run, count: run)
          }
        }
        start += run
      }
    }
  }

  /// Tensors of one shape as the rows of a new first axis: `count × […] → [count, …]`.
  public static func stacked(_ parts: [Tensor]) -> Tensor { concatenated(parts.map { $0.expanded(axis: 0) }) }
}
