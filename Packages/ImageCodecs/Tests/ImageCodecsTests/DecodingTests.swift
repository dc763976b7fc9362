import Foundation
import ImageCodecs
import TensorCore
import Testing

@Suite struct DecodingTests {
  // Every kind of file against Pillow. PNG loses nothing; two versions of libjpeg-turbo may round differently, by one.
  // Mirrored and turned files (all of EXIF's orientations, and 9, which is none) are 37 × 23 with no symmetry, so a
  // wrong turn shows in the size or in nearly every sample; CMYK without its inversion is a negative.
  @Test func filesAreReadAsPillowReadsThem() throws {
    let fixture = try Fixture()
    let names = fixture.names()
    #expect(names.count == 27)
    for name in names {
      let image = try Image(data: fixture.file(name), name: name)
      let tolerance = name.hasPrefix("png") ? 0 : 1
      expectClose(image, try fixture.image(name + ".pixels"), within: tolerance, "\(name)")
    }
  }

  // What quality and subsampling mean is libjpeg's convention: Pillow's files of the same settings keep the same.
  @Test(arguments: [(75, true), (30, true), (92, false)])
  func writtenFilesKeepWhatPillowsKeep(quality: Int, subsamplesColor: Bool) throws {
    let fixture = try Fixture()
    let source = try fixture.image("source")
    let data = try source.jpegData(quality: quality, subsamplesColor: subsamplesColor)
    #expect(try source.jpegData(quality: quality, subsamplesColor: subsamplesColor) == data)
    let expected = try fixture.image("kept-\(quality)-\(subsamplesColor ? "420" : "444")")
    expectClose(try Image(jpegData: data, name: "kept"), expected, within: 1)
  }

  @Test func greyIsWrittenGreyAndAlphaIsDropped() throws {
    let grey = Image(width: 9, height: 5, repeating: [77])
    expectClose(try Image(jpegData: grey.jpegData(), name: "grey"), grey, within: 0)
    let color = try Image(
      jpegData: Image(width: 8, height: 8, repeating: [200, 200, 200, 9]).jpegData(), name: "")
    expectClose(color, Image(width: 8, height: 8, repeating: [200, 200, 200]), within: 1)
  }

  @Test func impossibleWritingIsRefused() async {
    #expect(throws: InputError.self) { try Image(width: 65_536, height: 1, repeating: [0]).jpegData() }
    await #expect(processExitsWith: .failure) {
      _ = try Image(width: 1, height: 1, repeating: [0]).jpegData(quality: 0)
    }
  }

  // A JPEG under the name of a PNG, and the other way round: the bytes decide.
  @Test func endingsDoNotMatter() throws {
    let fixture = try Fixture()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("images-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for (kind, ending) in [("jpeg-444", "png"), ("png-rgb", "jpg")] {
      let url = folder.appendingPathComponent("image.\(ending)")
      try AtomicFile.write(fixture.file(kind), to: url)
      expectClose(try Image(contentsOf: url), try fixture.image(kind + ".pixels"), within: 1)
    }
  }

  @Test func otherFilesAreNamed() throws {
    let cases: [(Data, String)] = [
      (Data("<html>\nNot found".utf8), "text: “<html> Not found”"), (Data(), "an empty file"),
      (Data("GIF89a\u{1}\u{2}".utf8), "a GIF file"), (Data("RIFF\0\0\0\0WEBPVP8 ".utf8), "a WebP file"),
      (Data("\0\0\0\u{1c}ftypavif".utf8), "a HEIF file"),
      (Data([0, 1, 0x8f, 255, 3]), "5 bytes that begin with 00 01 8f ff"),
    ]
    for (data, found) in cases {
      #expect {
        try Image(data: data, name: "golf/7.jpg")
      } throws: { error in
        let error = error as? InputError
        return error?.kind == .unsupported && error?.subject == "golf/7.jpg" && error?.found == found
      }
    }
  }
}

@Suite struct DamagedImageTests {
  private static func isRefused(_ data: Data, _ kind: InputError.Kind = .damaged) -> Bool {
    do {
      _ = try Image(data: data, name: "valid/golf/7.jpg")
      return false
    } catch let error as InputError {
      return error.kind == kind && error.subject == "valid/golf/7.jpg"
    } catch {
      return false
    }
  }

  // A viewer fills the missing rows with grey; training on that would go unnoticed.
  @Test(arguments: ["jpeg-420", "jpeg-444", "jpeg-progressive", "jpeg-restarts", "jpeg-grey", "jpeg-cmyk"])
  func cutFilesAreRefused(name: String) throws {
    let whole = try Fixture().file(name)
    for length in stride(from: 2, to: whole.count - 2, by: 7) {
      #expect(Self.isRefused(whole.prefix(length)), "\(name) cut to \(length) of \(whole.count) bytes")
    }
    #expect(!Self.isRefused(whole))
  }

  // Encoders and editors leave bytes behind the last scan or the end: Pillow and browsers accept them.
  @Test func bytesBetweenMarkersAreAccepted() throws {
    let whole = try Fixture().file("jpeg-444")
    let left = whole.dropLast(2) + Data([0, 17, 34]) + whole.suffix(2)
    #expect(try Image(data: left, name: "left over") == Image(data: whole, name: "whole"))
    #expect(try Image(data: whole + Data([1, 2, 3]), name: "appended") == Image(data: whole, name: "whole"))
  }

  // 60,000 × 60,000 and, within the limit, 9,984 × 9,984 from 900 bytes: refused before memory is taken for pixels. A
  // decoder that believed the second header would need 300 MB, and twice that for a progressive file.
  @Test(arguments: ["jpeg-420", "jpeg-progressive"]) func absurdSizesAreRefused(name: String) throws {
    let whole = try Fixture().file(name)
    let marker: UInt8 = name == "jpeg-420" ? 0xc0 : 0xc2
    let header = try #require(whole.indices.first { whole[$0] == 0xff && whole[$0 + 1] == marker })
    func resized(_ side: UInt16) -> Data {
      var file = whole
      for place in [header + 5, header + 7] {
        file[place] = UInt8(side >> 8)
        file[place + 1] = UInt8(side & 255)
      }
      return file
    }
    #expect(Self.isRefused(resized(60_000), .unsupported))
    #expect(Self.isRefused(resized(9_984)))
    #expect(Self.isRefused(resized(0)))
  }

  // Only tables, or nothing, between start and end: libjpeg calls both well-formed and gives them no size.
  @Test func filesWithoutAPictureAreRefused() throws {
    let whole = try Fixture().file("jpeg-420")
    let header = try #require(whole.indices.first { whole[$0] == 0xff && whole[$0 + 1] == 0xc0 })
    #expect(Self.isRefused(whole.prefix(header) + whole.suffix(2)))
    #expect(Self.isRefused(Data([0xff, 0xd8, 0xff, 0xd9])))
  }

  // 20,000 × 20,000 in a PNG header with a right checksum, and nothing behind it.
  @Test func enormousPNGHeader() {
    let header: [UInt8] =
      [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]
      + [0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20, 8, 2, 0, 0, 0]
    let checksum = crc32(header.dropFirst(12))
    #expect(Self.isRefused(Data(header + checksum + [0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54]), .unsupported))
  }

  /// PNG's checksum, bit by bit.
  private func crc32(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var sum: UInt32 = 0xffff_ffff
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
    }
    return withUnsafeBytes(of: (~sum).bigEndian) { Array($0) }
  }

  // Flipped bits and cuts anywhere, in headers and camera notes too: an image or a clean error that names the file,
  // never a crash.
  @Test func damageNeverCrashes() throws {
    let fixture = try Fixture()
    var source = RandomSource(key: RandomKey(seed: 5).derived("damage"))
    for name in fixture.names() {
      let whole = try fixture.file(name)
      for trial in 0..<150 {
        var damaged = whole
        for _ in 0...source.index(below: 3) {
          // Half of the flips fall on the headers.
          let place = source.index(below: trial % 2 == 0 ? min(whole.count, 200) : whole.count)
          damaged[place] ^= UInt8(1 + source.index(below: 255))
        }
        if trial % 5 == 0 { damaged = damaged.prefix(1 + source.index(below: whole.count)) }
        do {
          _ = try Image(data: damaged, name: name)
        } catch {
          #expect((error as? InputError)?.subject == name, "\(error)")
        }
      }
    }
  }
}
