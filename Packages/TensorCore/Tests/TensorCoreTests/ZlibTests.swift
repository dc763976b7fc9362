import Foundation
import TensorCore
import Testing

@Suite struct ZlibTests {
  let text =
    Data("a rose is a rose is a rose is a rose. ".utf8) + Data((0..<5000).map { UInt8($0 * $0 % 251) })

  // The standard check value of this CRC: https://reveng.sourceforge.io/crc-catalogue/all.htm
  // (CRC-32/ISO-HDLC).
  @Test func checksum() {
    #expect(Zlib.crc32(Data("123456789".utf8)) == 0xcbf4_3926)
    #expect(Zlib.crc32(Data()) == 0)
  }

  // A slice begins at another index than 0; code that indexes from 0 reads the wrong bytes.
  @Test(arguments: Zlib.Format.allCases, [0, 1, 6, 9])
  func roundTrip(format: Zlib.Format, level: Int) throws {
    for input in [text, Data(), Data([7]), text[100..<900]] {
      let packed = Zlib.deflated(input, format: format, level: level)
      #expect(try Zlib.inflated(packed, format: format, name: "text", limit: input.count) == input)
    }
  }

  // Written by Python 3.11 `gzip.compress(b"hello hello hello\n", mtime=0)`.
  @Test func readsForeignGzip() throws {
    let bytes: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8,
      0x40, 0x90, 0x5c, 0x00, 0x3b, 0x7c, 0x8a, 0xdf, 0x12, 0x00, 0x00, 0x00,
    ]
    let read = try Zlib.inflated(Data(bytes), format: .gzip, name: "hello.gz", limit: 100)
    #expect(String(decoding: read, as: UTF8.self) == "hello hello hello\n")
  }

  // A time in the header would make two runs write different files.
  @Test func gzipCarriesNoTime() {
    #expect(Array(Zlib.deflated(text, format: .gzip)[4..<8]) == [0, 0, 0, 0])
  }

  @Test func membersAreJoinedAndPaddingIgnored() throws {
    let two =
      Zlib.deflated(text, format: .gzip) + Zlib.deflated(Data([1, 2]), format: .gzip) + Data(count: 512)
    #expect(try Zlib.inflated(two, format: .gzip, name: "two", limit: 10_000) == text + Data([1, 2]))
  }

  // More than one piece of 64 KiB in and out.
  @Test func longStreams() throws {
    var state: UInt32 = 1
    let long = Data(
      (0..<500_000).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(state >> 24)
      })
    let packed = Zlib.deflated(long, format: .zlib)
    #expect(try Zlib.inflated(packed, format: .zlib, name: "long", limit: long.count) == long)
  }

  @Test(arguments: Zlib.Format.allCases)
  func bombsAreStopped(format: Zlib.Format) {
    let bomb = Zlib.deflated(Data(count: 10_000_000), format: format, level: 9)
    #expect(bomb.count < 20_000)
    #expect(throws: InputError.self) {
      try Zlib.inflated(bomb, format: format, name: "bomb", limit: 9_999_999)
    }
  }

  @Test(arguments: Zlib.Format.allCases)
  func everyTruncationIsFound(format: Zlib.Format) throws {
    let packed = Zlib.deflated(text.prefix(400), format: format)
    for length in 0..<packed.count {
      #expect(throws: InputError.self) {
        try Zlib.inflated(packed.prefix(length), format: format, name: "cut", limit: 10_000)
      }
    }
    #expect(throws: InputError.self) {
      try Zlib.inflated(packed + Data([1]), format: format, name: "longer", limit: 10_000)
    }
  }

  // Formats with a checksum must never give other bytes than were written.
  @Test(arguments: Zlib.Format.allCases)
  func damageIsFound(format: Zlib.Format) {
    let original = text.prefix(400)
    let packed = Zlib.deflated(original, format: format)
    for damaged in Damage.flips(of: packed, count: 2000) {
      let read = Result { try Zlib.inflated(damaged, format: format, name: "damaged", limit: 10_000) }
      switch read {
      case .failure(let error): #expect(error is InputError)
      case .success(let bytes): #expect(format == .raw || bytes == original)
      }
    }
  }
}
