import Datasets
import Foundation
import TensorCore
import Testing

@Suite struct IDXFileTests {
  // Written by hand from the format's description; lengths of different size catch a swapped byte order.
  let bytes = Data([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 255])

  @Test func reads() throws {
    let tensor = try IDXFile.decoded(bytes, name: "hand")
    #expect(tensor == ByteTensor(shape: [2, 3], scalars: [10, 20, 30, 40, 50, 255]))
    #expect(IDXFile.encoded(tensor) == bytes)
  }

  @Test func lengthsAboveAByte() throws {
    let tensor = ByteTensor(shape: [258], scalars: (0..<258).map { UInt8($0 % 256) })
    #expect(IDXFile.encoded(tensor).prefix(8) == Data([0, 0, 8, 1, 0, 0, 1, 2]))
    #expect(try IDXFile.decoded(IDXFile.encoded(tensor), name: "long") == tensor)
  }

  @Test func filesPlainAndGzip() throws {
    try Support.withFolder { folder in
      let plain = folder.appendingPathComponent("a-idx2-ubyte")
      let packed = folder.appendingPathComponent("a-idx2-ubyte.gz")
      let tensor = try IDXFile.decoded(bytes, name: "hand")
      try IDXFile.write(tensor, to: plain)
      try AtomicFile.write(Zlib.deflated(bytes, format: .gzip), to: packed)
      #expect(try IDXFile.read(plain) == tensor)
      #expect(try IDXFile.read(packed) == tensor)
    }
  }

  @Test(arguments: [
    (Data([0, 1, 8, 1, 0, 0, 0, 0]), InputError.Kind.damaged),  // no IDX file
    (Data([0, 0, 0x0d, 1, 0, 0, 0, 1, 0, 0, 0, 0]), .unsupported),  // floats
    (Data([0, 0, 8, 0, 7]), .damaged),  // no axes
    (Data([0, 0, 8, 1, 0, 0, 0, 2, 7]), .damaged),  // one byte too few
    (Data([0, 0, 8, 1, 0, 0, 0, 2, 7, 8, 9]), .damaged),  // one too many
    (Data([0, 0, 8, 4] + [UInt8](repeating: 255, count: 16)), .damaged),  // (2^32 - 1)^4 overflows
    (Data([0, 0, 8]), .damaged),
  ])
  func refusals(data: Data, kind: InputError.Kind) {
    let error = #expect(throws: InputError.self) { try IDXFile.decoded(data, name: "file-idx1-ubyte") }
    #expect(error?.kind == kind && error?.subject == "file-idx1-ubyte")
  }

  @Test func damageIsSurvived() {
    Support.survivesDamage(bytes) { _ = try IDXFile.decoded($0, name: "damaged") }
    Support.survivesDamage(Zlib.deflated(bytes, format: .gzip)) { data in
      _ = try IDXFile.decoded(
        Zlib.inflated(data, format: .gzip, name: "damaged", limit: 1 << 16), name: "damaged")
    }
  }
}
