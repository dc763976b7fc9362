import TensorCore

/// A picture of 8-bit samples: what files hold and screens show. Networks see `tensor()`.
public struct Image: Sendable, Hashable {
  /// Pixels in a row, 1 or more.
  public let width: Int
  /// Rows, 1 or more.
  public let height: Int
  /// Samples in a pixel: 1 grey, 3 red-green-blue, 4 red-green-blue-alpha (alpha not multiplied in).
  public let channels: Int
  /// `height · width · channels` samples, interleaved, top row first, 0 dark to 255 bright.
  public var pixels: [UInt8] {
    didSet { checkCount() }
  }

  /// A picture with these samples.
  ///
  /// - Precondition: both lengths are positive, there are 1, 3 or 4 channels, and as many samples as they make.
  public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "Image: expected a positive size, got \(width) × \(height)")
    precondition([1, 3, 4].contains(channels), "Image: expected 1, 3 or 4 channels, got \(channels)")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
    checkCount()
  }

  /// A picture of one colour.
  ///
  /// - Precondition: `color` has 1, 3 or 4 samples.
  public init(width: Int, height: Int, repeating color: [UInt8]) {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(width * height * color.count)
    for _ in 0..<(width * height) { pixels += color }
    self.init(width: width, height: height, channels: color.count, pixels: pixels)
  }

  private func checkCount() {
    precondition(
      pixels.count == width * height * channels,
      "Image: \(width) × \(height) × \(channels) makes \(width * height * channels) samples, got \(pixels.count)"
    )
  }

  /// One sample.
  public subscript(x x: Int, y y: Int, channel channel: Int) -> UInt8 {
    get { pixels[position(x, y, channel)] }
    set { pixels[position(x, y, channel)] = newValue }
  }

  private func position(_ x: Int, _ y: Int, _ channel: Int) -> Int {
    precondition(
      x >= 0 && x < width && y >= 0 && y < height && channel >= 0 && channel < channels,
      "Image: pixel (\(x), \(y)), channel \(channel) is outside \(width) × \(height) × \(channels)")
    return (y * width + x) * channels + channel
  }
}
