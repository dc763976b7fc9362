import Foundation
import Testing
import TensorCore

@testable import Reporting

@Suite struct TensorBoardTests {
  // The vectors of RFC 3720, appendix B.4, and the customary check value.
  @Test func checksums() {
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 255, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(CRC32C.checksum((0..<32).reversed().map { UInt8($0) }) == 0x113F_DB5C)
  }

  // Written by tensorboard 2.21.0 with protobuf 7.36.2, see Scripts/fixtures/tensorboard_records.py.
  @Test func bytesAreTensorBoardsOwn() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try TensorBoardWriter(folder: folder, startTime: 1_700_000_000.25, host: "my host/1") { 0 }
    try writer.addScalar("loss/train", 0.1, step: 300, wallTime: 1_700_000_001.5)
    try writer.addScalar("x", -2.5, step: 0, wallTime: 1_700_000_002)
    try writer.close()
    #expect(writer.url.lastPathComponent == "events.out.tfevents.1700000000.my-host-1")
    let found = try Data(contentsOf: writer.url).map { String(format: "%02x", $0) }.joined()
    let expected =
      "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe92100000000000000"
      + "017becf60900006040fc54d94110ac022a130a110a0a6c6f73732f747261696e15cdcccc3d2c9b188315000000000000"
      + "00d6ab6b2b0900008040fc54d9412a0a0a080a017815000020c022783389"
    #expect(found == expected)
  }

  @Test func clockAndRefusals() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try TensorBoardWriter(folder: folder, host: "h") { 12 }
    #expect(writer.url.lastPathComponent == "events.out.tfevents.0000000012.h")
    try writer.addScalar("a", 1, step: 1)
    try writer.close()
    #expect(throws: InputError.self) { try writer.addScalar("a", 1, step: 2) }
    let blocked = folder.appendingPathComponent("file")
    try Data().write(to: blocked)
    #expect(throws: InputError.self) { try TensorBoardWriter(folder: blocked, host: "h") }
  }
}
