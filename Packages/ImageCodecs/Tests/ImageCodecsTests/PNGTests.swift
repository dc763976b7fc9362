import Foundation
import ImageCodecs
import Testing
import TensorCore

/// Bytes of a string of hexadecimal digits; white space is skipped.
private func bytes(_ hexadecimal: String) -> Data {
  let digits = hexadecimal.compactMap(\.hexDigitValue)
  return Data(stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) })
}

/// Files assembled chunk by chunk from the PNG specification (stored deflate blocks, so the samples can be read in
/// the digits).
private enum Handmade {
  static let grey3x2 = bytes(
    """
    89504e470d0a1a0a 0000000d 49484452 00000003 00000002 0800000000 b81f39c6
    00000013 49444154 7801010800f7ff 000080ff 00070809 083101985d6c787c 00000000 49454e44 ae426082
    """)
  static let palette2x2 = bytes(
    """
    89504e470d0a1a0a 0000000d 49484452 00000002 00000002 0803000000 4568fd16
    00000009 504c5445 ff0000 00ff00 0000ff 2d4acd8a
    00000011 49444154 7801010600f9ff 000001 000102 000e0005d89c4000 00000049454e44ae426082
    """)
  static let grey16bit2x1 = bytes(
    """
    89504e470d0a1a0a 0000000d 49484452 00000002 00000001 1000000000 81d9fc15
    00000010 49444154 7801010500faff 00 8080 ffff 068202ff38d77910 0000000049454e44ae426082
    """)
  static let greyAlpha1x1 = bytes(
    """
    89504e470d0a1a0a 0000000d 49484452 00000001 00000001 0804000000 b51c0c02
    0000000e 49444154 7801010300fcff 0032c8 012f00fbee5323a1 0000000049454e44ae426082
    """)
  /// Only a header, for 20,000 × 10,000 pixels.
  static let enormous = bytes(
    """
    89504e470d0a1a0a 0000000d 49484452 00004e20 00002710 0800000000 dc4f177e
    00000000 49444154 35af061e 00000000 49454e44 ae426082
    """)
  /// Only a header, for 10,000 × 9,000 pixels: allowed, but not in 57 bytes.
  static let hollow = bytes(
    """
    89504e470d0a1a0a 0000000d 49484452 00002710 00002328 0800000000 83439c28
    00000000 49444154 35af061e 00000000 49454e44 ae426082
    """)
}

@Suite struct PNGTests {
  @Test func greyFile() throws {
    let image = try Image(pngData: Handmade.grey3x2, name: "grey.png")
    #expect(image == Image(width: 3, height: 2, channels: 1, pixels: [0, 128, 255, 7, 8, 9]))
  }

  // The last palette entry would be lost by an off-by-one in the colour map.
  @Test func paletteBecomesColour() throws {
    let image = try Image(pngData: Handmade.palette2x2, name: "palette.png")
    let (red, green, blue): ([UInt8], [UInt8], [UInt8]) = ([255, 0, 0], [0, 255, 0], [0, 0, 255])
    #expect(image == Image(width: 2, height: 2, channels: 3, pixels: red + green + green + blue))
  }

  // 0x8080 is 128.5 steps of 257: taken as linear light it would become 188.
  @Test func sixteenBitsAreNotTakenAsLinear() throws {
    let image = try Image(pngData: Handmade.grey16bit2x1, name: "deep.png")
    #expect(image == Image(width: 2, height: 1, channels: 1, pixels: [128, 255]))
  }

  @Test func greyWithAlphaBecomesRGBA() throws {
    let image = try Image(pngData: Handmade.greyAlpha1x1, name: "alpha.png")
    #expect(image == Image(width: 1, height: 1, channels: 4, pixels: [50, 50, 50, 200]))
  }

  @Test(arguments: [1, 3, 4]) func roundTrip(channels: Int) throws {
    let source = RandomKey(seed: 7).words(count: 37 * 23 * channels).map { UInt8($0 >> 24) }
    let image = Image(width: 37, height: 23, channels: channels, pixels: source)
    #expect(try Image(pngData: image.pngData(), name: "noise.png") == image)
    #expect(try image.pngData() == image.pngData())
  }

  // Noise does not compress: an encoder buffer that is too small shows here.
  @Test func largeNoiseRoundTrip() throws {
    let source = RandomKey(seed: 8).words(count: 700 * 500 * 3).map { UInt8($0 & 255) }
    let image = Image(width: 700, height: 500, channels: 3, pixels: source)
    #expect(try Image(pngData: image.pngData(), name: "noise.png") == image)
  }

  @Test func filesRoundTrip() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("png-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = folder.appendingPathComponent("deep/image.png")
    let image = Image(width: 2, height: 1, repeating: [9, 8, 7])
    try image.writePNG(to: url)
    #expect(try Image(contentsOf: url) == image)
    #expect(throws: InputError.self) { try Image(contentsOf: folder.appendingPathComponent("none.png")) }
  }

  @Test func absurdHeadersAreRefused() {
    #expect {
      try Image(pngData: Handmade.enormous, name: "enormous.png")
    } throws: { error in
      (error as? InputError)?.kind == .unsupported && "\(error)".contains("20000 × 10000")
    }
    #expect {
      try Image(pngData: Handmade.hollow, name: "hollow.png")
    } throws: { error in
      (error as? InputError)?.kind == .damaged && (error as? InputError)?.subject == "hollow.png"
    }
  }

  // Every way to cut the file short, and a flipped bit in every byte: a clean error naming the file or an image of
  // the size that the header states, never a crash.
  @Test func damageIsReported() throws {
    let whole = Handmade.palette2x2
    for length in 0..<(whole.count - 16) {
      #expect {
        try Image(pngData: whole.prefix(length), name: "cut.png")
      } throws: { error in
        (error as? InputError)?.kind == .damaged && (error as? InputError)?.subject == "cut.png"
      }
    }
    var refused = 0
    for position in whole.indices {
      var flipped = whole
      flipped[position] ^= 0x10
      do {
        _ = try Image(pngData: flipped, name: "flipped.png")
      } catch let error as InputError {
        #expect(error.subject == "flipped.png")
        refused += 1
      }
    }
    #expect(refused > whole.count / 2)
  }
}
