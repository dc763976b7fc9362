internal import CKernels

extension Tensor {
  /// The largest element of each window: `[n, c, h, w] → [n, c, rows, columns]`. NaN wins.
  ///
  /// - Parameter thenReLU: whether max(0, ·) follows, in the same pass.
  /// - Precondition: rank 4, and at least one window fits into the padded plane.
  public func maxPooled(_ window: PoolingWindow, thenReLU: Bool = false) -> Tensor {
    maxPooled(window, thenReLU: thenReLU, keepingPlaces: false).values
  }

  /// The largest element of each window, and where it lies: what the backward pass needs.
  public func maxPooledWithPlaces(
    _ window: PoolingWindow, thenReLU: Bool = false
  ) -> (values: Tensor, places: MaxPoolingPlaces) {
    let (values, places) = maxPooled(window, thenReLU: thenReLU, keepingPlaces: true)
    return (values, places!)
  }

  private func maxPooled(
    _ window: PoolingWindow, thenReLU: Bool, keepingPlaces: Bool
  ) -> (values: Tensor, places: MaxPoolingPlaces?) {
    checkImages("maxPooled")
    let grid = PoolingGrid(window, on: shape, countsPadding: false, "maxPooled")
    let result = Tensor(uninitialized: grid.outputShape(for: shape))
    let places =
      keepingPlaces ? MaxPoolingPlaces(grid: grid, input: shape, output: result.shape) : nil
    let (source, target, relu) = (pointer, SendablePointer(result.freshPointer), Int32(thenReLU ? 1 : 0))
    let (height, width, area) = (shape[2], shape[3], shape[2] * shape[3])
    let windows = result.shape[2] * result.shape[3]
    let placeBytes = places?.bytesEach ?? 1
    withExtendedLifetime((self, places)) {
      let bytes = places.map { SendablePointer($0.bytes) }
      grid.withKernelGrid(isNeeded: !grid.isPairs) { kernelGrid in
        forPlanes(of: area) { planes in
          let (x, y) = (source + planes.lowerBound * area, target.pointer + planes.lowerBound * windows)
          let p = bytes.map { $0.pointer + planes.lowerBound * windows * placeBytes }
          if let kernelGrid {
            ck_max_pool(kernelGrid, x, planes.count, relu, y, p, Int32(placeBytes))
          } else {
            ck_max_pool_2x2(x, planes.count, height, width, relu, y, p)
          }
        }
      }
    }
    return (result, places)
  }

  /// The mean of each window: `[n, c, h, w] → [n, c, rows, columns]`.
  ///
  /// - Parameter countsPadding: whether padding counts as zeros; if not, the mean is that of the pixels inside.
  /// - Precondition: rank 4, and at least one window fits into the padded plane.
  public func averagePooled(_ window: PoolingWindow, countsPadding: Bool = true) -> Tensor {
    checkImages("averagePooled")
    return meansOfWindows(PoolingGrid(window, on: shape, countsPadding: countsPadding, "averagePooled"))
  }

  /// The gradient of `averagePooled` with respect to its input of shape `input`, this tensor being the upstream
  /// gradient.
  public func averagePoolingGradient(
    _ window: PoolingWindow, countsPadding: Bool = true, input: Shape
  ) -> Tensor {
    gradientOfMeans(
      PoolingGrid(window, on: input, countsPadding: countsPadding, "averagePoolingGradient"), input: input)
  }

  /// The mean of each of `size` windows that share the plane evenly: `[n, c, h, w] → [n, c, rows, columns]`.
  ///
  /// Row i of windows covers the rows ⌊i·h/rows⌋ ..< ⌈(i + 1)·h/rows⌉, columns alike; as PyTorch's
  /// `AdaptiveAvgPool2d`.
  ///
  /// - Precondition: rank 4, and no length of plane or `size` is 0.
  public func adaptiveAveragePooled(to size: Extent) -> Tensor {
    checkImages("adaptiveAveragePooled")
    return meansOfWindows(PoolingGrid(windows: size, on: shape, "adaptiveAveragePooled"))
  }

  /// The gradient of `adaptiveAveragePooled` with respect to its input of shape `input`, this tensor being the upstream
  /// gradient.
  public func adaptiveAveragePoolingGradient(input: Shape) -> Tensor {
    checkImages("adaptiveAveragePoolingGradient")
    let size = Extent(height: shape[2], width: shape[3])
    return gradientOfMeans(
      PoolingGrid(windows: size, on: input, "adaptiveAveragePoolingGradient"), input: input)
  }

  private func meansOfWindows(_ grid: PoolingGrid) -> Tensor {
    let result = Tensor(uninitialized: grid.outputShape(for: shape))
    let (source, target) = (pointer, SendablePointer(result.freshPointer))
    let (height, width, area) = (shape[2], shape[3], shape[2] * shape[3])
    let windows = result.shape[2] * result.shape[3]
    let kind = grid.kind
    withExtendedLifetime(self) {
      grid.withKernelGrid(isNeeded: kind == .other) { kernelGrid in
        forPlanes(of: area) { planes in
          let (x, y) = (source + planes.lowerBound * area, target.pointer + planes.lowerBound * windows)
          switch kind {
          case .whole: ck_plane_means(x, planes.count, area, y)
          case .pairs: ck_mean_pool_2x2(x, planes.count, height, width, y)
          case .other: ck_mean_pool(kernelGrid, x, planes.count, y)
          }
        }
      }
    }
    return result
  }

  private func gradientOfMeans(_ grid: PoolingGrid, input: Shape) -> Tensor {
    precondition(
      shape == grid.outputShape(for: input),
      "averagePoolingGradient: upstream \(shape) for \(grid.outputShape(for: input))")
    let result = Tensor(uninitialized: input)
    let (source, target) = (pointer, SendablePointer(result.freshPointer))
    let (height, width, area) = (input[2], input[3], input[2] * input[3])
    let windows = shape[2] * shape[3]
    let kind = grid.kind
    withExtendedLifetime(self) {
      grid.withKernelGrid(isNeeded: kind == .other) { kernelGrid in
        result.forPlanes(of: area) { planes in
          let (dy, dx) = (source + planes.lowerBound * windows, target.pointer + planes.lowerBound * area)
          switch kind {
          case .whole: ck_plane_means_gradient(dy, planes.count, area, dx)
          case .pairs: ck_mean_pool_2x2_gradient(dy, planes.count, height, width, dx)
          case .other: ck_mean_pool_gradient(kernelGrid, dy, planes.count, dx)
          }
        }
      }
    }
    return result
  }

  private func checkImages(_ name: String) {
    precondition(rank == 4, "\(name): expected [n, channels, height, width], got \(shape)")
  }

  /// Runs `body` on ranges of this tensor's planes `[n, c]`, about as much work each as an elementwise task.
  func forPlanes(of area: Int, _ body: (Range<Int>) -> Void) {
    ThreadPool.run(
      count: shape[0] * shape[1], inChunksOf: Swift.max(1, elementwiseChunk / Swift.max(1, area)), body)
  }
}

/// Where the largest element of each window lies: one byte a window, four where a window has more than 255 pixels.
public struct MaxPoolingPlaces: Sendable {
  private let grid: PoolingGrid
  private let input: Shape
  private let output: Shape
  private let storage: TensorStorage
  let bytesEach: Int

  init(grid: PoolingGrid, input: Shape, output: Shape) {
    self.grid = grid
    self.input = input
    self.output = output
    bytesEach = grid.largestWindow <= 255 ? 1 : 4
    storage = TensorStorage(count: (output.count * bytesEach + 3) / 4)
  }

  var bytes: UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(storage.base).assumingMemoryBound(to: UInt8.self)
  }

  /// The gradient with respect to the pooling's input: each upstream element goes to the element that its window gave,
  /// and nowhere if a ReLU followed and the value was not positive.
  ///
  /// - Precondition: `dy` has the output's shape.
  public func gradient(upstream dy: Tensor) -> Tensor {
    precondition(dy.shape == output, "maxPooled: upstream \(dy.shape) for an output \(output)")
    let result = Tensor(uninitialized: input)
    let (source, target, places) = (dy.pointer, SendablePointer(result.freshPointer), SendablePointer(bytes))
    let (height, width, area) = (input[2], input[3], input[2] * input[3])
    let (windows, bytesEach) = (output[2] * output[3], bytesEach)
    withExtendedLifetime((dy, self)) {
      grid.withKernelGrid(isNeeded: !grid.isPairs) { kernelGrid in
        result.forPlanes(of: area) { planes in
          let first = planes.lowerBound * windows
          let (from, place) = (source + first, places.pointer + first * bytesEach)
          let dx = target.pointer + planes.lowerBound * area
          if let kernelGrid {
            ck_max_pool_gradient(kernelGrid, from, place, Int32(bytesEach), planes.count, dx)
          } else {
            ck_max_pool_2x2_gradient(from, place, planes.count, height, width, dx)
          }
        }
      }
    }
    return result
  }
}
