import NNLayers
import TensorCore

/// Slides a window over the image, hides what is under it, and notes how much of the class's score that costs.
///
///     map at a pixel = mean over the windows that cover it of s(x) − s(x with the window hidden)
///
/// Windows begin at multiples of the stride; the last ones are cut off at the rim. Source: Zeiler and Fergus, "Visualizing
/// and Understanding Convolutional Networks", ECCV 2014; windows and means as in Captum.
public struct Occlusion: Explainer {
  /// The size of the window in pixels.
  public var window: Extent
  /// Pixels from one window to the next.
  public var stride: Extent
  /// What a hidden pixel shows.
  public var baseline: Baseline

  /// The method.
  ///
  /// - Precondition: a positive window and stride, the stride not larger than the window, so that every pixel is covered.
  public init(window: Extent, stride: Extent = 1, baseline: Baseline = .constant(0)) {
    precondition(
      stride.height > 0 && stride.width > 0 && stride.height <= window.height && stride.width <= window.width,
      "Occlusion: window \(window), stride \(stride)")
    self.window = window
    self.stride = stride
    self.baseline = baseline
  }

  /// The mean losses of score, signed: `[n, height, width]`.
  ///
  /// - Precondition: the window fits into the image.
  public func maps(of model: some Layer, at x: Tensor, classes: IntTensor, keys: [RandomKey]) throws -> Tensor
  {
    checkImages(x, classes: classes, keys: keys, for: self)
    let (height, width) = (x.shape[2], x.shape[3])
    precondition(
      window.height <= height && window.width <= width, "Occlusion: window \(window) for images \(x.shape)")
    let windows = Self.starts(height, window.height, stride.height).flatMap { top in
      Self.starts(width, window.width, stride.width).map { left in
        (rows: top..<min(top + window.height, height), columns: left..<min(left + window.width, width))
      }
    }
    let images = try ChangedImages(model, sample: x.shape.removing(axis: 0))
    let hidden = baseline.images(for: x)
    return .stacked(
      try (0..<classes.count).map { image in
        // Number 0 is the image as it is.
        let logits = try images.logits(count: windows.count + 1) { numbers in
          .stacked(
            numbers.map { number in
              number == 0
                ? x[row: image]
                : Self.covered(
                  x[row: image], by: hidden[row: image], windows[number - 1].rows, windows[number - 1].columns
                )
            })
        }
        let column = IntTensor([Int](repeating: classes[image], count: windows.count + 1))
        let scores = logits.picked(columns: column).scalars
        var losses = [Double](repeating: 0, count: height * width)
        var covers = [Double](repeating: 0, count: height * width)
        for (place, window) in windows.enumerated() {
          for row in window.rows {
            for column in window.columns {
              losses[row * width + column] += Double(scores[0]) - Double(scores[place + 1])
              covers[row * width + column] += 1
            }
          }
        }
        return Tensor(shape: [height, width], scalars: zip(losses, covers).map { Float($0 / $1) })
      })
  }

  /// Where windows begin: at multiples of the stride, until one reaches the end.
  private static func starts(_ length: Int, _ window: Int, _ stride: Int) -> [Int] {
    (0...((length - window + stride - 1) / stride)).map { $0 * stride }
  }

  /// An image `[channels, height, width]` with some pixels from another one.
  private static func covered(
    _ image: Tensor, by other: Tensor, _ rows: Range<Int>, _ columns: Range<Int>
  ) -> Tensor {
    var result = image
    let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
    result.withUnsafeMutableBufferPointer { target in
      other.withUnsafeBufferPointer { source in
        for channel in 0..<channels {
          for row in rows {
            let start = (channel * height + row) * width
            for column in columns { target[start + column] = source[start + column] }
          }
        }
      }
    }
    return result
  }

  /// The method with its settings.
  public var description: String { "occlusion, window \(window), stride \(stride), \(baseline)" }
}
