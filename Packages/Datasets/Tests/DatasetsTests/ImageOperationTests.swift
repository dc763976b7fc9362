import Datasets
import ImageCodecs
import TensorCore
import Testing

/// Every expected picture is Pillow's or torchvision's and must come out to the last bit: the rounding between the two
/// passes of a resize, the truncation of a blend and the byte arithmetic of hues are all part of it.
@Suite struct ImageOperationTests {
  let fixture: ImageFixture

  init() throws { fixture = try ImageFixture() }

  // Shrinking without antialiasing, weights of the wrong support, or one rounding less, all show. One side kept, one
  // shrunk and one grown, and a single pixel (the mean of all by weight) are among the sizes.
  @Test func resizing() throws {
    let source = try fixture.image("large")
    let cases = try fixture.images("resized")
    #expect(cases.count == 5)
    for (size, expected) in cases {
      expectEqual(source.resized(width: Int(size[0]), height: Int(size[1])), expected, "resized \(size)")
    }
    expectEqual(
      try fixture.image("grey").resized(width: 14, height: 9), try fixture.image("resized grey"), "grey")
    #expect(source.resized(width: source.width, height: source.height) == source)
  }

  // 15° the other way round, or about the corner, differs nearly everywhere; so does a place half a pixel off.
  @Test func turning() throws {
    let source = try fixture.image("small")
    let (nearest, bilinear) = (try fixture.images("nearest"), try fixture.images("bilinear"))
    #expect(nearest.count == 8 && bilinear.count == 8)
    for (degrees, expected) in nearest {
      expectEqual(source.rotated(degrees: degrees[0]), expected, "nearest \(degrees)")
    }
    for (degrees, expected) in bilinear {
      expectEqual(
        source.rotated(degrees: degrees[0], interpolation: .bilinear, fill: 9), expected,
        "bilinear \(degrees)")
    }
    expectEqual(try fixture.image("speckled").rotated(degrees: 90), try fixture.image("square 90"), "square")
  }

  @Test func mirroring() throws {
    expectEqual(try fixture.image("small").mirrored(), try fixture.image("mirrored"))
    let source = try fixture.image("large")
    #expect(source.mirrored() != source && source.mirrored().mirrored() == source)
  }

  @Test func brightnessContrastSaturation() throws {
    let (small, speckled) = (try fixture.image("small"), try fixture.image("speckled"))
    for (factor, expected) in try fixture.images("brightness") {
      expectEqual(speckled.adjustingBrightness(by: factor[0]), expected, "brightness \(factor)")
    }
    for (factor, expected) in try fixture.images("contrast") {
      expectEqual(small.adjustingContrast(by: factor[0]), expected, "contrast \(factor)")
    }
    for (factor, expected) in try fixture.images("saturation") {
      expectEqual(speckled.adjustingSaturation(by: factor[0]), expected, "saturation \(factor)")
    }
    #expect(try fixture.images("contrast").count == 6)
  }

  // Random colours meet all six sectors; −0.03 turns truncate to −7 of 255, not −8.
  @Test func hue() throws {
    let speckled = try fixture.image("speckled")
    let cases = try fixture.images("hue")
    #expect(cases.count == 7)
    for (shift, expected) in cases {
      expectEqual(speckled.adjustingHue(by: shift[0]), expected, "hue \(shift)")
    }
  }

  @Test func greyPicturesKeepTheirColour() throws {
    let grey = try fixture.image("grey")
    #expect(grey.adjustingHue(by: 0.4) == grey && grey.adjustingSaturation(by: 3) == grey)
    #expect(grey.adjustingBrightness(by: 0.5).pixels == grey.pixels.map { $0 / 2 })
    expectEqual(try fixture.image("small").grey, grey)
    #expect(grey.rgb.grey == grey && grey.rgb.channels == 3)
    #expect(Image(width: 1, height: 1, channels: 4, pixels: [1, 2, 3, 0]).rgb.pixels == [1, 2, 3])
  }

  // Bytes between the steps, as in a chain of transforms of a Pillow image.
  @Test func oneAfterTheOther() throws {
    let image = try fixture.image("large").resized(width: 32, height: 32).mirrored().rotated(degrees: -11.5)
      .adjustingBrightness(by: 0.9).adjustingHue(by: -0.07).adjustingSaturation(by: 1.15)
      .adjustingContrast(by: 0.85)
    expectEqual(image, try fixture.image("chain"))
  }

  @Test func cropping() {
    // 1 2 3
    // 4 5 6
    let image = Image(width: 3, height: 2, channels: 1, pixels: [1, 2, 3, 4, 5, 6])
    #expect(image.cropped(x: 1, y: 0, width: 2, height: 2).pixels == [2, 3, 5, 6])
    #expect(image.cropped(x: -1, y: 1, width: 3, height: 2, fill: 9).pixels == [9, 4, 5, 9, 9, 9])
    #expect(image.cropped(x: 2, y: -1, width: 2, height: 2, fill: 9).pixels == [9, 9, 3, 9])
    #expect(image.cropped(x: 7, y: 0, width: 1, height: 1, fill: 9).pixels == [9])
    let color = Image(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6])
    #expect(color.cropped(x: 1, y: 0, width: 2, height: 1).pixels == [4, 5, 6, 0, 0, 0])
  }

  @Test func transparencyIsRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = Image(width: 2, height: 2, repeating: [1, 2, 3, 4]).resized(width: 1, height: 1)
    }
    await #expect(processExitsWith: .failure) {
      _ = Image(width: 2, height: 2, repeating: [1, 2, 3, 4]).rotated(degrees: 3)
    }
    await #expect(processExitsWith: .failure) {
      _ = Image(width: 2, height: 2, repeating: [1, 2, 3]).adjustingHue(by: 0.6)
    }
  }
}
