import TensorCore

/// How a batch of images is changed by windows in one norm.
protocol SquareWindows {
  /// The side of a window that covers this share of an image.
  func side(of share: Double) -> Int
  /// The first points.
  func start(keys: [RandomKey]) -> Tensor
  /// The best points so far with a window each.
  func changed(_ best: Tensor, side: Int, keys: [RandomKey]) -> Tensor
}

/// The sides of images.
struct ImageExtent {
  let channels, height, width: Int
  init(_ x: Tensor) { (channels, height, width) = (x.shape[1], x.shape[2], x.shape[3]) }
  var size: Int { channels * height * width }
  /// The side of a square with this share of the area.
  func side(of share: Double) -> Int {
    Int((share * Double(height * width)).squareRoot().rounded(.toNearestOrEven))
  }
  /// The first row and column of a window, uniform over all places where it fits, from two words.
  func place(side: Int, _ words: ArraySlice<UInt32>) -> (row: Int, column: Int) {
    func scaled(_ word: UInt32, below bound: Int) -> Int { Int((UInt64(word) * UInt64(bound)) >> 32) }
    return (
      scaled(words[words.startIndex], below: height - side + 1),
      scaled(words[words.startIndex + 1], below: width - side + 1)
    )
  }
}

/// L-infinity: pixels at the ends of what is allowed.
struct SignWindows: SquareWindows {
  private let lower: Tensor
  private let upper: Tensor
  private let extent: ImageExtent

  init(budget: some NormBall, x: Tensor, range: ClosedRange<Float>) {
    lower = budget.project(x - budget.radius, around: x, range: range)
    upper = budget.project(x + budget.radius, around: x, range: range)
    extent = ImageExtent(x)
  }

  func side(of share: Double) -> Int { min(max(extent.side(of: share), 1), extent.height, extent.width) }

  /// Vertical stripes: in each channel every column has a sign of its own.
  func start(keys: [RandomKey]) -> Tensor {
    var result = lower
    let plane = extent.height * extent.width
    result.withUnsafeMutableBufferPointer { target in
      upper.withUnsafeBufferPointer { high in
        for sample in keys.indices {
          let words = keys[sample].words(count: extent.channels * extent.width)
          for stripe in words.indices where words[stripe] >> 31 == 1 {
            let (channel, column) = (stripe / extent.width, stripe % extent.width)
            let first = (sample * extent.channels + channel) * plane + column
            for i in stride(from: first, to: first + plane, by: extent.width) { target[i] = high[i] }
          }
        }
      }
    }
    return result
  }

  func changed(_ best: Tensor, side: Int, keys: [RandomKey]) -> Tensor {
    var result = best
    let extent = extent
    result.withUnsafeMutableBufferPointer { target in
      lower.withUnsafeBufferPointer { low in
        upper.withUnsafeBufferPointer { high in
          for sample in keys.indices {
            let words = keys[sample].words(count: 2 + extent.channels)
            let (row, column) = extent.place(side: side, words[0..<2])
            for channel in 0..<extent.channels {
              let end = words[2 + channel] >> 31 == 1 ? high : low
              let first = (sample * extent.channels + channel) * extent.height
              for y in row..<(row + side) {
                let i = (first + y) * extent.width + column
                for k in i..<(i + side) { target[k] = end[k] }
              }
            }
          }
        }
      }
    }
    return result
  }
}
