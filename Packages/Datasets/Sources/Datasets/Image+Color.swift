import ImageCodecs

// Source of all that follows: Pillow 13's `ImageEnhance`, `Image.blend` and `Image.convert`, to the last bit, and
// torchvision's `adjust_…` functions, which call them.
extension Image {
  /// The picture in RGB: grey three times; alpha is dropped.
  public var rgb: Image {
    if channels == 3 { return self }
    let source = channels == 1 ? [0, 0, 0] : [0, 1, 2]
    var samples: [UInt8] = []
    samples.reserveCapacity(width * height * 3)
    for pixel in 0..<(width * height) {
      for k in source { samples.append(pixels[pixel * channels + k]) }
    }
    return Image(width: width, height: height, channels: 3, pixels: samples)
  }

  /// The luma of ITU-R BT.601 in 1 channel: `(19595 red + 38470 green + 7471 blue) / 65536`, rounded half up.
  ///
  /// - Precondition: 1 or 3 channels.
  public var grey: Image {
    precondition(channels != 4, "grey: expected 1 or 3 channels, got 4")
    if channels == 1 { return self }
    let luma = [UInt8](unsafeUninitializedCapacity: width * height) { target, filled in
      pixels.withUnsafeBufferPointer { source in
        for i in 0..<(width * height) { target[i] = Image.luma(source, 3 * i) }
      }
      filled = width * height
    }
    return Image(width: width, height: height, channels: 1, pixels: luma)
  }

  /// Blended with black: `factor · sample`, cut to a byte. 0 is black, 1 the picture itself, above 1 brighter.
  ///
  /// - Precondition: 1 or 3 channels, and the factor is not negative.
  public func adjustingBrightness(by factor: Double) -> Image {
    blended(by: factor, "adjustingBrightness") { _, _ in 0 }
  }

  /// Blended with the mean of the picture's luma: 0 is that grey, 1 the picture itself, above 1 starker.
  ///
  /// - Precondition: 1 or 3 channels, and the factor is not negative.
  public func adjustingContrast(by factor: Double) -> Image {
    let sum = grey.pixels.reduce(0) { $0 + Int($1) }
    let mean = UInt8(Double(sum) / Double(width * height) + 0.5)
    return blended(by: factor, "adjustingContrast") { _, _ in mean }
  }

  /// Each pixel blended with its luma: 0 is grey, 1 the picture itself, above 1 more colourful. Grey pictures keep.
  ///
  /// - Precondition: 1 or 3 channels, and the factor is not negative.
  public func adjustingSaturation(by factor: Double) -> Image {
    if channels == 1 { return self }
    return blended(by: factor, "adjustingSaturation") { Image.luma($0, 3 * $1) }
  }

  /// The picture with all hues turned: half a turn is a shift of 0.5 or −0.5. Grey pictures keep.
  ///
  /// Hue, saturation and value are bytes in between, so even a shift of 0 may change a sample a little.
  ///
  /// - Precondition: 1 or 3 channels and −0.5 ≤ shift ≤ 0.5.
  public func adjustingHue(by shift: Double) -> Image {
    precondition(channels != 4, "adjustingHue: expected 1 or 3 channels, got 4")
    precondition((-0.5...0.5).contains(shift), "adjustingHue: shift \(shift) is outside -0.5...0.5")
    if channels == 1 { return self }
    let turn = UInt8(truncatingIfNeeded: Int(shift * 255))
    var result = self
    result.pixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, filled in
      pixels.withUnsafeBufferPointer { source in
        for i in stride(from: 0, to: source.count, by: 3) {
          var color = HSV(red: source[i], green: source[i + 1], blue: source[i + 2])
          color.hue &+= turn
          (target[i], target[i + 1], target[i + 2]) = color.rgb
        }
      }
      filled = pixels.count
    }
    return result
  }

  private static func luma(_ source: UnsafeBufferPointer<UInt8>, _ place: Int) -> UInt8 {
    let weighted = Int(source[place]) * 19595 + Int(source[place + 1]) * 38470 + Int(source[place + 2]) * 7471
    return UInt8((weighted + 0x8000) >> 16)
  }

  /// `other + factor · (sample − other)` in `Float`, truncated and clamped to a byte, where `other` depends on the pixel.
  private func blended(
    by factor: Double, _ operation: String, with other: (UnsafeBufferPointer<UInt8>, _ pixel: Int) -> UInt8
  ) -> Image {
    precondition(channels != 4, "\(operation): expected 1 or 3 channels, got 4")
    precondition(factor >= 0 && factor.isFinite, "\(operation): factor \(factor) is negative or not finite")
    let factor = Float(factor)
    var result = self
    result.pixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, filled in
      pixels.withUnsafeBufferPointer { source in
        for pixel in 0..<(width * height) {
          let base = Float(other(source, pixel))
          for i in (pixel * channels)..<((pixel + 1) * channels) {
            target[i] = UInt8(min(max(base + factor * (Float(source[i]) - base), 0), 255))
          }
        }
      }
      filled = pixels.count
    }
    return result
  }
}

/// A colour as hue (0 to 255 for a whole turn), saturation and value, each a byte, in the arithmetic of Pillow.
private struct HSV {
  var hue: UInt8
  let saturation: UInt8
  let value: UInt8

  init(red: UInt8, green: UInt8, blue: UInt8) {
    let high = max(red, green, blue)
    let low = min(red, green, blue)
    value = high
    guard high != low else {
      (hue, saturation) = (0, 0)
      return
    }
    let range = Float(high - low)
    func distance(_ sample: UInt8) -> Float { Float(high - sample) / range }
    let sixths: Float =
      high == red
      ? distance(blue) - distance(green)
      : high == green
        ? Float(2 + Double(distance(red)) - Double(distance(blue)))
        : Float(4 + Double(distance(green)) - Double(distance(red)))
    let turn = Double(sixths) / 6 + 1
    hue = UInt8(Double(Float(turn >= 1 ? turn - 1 : turn)) * 255)
    saturation = UInt8(Double(range / Float(high)) * 255)
  }

  var rgb: (red: UInt8, green: UInt8, blue: UInt8) {
    guard saturation != 0 else { return (value, value, value) }
    let sixths = Double(hue) * 6 / 255
    let sector = Int(sixths)
    let rest = Float(sixths - Double(sector))
    let share = Float(Double(saturation) / 255)
    func dimmed(_ amount: Double) -> UInt8 { UInt8(Double(value) * (1 - amount) + 0.5) }
    let low = dimmed(Double(share))
    let falling = dimmed(Double(share * rest))
    let rising = dimmed(Double(share) * (1 - Double(rest)))
    switch sector % 6 {
    case 0: return (value, rising, low)
    case 1: return (falling, value, low)
    case 2: return (low, value, rising)
    case 3: return (low, falling, value)
    case 4: return (rising, low, value)
    default: return (value, low, falling)
    }
  }
}
