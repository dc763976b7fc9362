extension Tensor {
  /// How this tensor differs from the expected one, in a sentence; nil when the shapes are equal and every
  /// element is within `tolerance` of the largest finite magnitude in `expected`:
  ///
  ///     |aᵢ − bᵢ| ≤ tolerance · maxⱼ |bⱼ|
  ///
  /// An infinity agrees with the same infinity only, NaN with NaN only.
  public func mismatch(with expected: Tensor, relativeToLargest tolerance: Float) -> String? {
    let largest = expected.withUnsafeBufferPointer { values in
      values.reduce(Float(0)) { $1.isFinite ? Swift.max($0, $1.magnitude) : $0 }
    }
    let allowed = Double(tolerance) * Double(largest)
    return mismatch(with: expected, allowed: allowed) {
      "a difference of \($0) where \(allowed) is allowed (\(tolerance) of the largest value \(largest))"
    } distance: { a, b in
      Swift.abs(Double(a) - Double(b))
    }
  }

  /// How this tensor differs from the expected one, in a sentence; nil when the shapes are equal and every
  /// element is at most `ulps` representable numbers away from the expected one.
  ///
  /// Zero and negative zero agree. An infinity agrees with the same infinity only, NaN with NaN only.
  public func mismatch(with expected: Tensor, ulps: Int) -> String? {
    mismatch(with: expected, allowed: Double(ulps)) {
      "\(Int($0)) representable numbers apart where \(ulps) are allowed"
    } distance: { a, b in
      Double(Swift.abs(Self.position(a) - Self.position(b)))
    }
  }

  // Floats numbered in ascending order, both zeros 0.
  private static func position(_ x: Float) -> Int {
    let magnitude = Int(x.bitPattern & 0x7fff_ffff)
    return x.sign == .minus ? -magnitude : magnitude
  }

  private func mismatch(
    with expected: Tensor, allowed: Double, _ explanation: (Double) -> String,
    distance: (Float, Float) -> Double
  ) -> String? {
    guard shape == expected.shape else { return "shape \(shape), expected \(expected.shape)" }
    var worst = (position: 0, distance: 0.0)
    var wrongCount = 0
    withUnsafeBufferPointer { a in
      expected.withUnsafeBufferPointer { b in
        for i in 0..<a.count {
          let isEqual = a[i] == b[i] || (a[i].isNaN && b[i].isNaN)
          let difference =
            isEqual ? 0 : a[i].isFinite && b[i].isFinite ? distance(a[i], b[i]) : .infinity
          if difference > allowed { wrongCount += 1 }
          if difference > worst.distance { worst = (i, difference) }
        }
      }
    }
    guard wrongCount > 0 else { return nil }
    let index = Self.index(of: worst.position, in: shape)
    let values = withUnsafeBufferPointer { a in
      expected.withUnsafeBufferPointer { b in "\(a[worst.position]), expected \(b[worst.position])" }
    }
    let reason =
      worst.distance.isFinite
      ? explanation(worst.distance) : "only one of them is finite, or their signs differ"
    return "\(wrongCount) of \(count) elements differ; the worst, at \(index), is \(values): \(reason)"
  }

  private static func index(of position: Int, in shape: Shape) -> [Int] {
    var rest = position
    var index: [Int] = []
    for length in shape.dimensions.reversed() {
      index.append(rest % length)
      rest /= length
    }
    return index.reversed()
  }
}
