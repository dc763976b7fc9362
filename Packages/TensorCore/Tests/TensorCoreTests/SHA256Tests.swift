import Foundation
import Testing

@testable import TensorCore

@Suite struct SHA256Tests {
  // NIST, "SHA-256 example values" and FIPS 180-2 appendix B: no block, one, two blocks, and many.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
  ])
  func standardVectors(text: String, digest: String) {
    #expect(SHA256.hexadecimal(of: Data(text.utf8)) == digest)
  }

  // Python's hashlib over bytes(i * 7 % 256 for i in range(1000)). Pieces of every length from 0 to 130 cross the
  // block boundary in every way; a carried-over byte lost or doubled would show.
  @Test func piecesMakeTheSameDigest() {
    let data = Data((0..<1000).map { UInt8($0 * 7 % 256) })
    for length in 1...130 {
      var hash = SHA256()
      for start in stride(from: 0, to: 1000, by: length) {
        hash.update(data[start..<min(1000, start + length)])
      }
      #expect(hash.hexadecimal == "89f4ff56a25dd1db06a4ce6033603775d705fb96f30f8693733fef602a1ca532")
    }
  }

  // Asking for the digest in between must not end the stream.
  @Test func digestIsRepeatable() {
    var hash = SHA256()
    hash.update("ab")
    _ = hash.digest
    hash.update("c")
    #expect(hash.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test func filesAndTensors() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("sha256-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }
    let tensor = Tensor([1, -2, 3.5])
    try AtomicFile.write(tensor.withUnsafeBufferPointer { Data(buffer: $0) }, to: url)
    var hash = SHA256()
    hash.update(tensor)
    #expect(try SHA256.hexadecimal(ofFile: url) == hash.hexadecimal)
    #expect(throws: InputError.self) { try SHA256.hexadecimal(ofFile: url.appendingPathExtension("none")) }
  }
}
