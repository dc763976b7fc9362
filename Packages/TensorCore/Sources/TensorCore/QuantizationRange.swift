/// How the range of values that 8 bits stand for is chosen from what a calibration set showed.
public enum QuantizationRule: Hashable, Sendable {
  /// All of it: nothing is cut off.
  case minMax
  /// What is left when this share of the values is cut off at each end that is not 0, at most: 0.0001 cuts one in
  /// ten thousand.
  case percentile(tail: Double)
  /// The range with the least mean squared error between values and what their bytes stand for, among 100 that are cut
  /// at both ends in proportion.
  case leastSquaredError
}

/// How often values of an activation fall into each of 2,048 equal parts of their range.
struct ValueHistogram: Sendable {
  static let parts = 2048
  let lowest: Double
  let highest: Double
  private(set) var counts = [Int](repeating: 0, count: parts)

  private var width: Double { (highest - lowest) / Double(Self.parts) }

  /// An empty histogram.
  ///
  /// - Precondition: lowest ≤ 0 ≤ highest.
  init(lowest: Double, highest: Double) {
    precondition(lowest <= 0 && highest >= 0, "ValueHistogram: \(lowest)...\(highest) without 0")
    (self.lowest, self.highest) = (lowest, highest)
  }

  mutating func add(_ x: Tensor) {
    if highest <= lowest { return }
    let factor = Float(1 / width)
    let start = Float(lowest)
    counts.withUnsafeMutableBufferPointer { counts in
      x.withUnsafeBufferPointer { values in
        for value in values { counts[max(0, min(Self.parts - 1, Int((value - start) * factor)))] += 1 }
      }
    }
  }

  /// The range that the rule chooses; 0 always lies in it.
  func range(_ rule: QuantizationRule) -> (lowest: Double, highest: Double) {
    switch rule {
    case .minMax: return (lowest, highest)
    case .percentile(let tail):
      precondition(tail >= 0 && tail < 0.5, "QuantizationRule: a tail of \(tail) is outside 0..<0.5")
      let most = Int(tail * Double(counts.reduce(0, +)))
      func skipped(_ order: some Sequence<Int>) -> Int {
        var (left, parts) = (most, 0)
        for part in order {
          left -= counts[part]
          if left < 0 { break }
          parts += 1
        }
        return parts
      }
      let below = skipped(0..<Self.parts)
      let above = skipped((0..<Self.parts).reversed())
      return (min(0, lowest + Double(below) * width), max(0, highest - Double(above) * width))
    case .leastSquaredError:
      var best = (error: Double.infinity, share: 1.0)
      for step in 1...100 {
        let share = Double(step) / 100
        let error = squaredError(lowest * share, highest * share)
        if error <= best.error { best = (error, share) }
      }
      return (lowest * best.share, highest * best.share)
    }
  }

  /// The sum over all values, each taken as the middle of its part.
  private func squaredError(_ lowest: Double, _ highest: Double) -> Double {
    let format = ByteFormat(lowest: lowest, highest: highest)
    var sum = 0.0
    for (part, count) in counts.enumerated() where count > 0 {
      let value = self.lowest + (Double(part) + 0.5) * width
      let error = value - format.value(format.byte(value))
      sum += Double(count) * error * error
    }
    return sum
  }
}

/// What bytes stand for: `(byte − zero) · scale`.
struct ByteFormat: Hashable, Sendable {
  let scale: Float
  /// The byte that stands for 0, exactly.
  let zero: Int

  init(scale: Float, zero: Int) { (self.scale, self.zero) = (scale, zero) }

  /// The format that covers a range with 256 bytes, 0 among their values.
  init(lowest: Double, highest: Double) {
    let width = highest - lowest
    scale = width > 0 && Float(width / 255) > 0 ? Float(width / 255) : 1
    zero = max(0, min(255, Int((-lowest / Double(scale)).rounded(.toNearestOrEven))))
  }

  func byte(_ value: Double) -> UInt8 {
    let steps = (value / Double(scale)).rounded(.toNearestOrEven)
    return UInt8(max(0, min(255, steps + Double(zero))))
  }

  func value(_ byte: UInt8) -> Double { Double(Int(byte) - zero) * Double(scale) }
}
