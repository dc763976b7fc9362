import TensorCore

/// L2: windows of a fixed shape, two unlike humps side by side, that move the change's mass about.
struct MassWindows: SquareWindows {
  private let budget: any NormBall
  private let x: Tensor
  private let range: ClosedRange<Float>
  private let extent: ImageExtent

  init(budget: some NormBall, x: Tensor, range: ClosedRange<Float>) {
    self.budget = budget
    self.x = x
    self.range = range
    extent = ImageExtent(x)
  }

  /// An odd side of at least 3, where the image has room for it.
  func side(of share: Double) -> Int { min(max(extent.side(of: share), 3) | 1, extent.height, extent.width) }

  /// Five windows beside each other along the shorter side, as many as fit along the other.
  func start(keys: [RandomKey]) -> Tensor {
    let side = max(min(extent.height, extent.width) / 5, 1)
    let (rows, columns) = (extent.height / side, extent.width / side)
    let (top, left) = ((extent.height - rows * side) / 2, (extent.width - columns * side) / 2)
    let window = Window(side: side)
    var offset = Tensor.zeros(shape: x.shape)
    offset.withUnsafeMutableBufferPointer { target in
      for sample in keys.indices {
        let words = keys[sample].words(count: rows * columns * (extent.channels + 1))
        for tile in 0..<(rows * columns) {
          let draws = words[(tile * (extent.channels + 1))..<((tile + 1) * (extent.channels + 1))]
          let place = (row: top + tile / columns * side, column: left + tile % columns * side)
          for channel in 0..<extent.channels {
            let sign: Float = draws[draws.startIndex + 1 + channel] >> 31 == 1 ? 1 : -1
            for y in 0..<side {
              for z in 0..<side {
                target[index(sample, channel, place, y, z)] =
                  sign * window[y, z, isTransposed: draws[draws.startIndex] >> 31 == 1]
              }
            }
          }
        }
      }
    }
    return point(offset)
  }

  func changed(_ best: Tensor, side: Int, keys: [RandomKey]) -> Tensor {
    var offset = best - x
    let window = Window(side: side)
    let size = extent.size
    offset.withUnsafeMutableBufferPointer { target in
      for sample in keys.indices {
        change(
          UnsafeMutableBufferPointer(rebasing: target[(sample * size)..<((sample + 1) * size)]), window,
          keys[sample].words(count: 5 + extent.channels))
      }
    }
    return point(offset)
  }

  /// The points at the ball's surface in the directions of these offsets.
  private func point(_ offset: Tensor) -> Tensor {
    func projected(_ ball: some NormBall) -> Tensor {
      ball.project(x + ball.radius * ball.steepestAscent(offset), around: x, range: range)
    }
    return projected(budget)
  }

  private func index(_ sample: Int, _ channel: Int, _ place: (row: Int, column: Int), _ y: Int, _ z: Int)
    -> Int
  {
    ((sample * extent.channels + channel) * extent.height + place.row + y) * extent.width + place.column + z
  }

  /// One sample: the window's shape is added to what stands there, and gets, in each channel, the mass of both windows and
  /// its part of what the radius has left; the second window is emptied.
  private func change(_ offset: UnsafeMutableBufferPointer<Float>, _ window: Window, _ words: [UInt32]) {
    let side = window.side
    let (place, other) = (extent.place(side: side, words[0..<2]), extent.place(side: side, words[2..<4]))
    let isTransposed = words[4] >> 31 == 1
    func square(_ i: Int) -> Double { Double(offset[i]) * Double(offset[i]) }
    let radius = Double(budget.radius)
    let free = max(radius * radius - offset.indices.reduce(0) { $0 + square($1) }, 0)
    for channel in 0..<extent.channels {
      let sign: Double = words[5 + channel] >> 31 == 1 ? 1 : -1
      var (inside, both) = (0.0, 0.0)
      for y in 0..<side {
        for z in 0..<side {
          inside += square(index(0, channel, place, y, z))
          let (row, column) = (other.row + y - place.row, other.column + z - place.column)
          let overlaps = row >= 0 && row < side && column >= 0 && column < side
          if !overlaps { both += square(index(0, channel, other, y, z)) }
        }
      }
      both += inside
      let scale = 1 / (1e-12 + inside.squareRoot())
      var shape = [Double](repeating: 0, count: side * side)
      for y in 0..<side {
        for z in 0..<side {
          shape[y * side + z] =
            sign * Double(window[y, z, isTransposed: isTransposed])
            + Double(offset[index(0, channel, place, y, z)]) * scale
        }
      }
      let length = shape.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let factor = (free / Double(extent.channels) + both).squareRoot() / (1e-12 + length)
      for y in 0..<side { for z in 0..<side { offset[index(0, channel, other, y, z)] = 0 } }
      for y in 0..<side {
        for z in 0..<side { offset[index(0, channel, place, y, z)] = Float(shape[y * side + z] * factor) }
      }
    }
  }

  /// A square of length 1: a positive hump over the upper half, a negative one over the lower half. A hump is the sum of
  /// concentric squares (of rows and columns cut off by its edge) with the weights 1, 1/4, 1/9, ….
  struct Window {
    let side: Int
    private let values: [Float]

    init(side: Int) {
      self.side = side
      let half = side / 2
      let raw =
        Self.hump(rows: half, columns: side) + Self.hump(rows: side - half, columns: side).map { -$0 }
      let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
      values = raw.map { Float($0 / length) }
    }

    subscript(row: Int, column: Int, isTransposed isTransposed: Bool) -> Float {
      isTransposed ? values[column * side + row] : values[row * side + column]
    }

    private static func hump(rows: Int, columns: Int) -> [Double] {
      var values = [Double](repeating: 0, count: rows * columns)
      for ring in 0..<(max(rows, columns) / 2 + 1) {
        for y in max(rows / 2 - ring, 0)..<max(min(rows / 2 + ring + 1, rows), 0) {
          for z in max(columns / 2 - ring, 0)..<min(columns / 2 + ring + 1, columns) {
            values[y * columns + z] += 1 / Double((ring + 1) * (ring + 1))
          }
        }
      }
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return values.map { length > 0 ? $0 / length : 0 }
    }
  }
}
