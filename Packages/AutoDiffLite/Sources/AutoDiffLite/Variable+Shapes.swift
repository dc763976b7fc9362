import TensorCore

extension Variable {
  /// The same elements under another shape; one length may be −1.
  public func reshaped(to dimensions: [Int]) -> Variable {
    let shape = self.shape
    return .recorded("reshaped", value.reshaped(to: dimensions), from: self) { dy in dy.reshaped(to: shape) }
  }

  /// All axes from `axis` on joined into one: `[n, c, h, w]` from axis 1 gives `[n, c·h·w]`.
  public func flattened(fromAxis axis: Int = 1) -> Variable {
    precondition(axis >= 0 && axis <= shape.rank, "flattened: axis \(axis) is outside shape \(shape)")
    let joined = shape.dimensions[axis...].reduce(1, *)
    return reshaped(to: Array(shape.dimensions[..<axis]) + [joined])
  }

  /// An axis of length 1 put in front of `axis`.
  public func expanded(axis: Int) -> Variable {
    let shape = self.shape
    return .recorded("expanded", value.expanded(axis: axis), from: self) { dy in dy.reshaped(to: shape) }
  }

  /// Without an axis of length 1.
  public func squeezed(axis: Int) -> Variable {
    let shape = self.shape
    return .recorded("squeezed", value.squeezed(axis: axis), from: self) { dy in dy.reshaped(to: shape) }
  }

  /// Rows and columns exchanged: `[r, c] → [c, r]`.
  public func transposed() -> Variable {
    .recorded("transposed", value.transposed(), from: self) { dy in dy.transposed() }
  }

  /// The axes in another order.
  public func permuted(_ order: [Int]) -> Variable {
    var inverse = order
    for (to, from) in order.enumerated() where inverse.indices.contains(from) { inverse[from] = to }
    let back = inverse
    return .recorded("permuted", value.permuted(order), from: self) { dy in dy.permuted(back) }
  }

  /// Rows `range` along the first axis; the other rows get a zero gradient.
  public subscript(rows range: Range<Int>) -> Variable {
    let shape = self.shape
    return .recorded("slice", value[rows: range], from: self) { dy in
      let before = Tensor.zeros(shape: shape.replacing(axis: 0, with: range.lowerBound))
      let after = Tensor.zeros(shape: shape.replacing(axis: 0, with: shape[0] - range.upperBound))
      return .concatenated([before, dy, after])
    }
  }

  /// Variables joined along the first axis.
  public static func concatenated(_ parts: [Variable]) -> Variable {
    let lengths = parts.map { $0.shape[0] }
    return .recorded("concatenated", .concatenated(parts.map(\.value)), from: parts) { dy, wanted in
      var start = 0
      return zip(lengths, wanted).map { length, isWanted in
        defer { start += length }
        return isWanted ? dy[rows: start..<(start + length)] : nil
      }
    }
  }

  /// The rows with these indices, in this order; a row taken several times gets the sum of its gradients.
  public func gathered(rows indices: [Int]) -> Variable {
    let shape = self.shape
    return .recorded("gathered", value.gathered(rows: indices), from: self) { dy in
      var result = Tensor.zeros(shape: shape)
      let row = shape.removing(axis: 0).count
      result.withUnsafeMutableBufferPointer { target in
        dy.withUnsafeBufferPointer { source in
          for (i, index) in indices.enumerated() {
            for k in 0..<row { target[index * row + k] += source[i * row + k] }
          }
        }
      }
      return result
    }
  }

  /// One element of each row: `[n, k] → [n]`; the others get a zero gradient.
  public func picked(columns: IntTensor) -> Variable {
    let y = value.picked(columns: columns)
    let classes = shape[1]
    return .recorded("picked", y, from: self) { dy in
      .oneHot(columns, classes: classes) * dy.expanded(axis: 1)
    }
  }
}
