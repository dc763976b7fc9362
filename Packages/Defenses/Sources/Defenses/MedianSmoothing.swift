import TensorCore

/// Every pixel replaced by the median of a square around it, each channel by itself: a squeezer of the paper.
///
/// The square of an even size lies above and left of its pixel, of its values in order the upper of the two middle ones is
/// taken, and beyond its edge the image is mirrored with the edge's pixels twice: SciPy's `median_filter` with mode `reflect`.
///
/// Source: Xu, Evans, Qi, "Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks", NDSS 2018, section
/// III.B.
public struct MedianSmoothing: InputTransformation, Hashable {
  /// The side of the square, in pixels.
  public let size: Int

  /// Smoothing by squares of this side.
  ///
  /// - Precondition: the side is positive.
  public init(size: Int = 2) {
    precondition(size > 0, "MedianSmoothing: size \(size)")
    self.size = size
  }

  /// The smoothed images, `[n, channels, height, width] → [n, channels, height, width]`.
  ///
  /// - Precondition: no side of the image is shorter than the square's.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    precondition(
      x.rank == 4 && x.shape[2] >= size && x.shape[3] >= size,
      "MedianSmoothing: \(x.shape), squares of \(size) pixels")
    let (height, width) = (x.shape[2], x.shape[3])
    func mirrored(_ place: Int, _ length: Int) -> Int {
      place < 0 ? -1 - place : place >= length ? 2 * length - 1 - place : place
    }
    let offsets = (0..<size).map { $0 - size / 2 }
    let rows = (0..<height).map { y in offsets.map { mirrored(y + $0, height) * width } }
    let columns = (0..<width).map { x in offsets.map { mirrored(x + $0, width) } }
    return Tensor(shape: x.shape) { values in
      x.withUnsafeBufferPointer { pixels in
        ThreadPool.run(tasks: x.shape[0] * x.shape[1]) { plane in
          let start = plane * height * width
          var square = [Float](repeating: 0, count: size * size)
          for row in 0..<height {
            for column in 0..<width {
              var count = 0
              for above in rows[row] {
                for beside in columns[column] {
                  square[count] = pixels[start + above + beside]
                  count += 1
                }
              }
              square.sort()
              values[start + row * width + column] = square[size * size / 2]
            }
          }
        }
      }
    }
  }

  /// The square's size.
  public var description: String { "median of \(size) x \(size) pixels" }
}
