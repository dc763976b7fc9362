import Datasets
import Foundation
import ImageCodecs
import TensorCore
import Testing

@Suite struct ImageFolderTests {
  /// A picture of one colour that belongs to a number.
  static func picture(_ number: Int, side: Int = 6) -> Image {
    Image(width: side, height: side, repeating: [UInt8(10 * number % 256), UInt8(number % 256), 100])
  }

  /// Writes pictures as PNG under these names; picture i is number i of the call's `numbers`.
  static func write(_ names: [String], numbers: [Int]? = nil, in folder: URL) throws {
    for (i, name) in names.enumerated() {
      try picture(numbers?[i] ?? i).writePNG(to: folder.appendingPathComponent(name))
    }
  }

  /// Whether reading fails with an error of this kind about a path that ends so.
  static func fails(_ kind: InputError.Kind, _ path: String, _ body: () throws -> Void) -> Bool {
    do {
      try body()
      return false
    } catch let error as InputError {
      return error.kind == kind && error.subject.hasSuffix(path)
    } catch {
      return false
    }
  }

  // By name, not by number or by what the file system happens to give; endings in capitals count, hidden files and
  // notes do not.
  @Test func classesAndFilesAreInOrder() throws {
    try Support.withFolder { folder in
      try Self.write(["b/10.png", "b/2.PNG", "a/x.png", "c/1.png"], in: folder)
      try Self.picture(9).jpegData().write(to: folder.appendingPathComponent("a/w.jpeg"))
      try Data("notes".utf8).write(to: folder.appendingPathComponent("a/notes.txt"))
      try Data("junk".utf8).write(to: folder.appendingPathComponent("a/.hidden.jpg"))
      try Data("notes".utf8).write(to: folder.appendingPathComponent("README"))
      let found = try ImageFolder(at: folder)
      #expect(found.classNames == ["a", "b", "c"])
      #expect(found.files.map(\.name) == ["a/w.jpeg", "a/x.png", "b/10.png", "b/2.PNG", "c/1.png"])
      #expect(found.labels == IntTensor([0, 0, 1, 1, 2]))
      let images = try found.images()
      #expect(images.pixels.shape == [5, 3, 6, 6] && images.labels == found.labels && !images.isSynthetic)
      // Picture 2 is a/x.png, 0 b/10.png, 1 b/2.PNG, 3 c/1.png.
      #expect([1, 2, 3, 4].map { images.image(at: $0) } == [2, 0, 1, 3].map { Self.picture($0) })
      #expect(found.filtered { $0.label != 1 }.files.map(\.name) == ["a/w.jpeg", "a/x.png", "c/1.png"])
    }
  }

  // Grey and transparent files become RGB, then everything is resized.
  @Test func kindsAndSizesAreMixed() throws {
    try Support.withFolder { folder in
      let pictures = [
        Image(width: 4, height: 8, repeating: [50]), Image(width: 9, height: 3, repeating: [1, 2, 3, 0]),
        ImageFixtureSource.large,
      ]
      for (i, picture) in pictures.enumerated() {
        try picture.writePNG(to: folder.appendingPathComponent("a/\(i).png"))
      }
      let images = try ImageFolder(at: folder).images(resizedBy: Resize(width: 5, height: 4))
      #expect(images.pixels.shape == [3, 3, 4, 5])
      #expect(images.image(at: 0) == Image(width: 5, height: 4, repeating: [50, 50, 50]))
      #expect(images.image(at: 1) == Image(width: 5, height: 4, repeating: [1, 2, 3]))
      #expect(images.image(at: 2) == ImageFixtureSource.large.resized(width: 5, height: 4))
      #expect(Self.fails(.mismatch, "a/1.png") { _ = try ImageFolder(at: folder).images() })
    }
  }

  @Test func brokenFoldersAreNamed() throws {
    try Support.withFolder { folder in
      #expect(Self.fails(.missing, "none") { _ = try ImageFolder(at: folder.appendingPathComponent("none")) })
      #expect(Self.fails(.missing, folder.path) { _ = try ImageFolder(at: folder) })
      try Self.write(["golf/1.png", "tennis/1.png"], in: folder)
      let empty = folder.appendingPathComponent("hockey")
      try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
      #expect(Self.fails(.missing, "/hockey") { _ = try ImageFolder(at: folder) })
      try FileManager.default.removeItem(at: empty)
      #expect(
        Self.fails(.mismatch, "/rugby") {
          _ = try ImageFolder(at: folder, classNames: ["golf", "rugby", "tennis"])
        })
      #expect(Self.fails(.mismatch, "/tennis") { _ = try ImageFolder(at: folder, classNames: ["golf"]) })
      try Data("RIFF".utf8).write(to: folder.appendingPathComponent("golf/2.webp"))
      #expect(Self.fails(.unsupported, "golf/2.webp") { _ = try ImageFolder(at: folder) })
    }
  }

  // Each among good files, on all threads: the error names the bad one.
  @Test func brokenFilesAreNamed() throws {
    try Support.withFolder { folder in
      try Self.write((0..<40).map { "golf/\($0 + 100).png" }, in: folder)
      let bad = folder.appendingPathComponent("golf/120.jpg")
      let whole = try ImageFixtureSource.large.jpegData()
      let cases: [(Data, InputError.Kind)] = [
        (whole.prefix(whole.count / 2), .damaged), (Data("not a picture".utf8), .unsupported),
        (Data(), .unsupported),
        (ImageFixtureSource.enormousPNGHeader, .unsupported),
      ]
      for (data, kind) in cases {
        try data.write(to: bad)
        #expect(
          Self.fails(kind, "golf/120.jpg") { _ = try ImageFolder(at: folder).images(resizedBy: Resize(8)) })
      }
      try whole.write(to: bad)
      #expect(try ImageFolder(at: folder).images(resizedBy: Resize(8)).count == 41)
    }
  }
}

/// Pictures and bytes for these tests.
enum ImageFixtureSource {
  /// Noise, 20 × 12.
  static let large = Image(
    width: 20, height: 12, channels: 3,
    pixels: RandomKey(seed: 4).words(count: 720).map { UInt8($0 >> 24) })

  /// A PNG's first bytes with 20,000 × 20,000 pixels and a right checksum.
  static let enormousPNGHeader = Data([
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0x4e, 0x20, 0,
    0, 0x4e,
    0x20, 8, 2, 0, 0, 0, 0x6c, 0x12, 0xd1, 0x6e, 0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54,
  ])
}
