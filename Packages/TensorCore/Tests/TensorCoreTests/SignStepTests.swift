import TensorCore
import Testing

@Suite struct SignStepTests {
  private static let key = RandomKey(seed: 61)
  private static let everywhere = -Float.infinity...Float.infinity

  /// The step as separate operations.
  private func plain(
    _ point: Tensor, _ gradient: Tensor, size: Float, around x: Tensor, radius: Float,
    range: ClosedRange<Float>
  ) -> Tensor {
    let r = Tensor(radius)
    return (point + size * gradient.sign())
      .clamped(lower: x.subtracting(r, rounding: .up), upper: x.adding(r, rounding: .down))
      .clamped(to: range)
  }

  /// Equal bits; which of several NaN an operation hands on is the compiler's choice.
  private func agree(_ a: Tensor, _ b: Tensor) -> Bool {
    a.shape == b.shape
      && zip(a.scalars, b.scalars).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
  }

  private func check(
    _ point: Tensor, _ gradient: Tensor, size: Float, around x: Tensor, radius: Float,
    range: ClosedRange<Float>
  ) {
    let expected = plain(point, gradient, size: size, around: x, radius: radius, range: range)
    var stepped = point
    stepped.signStep(along: gradient, size: size, around: x, radius: radius, range: range)
    #expect(agree(stepped, expected), "size \(size), radius \(radius), range \(range), shape \(x.shape)")
  }

  // Two steps of ¼ in a ball of ⅜: the second stops at the ball, the last two elements at the range at once.
  @Test func byHand() {
    let x = Tensor([0.5, 0.5, 0.5, 1, 0])
    let gradient = Tensor([2, -3, 0, 1e-30, -1])
    var point = x
    point.signStep(along: gradient, size: 0.25, around: x, radius: 0.375, range: 0...1)
    #expect(point == Tensor([0.75, 0.25, 0.5, 1, 0]))
    let kept = point
    point.signStep(along: gradient, size: 0.25, around: x, radius: 0.375, range: 0...1)
    #expect(point == Tensor([0.875, 0.125, 0.5, 1, 0]))
    // in place, but not in the memory of a copy
    #expect(kept == Tensor([0.75, 0.25, 0.5, 1, 0]) && x[0] == 0.5)
  }

  // All triples of special values: zeros of both signs, subnormals, the largest numbers, infinities, NaN.
  @Test func specialValues() {
    let tiny = Float.leastNonzeroMagnitude
    let magnitudes: [Float] = [
      0, tiny, 5 * tiny, .leastNormalMagnitude, 1e-30, 0x1p-24, 0.1, 0.5, 1, 3, 0x1p24,
      .greatestFiniteMagnitude, .infinity,
    ]
    let special = magnitudes + magnitudes.map { -$0 } + [.nan]
    let n = special.count
    func axis(_ place: Int) -> Tensor {
      Tensor((0..<(n * n * n)).map { special[[$0 % n, $0 / n % n, $0 / n / n][place]] })
    }
    let (point, gradient, x) = (axis(0), axis(1), axis(2))
    for size: Float in [0, tiny, 0.1, 1, .greatestFiniteMagnitude] {
      for radius: Float in [0, tiny, 0.1, 2, 0x1p99, 0x1p103, .greatestFiniteMagnitude] {
        for range in [0...1, -1...0.25, Self.everywhere] {
          check(point, gradient, size: size, around: x, radius: radius, range: range)
        }
      }
    }
  }

  // Every length of a last, partial vector, rows that begin anywhere in memory, and lengths of several tasks.
  @Test func lengthsAndOffsets() {
    for n in Array(0...67) + [32_767, 32_768, 32_769, 100_003] {
      let x = Tensor.uniform(shape: [n + 5], key: Self.key.derived("x").derived(n))
      let point = x + Tensor.uniform(shape: [n + 5], in: -0.1...0.1, key: Self.key.derived("p").derived(n))
      let gradient = Tensor.normal(shape: [n + 5], key: Self.key.derived("g").derived(n))
      let (i, j, k) = (n % 5, (n + 2) % 5, (n + 3) % 5)
      check(
        point[rows: i..<(i + n)], gradient[rows: j..<(j + n)], size: 0.01, around: x[rows: k..<(k + n)],
        radius: 8 / 255, range: 0...1)
      // and the memory around a slice is left alone
      var whole = point
      whole.signStep(along: gradient, size: 0.01, around: x, radius: 0.1, range: 0...1)
      #expect(agree(whole, plain(point, gradient, size: 0.01, around: x, radius: 0.1, range: 0...1)))
    }
  }

  // What the rounding is for: never outside the ball by the pixel values themselves, and not a step of a pixel short.
  @Test func wholeSteps() {
    let x = Tensor((0...255).map { Float($0) / 255 })
    for radius in [1, 8, 32].map({ Float($0) / 255 }) {
      for direction: Float in [1, -1] {
        var point = x
        let gradient = Tensor(repeating: direction, shape: x.shape)
        point.signStep(along: gradient, size: 2 * radius, around: x, radius: radius, range: Self.everywhere)
        for (value, start) in zip(point.scalars, x.scalars) {
          #expect(abs(Double(value) - Double(start)) <= Double(radius))
          if value == 0 { continue }  // Double does not see how far the next one is from the start
          let next = direction > 0 ? value.nextUp : value.nextDown
          #expect(abs(Double(next) - Double(start)) > Double(radius))
        }
      }
    }
  }

  @Test func otherShapesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      var point = Tensor([1, 2])
      point.signStep(along: Tensor([1]), size: 1, around: Tensor([1, 2]), radius: 1, range: 0...1)
    }
    await #expect(processExitsWith: .failure) {
      var point = Tensor([1, 2])
      point.signStep(along: Tensor([1, 2]), size: 1, around: Tensor([1]), radius: 1, range: 0...1)
    }
  }
}
