import TensorCore
import Testing

@Suite struct PoolingTests {
  /// The pixels that a window holds, row by row: indices into a plane.
  private typealias Windows = [[Int]]

  /// Windows by PyTorch's definition, on a plane of these lengths.
  private static func windows(_ window: PoolingWindow, height: Int, width: Int) -> Windows {
    func starts(_ length: Int, _ size: Int, _ stride: Int, _ padding: Int) -> [Int] {
      (0...(length + 2 * padding - size) / stride).map { $0 * stride - padding }
    }
    let (size, step, padding) = (window.size, window.stride, window.padding)
    return starts(height, size.height, step.height, padding.height).flatMap { top in
      starts(width, size.width, step.width, padding.width).map { left in
        (top..<(top + size.height)).filter { $0 >= 0 && $0 < height }.flatMap { row in
          (left..<(left + size.width)).filter { $0 >= 0 && $0 < width }.map { row * width + $0 }
        }
      }
    }
  }

  /// The first largest pixel of each window of each plane; a later NaN counts as larger.
  private static func winners(_ x: Tensor, _ windows: Windows) -> [Int] {
    let (scalars, area) = (x.scalars, x.shape[2] * x.shape[3])
    return (0..<(x.shape[0] * x.shape[1])).flatMap { plane in
      windows.map { window in
        window.dropFirst().reduce(plane * area + window[0]) { best, pixel in
          let (value, other) = (scalars[plane * area + pixel], scalars[best])
          return value > other || value.isNaN ? plane * area + pixel : best
        }
      }
    }
  }

  private static func scattered(_ values: [Float], to places: [Int?], shape: Shape) -> Tensor {
    var sums = [Float](repeating: 0, count: shape.count)
    for (value, place) in zip(values, places) {
      if let place { sums[place] += value }
    }
    return Tensor(shape: shape, scalars: sums)
  }

  private func checkMax(_ window: PoolingWindow, _ x: Tensor, _ name: String) {
    let scalars = x.scalars
    let winners = Self.winners(x, Self.windows(window, height: x.shape[2], width: x.shape[3]))
    for thenReLU in [false, true] {
      let (values, places) = x.maxPooledWithPlaces(window, thenReLU: thenReLU)
      let name = "\(name), \(window), \(x.shape), thenReLU \(thenReLU)"
      let expected = Tensor(
        shape: values.shape, scalars: winners.map { thenReLU && scalars[$0] <= 0 ? 0 : scalars[$0] })
      #expect(values.mismatch(with: expected, ulps: 0) == nil, "\(name)")
      #expect(PlainReference.sameBits(values, x.maxPooled(window, thenReLU: thenReLU)), "\(name)")
      let dy = PlainReference.uniform(values.shape, "upstream")
      let receivers = winners.map { thenReLU && !(scalars[$0] > 0) ? nil : Optional($0) }
      let slope = places.gradient(upstream: dy)
      #expect(slope == Self.scattered(dy.scalars, to: receivers, shape: x.shape), "\(name)")
    }
  }

  // Every width up to 40 at several heights: each vector length, its overlapping end and its spill into the next row.
  @Test func pairs() {
    for width in 2...40 {
      for height in [2, 3, 4, 7, 8] {
        checkMax(PoolingWindow(2), PlainReference.uniform([2, 3, height, width], "x"), "pairs")
      }
    }
  }

  // Many planes: tasks end in the middle of the tensor, where a spill would meet another task's output.
  @Test(arguments: [(24, 24), (8, 8), (16, 16), (7, 7), (5, 3)]) func pairsOfManyPlanes(
    height: Int, width: Int
  ) {
    let planes = (1 << 16) / (height * width)
    checkMax(PoolingWindow(2), PlainReference.uniform([3, planes, height, width], "x"), "many planes")
  }

  static let others = [
    PoolingWindow(3, stride: 2, padding: 1), PoolingWindow(3, stride: 1, padding: 1), PoolingWindow(3),
    PoolingWindow(2, stride: 1), PoolingWindow(2, stride: 3), PoolingWindow(1), PoolingWindow(2, padding: 1),
    PoolingWindow(Extent(height: 2, width: 3), stride: Extent(height: 3, width: 1)),
    PoolingWindow(Extent(height: 1, width: 4), padding: Extent(height: 0, width: 2)),
  ]

  @Test(arguments: others) func anyWindows(window: PoolingWindow) {
    for (height, width) in [(5, 7), (6, 6), (4, 9), (11, 3)] {
      checkMax(window, PlainReference.uniform([2, 2, height, width], "x"), "others")
    }
  }

  // 17·17 = 289 places need more than a byte.
  @Test func windowsOfManyPixels() {
    checkMax(PoolingWindow(17, stride: 3), PlainReference.uniform([1, 2, 23, 20], "x"), "large")
    checkMax(PoolingWindow(16), PlainReference.uniform([1, 2, 32, 33], "x"), "256 places")
    checkMax(
      PoolingWindow(Extent(height: 15, width: 17)), PlainReference.uniform([1, 2, 30, 17], "x"), "255 places")
  }

  // The first of equal pixels gets the gradient, NaN is not lost, and -infinity everywhere is a value like others.
  @Test func tiesNaNAndInfinity() {
    let ties = PlainReference.uniform([2, 3, 9, 20], "ties").unaryMap { ($0 * 1.5).rounded() }
    let odd = PlainReference.uniform([2, 3, 9, 20], "odd").unaryMap {
      $0 > 0.6 ? .nan : $0 < -0.3 ? -.infinity : $0
    }
    for window in [PoolingWindow(2), PoolingWindow(3, stride: 2, padding: 1)] {
      checkMax(window, ties, "ties")
      checkMax(window, odd, "NaN")
      checkMax(window, Tensor(repeating: -.infinity, shape: [1, 2, 6, 12]), "-infinity")
    }
  }

  @Test func onePixel() {
    let x = Tensor(shape: [2, 1, 1, 1], scalars: [-3, 4])
    #expect(x.maxPooled(PoolingWindow(1)) == x)
    #expect(x.maxPooled(PoolingWindow(3, stride: 2, padding: 1)) == x)
    #expect(x.averagePooled(PoolingWindow(1)) == x)
    #expect(
      x.averagePooled(PoolingWindow(2, stride: 1, padding: 1)).scalars == [
        -0.75, -0.75, -0.75, -0.75, 1, 1, 1, 1,
      ])
    let inside = x.averagePooled(PoolingWindow(2, stride: 1, padding: 1), countsPadding: false)
    #expect(inside.scalars == [-3, -3, -3, -3, 4, 4, 4, 4])
    #expect(x.adaptiveAveragePooled(to: 1) == x)
    #expect(x.adaptiveAveragePooled(to: 2).scalars == [-3, -3, -3, -3, 4, 4, 4, 4])
  }

  @Test func emptyBatches() {
    let x = Tensor.zeros(shape: [0, 3, 8, 8])
    let (values, places) = x.maxPooledWithPlaces(PoolingWindow(2))
    #expect(values.shape == [0, 3, 4, 4] && places.gradient(upstream: values) == x)
    #expect(x.averagePooled(PoolingWindow(2)).averagePoolingGradient(PoolingWindow(2), input: x.shape) == x)
    #expect(x.adaptiveAveragePooled(to: 1).adaptiveAveragePoolingGradient(input: x.shape) == x)
    #expect(Tensor.zeros(shape: [2, 0, 8, 8]).maxPooled(PoolingWindow(2)).shape == [2, 0, 4, 4])
  }

  /// Means and their gradients against sums in `Double` over windows with these counts.
  private func checkMeans(
    _ means: Tensor, _ slope: Tensor, of x: Tensor, upstream dy: Tensor, _ windows: Windows, counts: [Int],
    _ name: String
  ) {
    let (scalars, area) = (x.scalars, x.shape[2] * x.shape[3])
    var values: [Float] = []
    var slopes = [Double](repeating: 0, count: x.count)
    for plane in 0..<(x.shape[0] * x.shape[1]) {
      for (window, count) in zip(windows, counts) {
        let share = Double(dy.scalars[values.count]) / Double(count)
        values.append(
          Float(window.reduce(0.0) { $0 + Double(scalars[plane * area + $1]) } / Double(count)))
        for pixel in window { slopes[plane * area + pixel] += share }
      }
    }
    let expected = Tensor(shape: means.shape, scalars: values)
    #expect(means.mismatch(with: expected, relativeToLargest: 1e-6) == nil, "\(name)")
    let expectedSlope = Tensor(shape: x.shape, scalars: slopes.map(Float.init))
    #expect(slope.mismatch(with: expectedSlope, relativeToLargest: 1e-6) == nil, "\(name)")
  }

  private func checkAverages(_ window: PoolingWindow, _ x: Tensor) {
    let windows = Self.windows(window, height: x.shape[2], width: x.shape[3])
    for countsPadding in [true, false] {
      let y = x.averagePooled(window, countsPadding: countsPadding)
      let dy = PlainReference.uniform(y.shape, "upstream")
      let area = window.size.height * window.size.width
      checkMeans(
        y, dy.averagePoolingGradient(window, countsPadding: countsPadding, input: x.shape), of: x,
        upstream: dy, windows, counts: windows.map { countsPadding ? area : $0.count },
        "\(window), \(x.shape), countsPadding \(countsPadding)")
    }
  }

  @Test func averagesOfPairs() {
    for width in 2...40 {
      for height in [2, 5, 8] {
        checkAverages(PoolingWindow(2), PlainReference.uniform([2, 3, height, width], "x"))
      }
    }
    checkAverages(PoolingWindow(2), PlainReference.uniform([3, 700, 8, 8], "x"))
  }

  @Test(arguments: others) func averagesOfOtherWindows(window: PoolingWindow) {
    for (height, width) in [(5, 7), (6, 6), (4, 9), (11, 3)] {
      checkAverages(window, PlainReference.uniform([2, 2, height, width], "x"))
    }
  }

  // Evenly and unevenly shared planes, whole planes, more windows than pixels.
  @Test(arguments: [
    (8, 8, 4, 4), (8, 8, 1, 1), (7, 5, 3, 2), (9, 4, 4, 3), (2, 3, 5, 4), (8, 6, 4, 1), (7, 7, 1, 1),
  ])
  func adaptiveAverages(height: Int, width: Int, rows: Int, columns: Int) {
    func bounds(_ length: Int, _ count: Int) -> [Range<Int>] {
      (0..<count).map { i in
        let (start, end) = (Double(i * length) / Double(count), Double((i + 1) * length) / Double(count))
        return Int(start.rounded(.down))..<Int(end.rounded(.up))
      }
    }
    let windows = bounds(height, rows).flatMap { rows in
      bounds(width, columns).map { columns in rows.flatMap { row in columns.map { row * width + $0 } } }
    }
    let x = PlainReference.uniform([3, 5, height, width], "x")
    let y = x.adaptiveAveragePooled(to: Extent(height: rows, width: columns))
    #expect(y.shape == [3, 5, rows, columns])
    let dy = PlainReference.uniform(y.shape, "upstream")
    checkMeans(
      y, dy.adaptiveAveragePoolingGradient(input: x.shape), of: x, upstream: dy, windows,
      counts: windows.map(\.count), "\(x.shape) to \(y.shape)")
  }

  // A Float sum of 2^18 ones and a large number would lose the ones.
  @Test func meansOfLargePlanes() {
    var x = Tensor.ones(shape: [1, 1, 512, 512])
    x[0, 0, 0, 0] = 0x1p24
    let exact = Tensor(shape: [1, 1, 1, 1], scalars: [Float((0x1p24 + 0x1p18 - 1) / 0x1p18)])
    #expect(x.adaptiveAveragePooled(to: 1) == exact)
    #expect(x.averagePooled(PoolingWindow(512, padding: 0)) == exact)
  }

  @Test func sameBitsForAnyThreadCount() async {
    await #expect(processExitsWith: .success) {
      let x = PlainReference.uniform([8, 40, 24, 24], "threads")
      let hashes = [1, 2, 4, 8].map { threads -> UInt64 in
        ThreadPool.threadCount = threads
        return PlainReference.hash(
          [PoolingWindow(2), PoolingWindow(3, stride: 2, padding: 1)].flatMap { window -> [Tensor] in
            let (y, places) = x.maxPooledWithPlaces(window, thenReLU: true)
            let means = x.averagePooled(window)
            return [
              y, places.gradient(upstream: y), means, means.averagePoolingGradient(window, input: x.shape),
            ]
          } + [x.adaptiveAveragePooled(to: 1), x.adaptiveAveragePooled(to: 7)])
      }
      #expect(Set(hashes).count == 1)
    }
  }
}

extension Tensor {
  /// Each element through a function.
  fileprivate func unaryMap(_ function: (Float) -> Float) -> Tensor {
    Tensor(shape: shape, scalars: scalars.map(function))
  }
}
