import TensorCore

extension Tensor {
  /// Maps enlarged or made smaller, bilinear between the four nearest values: `[…, h, w] → […, size.height, size.width]`.
  ///
  /// Output pixel i takes the value at `(i + ½) · h / height − ½`, kept within the map, as in PyTorch's `interpolate` and
  /// OpenCV's `resize`. Nothing is averaged when a map is made smaller.
  ///
  /// - Parameter aligningCorners: whether the outermost pixels' centres lie on each other instead:
  ///   `i · (h − 1) / (height − 1)`, as PyTorch's `align_corners`.
  /// - Precondition: at least two axes, and no length is 0.
  public func resizedMaps(to size: Extent, aligningCorners: Bool = false) -> Tensor {
    precondition(
      rank >= 2 && count > 0 && size.height > 0 && size.width > 0,
      "resizedMaps: shape \(shape) to \(size)")
    let (height, width) = (shape[rank - 2], shape[rank - 1])
    let rows = sources(size.height, of: height, aligningCorners)
    let columns = sources(size.width, of: width, aligningCorners)
    let result = shape.replacing(axis: rank - 2, with: size.height).replacing(
      axis: rank - 1, with: size.width)
    return Tensor(shape: result) { y in
      withUnsafeBufferPointer { x in
        var place = 0
        for start in stride(from: 0, to: x.count, by: height * width) {
          for row in rows {
            let (upper, lower) = (start + row.first * width, start + row.second * width)
            for column in columns {
              let top = x[upper + column.first] * (1 - column.share) + x[upper + column.second] * column.share
              let bottom =
                x[lower + column.first] * (1 - column.share) + x[lower + column.second] * column.share
              y[place] = top * (1 - row.share) + bottom * row.share
              place += 1
            }
          }
        }
      }
    }
  }

  /// Each map moved and scaled so that its values reach from 0 to 1: `[…, h, w] → […, h, w]`. A constant map becomes 0.
  ///
  ///     (m − min m) / (max m − min m)
  public func scaledToUnitRange() -> Tensor { scaledToUnitRange(guardingWith: 0) }

  /// The same with a small number added to the denominator.
  func scaledToUnitRange(guardingWith epsilon: Float) -> Tensor {
    precondition(rank >= 2, "scaledToUnitRange: expected […, height, width], got \(shape)")
    let area = shape[rank - 2] * shape[rank - 1]
    return Tensor(shape: shape) { y in
      withUnsafeBufferPointer { x in
        for start in stride(from: 0, to: x.count, by: Swift.max(area, 1)) {
          let map = x[start..<start + area]
          guard let low = map.min(), let high = map.max() else { continue }
          for i in map.indices { y[i] = high > low ? (x[i] - low) / (high - low + epsilon) : 0 }
        }
      }
    }
  }
}

/// For each output position the two inputs beside it and the share of the second.
private func sources(_ count: Int, of length: Int, _ aligningCorners: Bool) -> [(
  first: Int, second: Int, share: Float
)] {
  (0..<count).map { i in
    let place =
      aligningCorners
      ? (count > 1 ? Double(i) * Double(length - 1) / Double(count - 1) : 0)
      : (Double(i) + 0.5) * Double(length) / Double(count) - 0.5
    let kept = min(max(place, 0), Double(length - 1))
    let first = min(Int(kept), length - 1)
    return (first, min(first + 1, length - 1), Float(kept - Double(first)))
  }
}
