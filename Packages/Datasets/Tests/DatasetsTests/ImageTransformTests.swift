import Datasets
import Foundation
import ImageCodecs
import TensorCore
import Testing

@Suite struct ImageTransformTests {
  static let keys = (0..<400).map { RandomKey(seed: 7).derived($0) }
  /// Pixel (x, y) is (8 x + y, 8 x + y, 200).
  static let numbered = Image(
    width: 8, height: 6, channels: 3,
    pixels: (0..<48).flatMap { place in
      let value = UInt8(8 * (place % 8) + place / 8)
      return [value, value, 200]
    })

  // Of 400 fair tosses, 200 ± 50 is five deviations.
  @Test func halfOfThePicturesAreFlipped() {
    let image = Self.numbered
    let flipped = Self.keys.filter { RandomHorizontalFlip()(image, key: $0) == image.mirrored() }.count
    #expect((150...250).contains(flipped))
    #expect(Self.keys.allSatisfy { RandomHorizontalFlip(probability: 0)(image, key: $0) == image })
    #expect(
      Self.keys.allSatisfy { RandomHorizontalFlip(probability: 1)(image, key: $0) == image.mirrored() })
  }

  // A range of one angle is that angle; a symmetric range turns both ways.
  @Test func anglesAreOfTheRange() {
    let image = Self.numbered
    #expect(RandomRotation(degrees: 33...33)(image, key: Self.keys[0]) == image.rotated(degrees: 33))
    #expect(
      RandomRotation(degrees: 20...20, interpolation: .bilinear, fill: 5)(image, key: Self.keys[0])
        == image.rotated(degrees: 20, interpolation: .bilinear, fill: 5))
    // The centre's right neighbour moves up when turning counterclockwise.
    let dot = Image(
      width: 41, height: 41, channels: 1,
      pixels: (0..<1681).map { $0 == 20 * 41 + 40 ? 255 : 0 })
    let rows = Self.keys.compactMap { key in
      RandomRotation(degrees: 30)(dot, key: key).pixels.firstIndex(of: 255).map { $0 / 41 }
    }
    #expect(rows.contains { $0 < 14 } && rows.contains { $0 > 26 })
    #expect(rows.allSatisfy { (10...30).contains($0) })
  }

  // The first pixel of a part tells its place; with padding 2, the corner of every part from −2 on.
  @Test func partsAreCutEverywhere() {
    let crop = RandomCrop(width: 5, height: 4)
    let corners = Set(Self.keys.map { crop(Self.numbered, key: $0).pixels[0] })
    #expect(corners == Set((0...3).flatMap { x in (0...2).map { UInt8(8 * x + $0) } }))
    for key in Self.keys {
      let part = crop(Self.numbered, key: key)
      #expect(part.width == 5 && part.height == 4 && part.pixels[3 * 4] == part.pixels[0] + 32)
    }
    let padded = RandomCrop(width: 8, height: 6, padding: 2, fill: 99)
    let parts = Self.keys.map { padded(Self.numbered, key: $0) }
    #expect(Set(parts).count == 25)
    #expect(parts.contains { $0.pixels[0] == 99 } && parts.contains { $0 == Self.numbered })
  }

  // One white rectangle in a black picture, fully inside, its area and ratio in their ranges up to rounding.
  @Test func oneRectangleIsErased() {
    let image = Image(width: 40, height: 30, repeating: [0, 0, 0])
    let erasing = RandomErasing(probability: 1, area: 0.1...0.2, ratio: 0.5...2, fill: 255)
    var corners: Set<[Int]> = []
    for key in Self.keys {
      let result = erasing(image, key: key)
      let erased = result.pixels.indices.filter { result.pixels[$0] == 255 }.map { $0 / 3 }
      let (columns, rows) = (erased.map { $0 % 40 }, erased.map { $0 / 40 })
      let width = columns.max()! - columns.min()! + 1
      let height = rows.max()! - rows.min()! + 1
      #expect(erased.count == 3 * width * height)
      #expect((100...260).contains(width * height), "\(width) × \(height)")
      #expect((0.4...2.4).contains(Double(height) / Double(width)), "\(width) × \(height)")
      corners.insert([columns.min()!, rows.min()!])
    }
    #expect(corners.count > 200)
    let kept = Self.keys.filter { RandomErasing()(Self.numbered, key: $0) == Self.numbered }.count
    #expect((150...260).contains(kept))
  }

  // With one amount at a time the result must be the operation by a factor within the range; here brightness, where a
  // sample of 100 becomes 100 · factor.
  @Test func jitterStaysInItsRanges() {
    let image = Image(width: 2, height: 2, repeating: [100, 100, 100])
    let samples = Self.keys.map { ColorJitter(brightness: 0.2)(image, key: $0).pixels[0] }
    #expect(samples.min()! >= 80 && samples.min()! <= 82 && samples.max()! <= 120 && samples.max()! >= 117)
    let mean = samples.reduce(0.0) { $0 + Double($1) } / 400
    #expect(abs(mean - 99.5) < 3)
    // An amount above 1 does not make factors negative.
    #expect(Self.keys.allSatisfy { ColorJitter(brightness: 3)(image, key: $0).pixels[0] <= 255 })
    #expect(Self.keys.allSatisfy { ColorJitter()(Self.numbered, key: $0) == Self.numbered })
    // Each of the others changes colours on its own.
    let color = Image(width: 2, height: 1, channels: 3, pixels: [200, 30, 60, 20, 90, 220])
    for jitter in [ColorJitter(contrast: 0.5), ColorJitter(saturation: 0.5), ColorJitter(hue: 0.3)] {
      #expect(Set(Self.keys.map { jitter(color, key: $0) }).count > 50, "\(jitter)")
    }
  }

  // Brightness, then contrast, gives other bytes than the reverse: both orders must occur for the same factors. With
  // saturation 0 and hue 0 a fixed order would leave only one of the two candidates.
  @Test func jitterStepsComeInAnyOrder() {
    let image = Image(width: 2, height: 1, channels: 1, pixels: [10, 250])
    let jitter = ColorJitter(brightness: 0.9, contrast: 0.9)
    var firsts = (brightness: 0, contrast: 0)
    for key in Self.keys {
      let draws = key.derived("factors").words(count: 4).map { 0.1 + 1.8 * Double($0 >> 8) * 0x1p-24 }
      let result = jitter(image, key: key)
      let a = image.adjustingBrightness(by: draws[0]).adjustingContrast(by: draws[1])
      let b = image.adjustingContrast(by: draws[1]).adjustingBrightness(by: draws[0])
      #expect(result == a || result == b)
      if a != b { result == a ? (firsts.brightness += 1) : (firsts.contrast += 1) }
    }
    #expect(firsts.brightness > 50 && firsts.contrast > 50, "\(firsts)")
  }

  // Two equal transforms in a sequence must not make the same draw.
  @Test func stepsOfASequenceDrawIndependently() {
    let twice = TransformSequence(RandomHorizontalFlip(), RandomHorizontalFlip())
    let flipped = Self.keys.filter { twice(Self.numbered, key: $0) != Self.numbered }.count
    #expect((150...250).contains(flipped))
    #expect(TransformSequence()(Self.numbered, key: Self.keys[0]) == Self.numbered)
    let resized = TransformSequence(Resize(4), RandomCrop(width: 2, height: 3))(
      Self.numbered, key: Self.keys[1])
    #expect(resized.width == 2 && resized.height == 3)
  }

  @Test func descriptionsHoldEveryNumber() {
    let all = TransformSequence(
      Resize(width: 30, height: 20), RandomHorizontalFlip(probability: 0.25), RandomRotation(degrees: 15),
      ColorJitter(brightness: 0.2, contrast: 0.3, saturation: 0.4, hue: 0.1),
      RandomCrop(width: 24, height: 16, padding: 4, fill: 7), RandomErasing(probability: 0.75, fill: 128))
    #expect(
      "\(all)" == """
        resize to 30 × 20, bilinear with antialiasing, then horizontal flip with probability 0.25, then \
        rotation by -15.0° to 15.0°, nearest, corners 0, then \
        colour jitter: brightness 0.2, contrast 0.3, saturation 0.4, hue 0.1, then \
        random crop to 24 × 16 after padding by 4 with 7, then \
        erasing with probability 0.75: area 0.02 to 0.33, ratio 0.3 to 3.3, value 128
        """)
    #expect("\(TransformSequence())" == "unchanged")
  }

  @Test func impossibleValuesStop() async {
    await #expect(processExitsWith: .failure) { _ = RandomHorizontalFlip(probability: 1.1) }
    await #expect(processExitsWith: .failure) { _ = ColorJitter(hue: 0.6) }
    await #expect(processExitsWith: .failure) { _ = Resize(0) }
    await #expect(processExitsWith: .failure) {
      _ = RandomCrop(width: 9, height: 9)(
        Image(width: 8, height: 9, repeating: [0]), key: RandomKey(seed: 1))
    }
  }
}
