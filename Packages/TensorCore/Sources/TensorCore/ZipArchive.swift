import Foundation

/// The files of a zip archive in memory, stored or deflated, with 64-bit sizes.
///
/// Everything is checked before it is used: positions, sizes, overlaps, checksums. Source: PKWARE APPNOTE
/// 6.3.9.
struct ZipArchive: Sendable {
  /// One file of the archive.
  struct Entry: Hashable, Sendable {
    let name: String
    /// 0 stored, 8 deflated.
    let method: UInt16
    let checksum: UInt32
    let compressedSize: Int
    let size: Int
    let headerStart: Int
    let dataStart: Int
  }

  /// The files in the order of the directory; no two have the same name.
  let entries: [Entry]
  private let reader: ByteReader

  init(_ reader: ByteReader) throws {
    self.reader = reader
    let directory = try Directory(reader)
    var position = directory.start
    var entries: [Entry] = []
    var names: Set<String> = []
    for _ in 0..<directory.entryCount {
      let entry = try Self.entry(reader, at: &position, limit: directory.start)
      guard names.insert(entry.name).inserted else {
        throw reader.damaged(expected: "different names", found: "\(entry.name) twice")
      }
      entries.append(entry)
    }
    guard position == directory.end else {
      throw reader.damaged(
        expected: "a directory that ends at byte \(directory.end)", found: "an end at byte \(position)")
    }
    // Entries that share bytes are how small archives unfold into huge ones.
    var end = 0
    for entry in entries.sorted(by: { $0.headerStart < $1.headerStart }) {
      guard entry.headerStart >= end else {
        throw reader.damaged(expected: "files that do not overlap", found: "\(entry.name) inside another")
      }
      end = entry.dataStart + entry.compressedSize
    }
    self.entries = entries
  }

  /// A file's bytes, after their checksum has been verified.
  ///
  /// - Throws: `InputError.outOfRange` when there are more than `limit`, `.damaged` when they are not what
  ///   was written.
  func contents(of entry: Entry, limit: Int) throws -> Data {
    let name = "\(entry.name) in \(reader.name)"
    guard entry.size <= limit else {
      throw InputError(.outOfRange, name, expected: "at most \(limit) bytes", found: "\(entry.size)")
    }
    let stored = try reader.slice(at: entry.dataStart, count: entry.compressedSize)
    let contents =
      entry.method == 0 ? stored : try Zlib.inflated(stored, format: .raw, name: name, limit: entry.size)
    guard contents.count == entry.size, Zlib.crc32(contents) == entry.checksum else {
      throw InputError(
        .damaged, name, expected: "\(entry.size) bytes with the recorded checksum", found: "other contents",
        remedy: "Fetch or write the file again.")
    }
    return contents
  }

  private static func entry(_ reader: ByteReader, at position: inout Int, limit: Int) throws -> Entry {
    guard try reader.integer(at: position, as: UInt32.self) == 0x0201_4b50 else {
      throw reader.damaged(expected: "a directory entry at byte \(position)", found: "other bytes")
    }
    let flags: UInt16 = try reader.integer(at: position + 8)
    let method: UInt16 = try reader.integer(at: position + 10)
    let nameLength = Int(try reader.integer(at: position + 28, as: UInt16.self))
    let extraLength = Int(try reader.integer(at: position + 30, as: UInt16.self))
    let commentLength = Int(try reader.integer(at: position + 32, as: UInt16.self))
    let nameBytes = try reader.slice(at: position + 46, count: nameLength)
    let name = String(data: nameBytes, encoding: .utf8) ?? String(decoding: nameBytes, as: UTF8.self)
    var sizes = [24, 20, 42].map { (offset: $0, value: UInt64(UInt32.max)) }  // size, compressed size, header
    for i in sizes.indices {
      sizes[i].value = UInt64(try reader.integer(at: position + sizes[i].offset, as: UInt32.self))
    }
    if let wide = try field(1, reader, at: position + 46 + nameLength, count: extraLength) {
      // Only the values that do not fit above stand here, in this order.
      var next = wide.lowerBound
      for i in sizes.indices where sizes[i].value == UInt64(UInt32.max) && next + 8 <= wide.upperBound {
        sizes[i].value = try reader.integer(at: next)
        next += 8
      }
    }
    let checksum: UInt32 = try reader.integer(at: position + 16)
    position += 46 + nameLength + extraLength + commentLength
    guard flags & 1 == 0 else {
      throw InputError(
        .unsupported, "\(name) in \(reader.name)", expected: "no encryption", found: "encryption")
    }
    guard method == 0 || method == 8 else {
      throw InputError(
        .unsupported, "\(name) in \(reader.name)", expected: "stored or deflated contents",
        found: "compression method \(method)")
    }
    guard let size = Int(exactly: sizes[0].value), let compressedSize = Int(exactly: sizes[1].value),
      let headerStart = Int(exactly: sizes[2].value), headerStart <= limit, compressedSize <= limit,
      method == 8 || size == compressedSize
    else { throw reader.damaged(expected: "sizes that fit into the file", found: "others for \(name)") }
    // The local header repeats the name, and may have other extra fields.
    guard try reader.integer(at: headerStart, as: UInt32.self) == 0x0403_4b50,
      Int(try reader.integer(at: headerStart + 26, as: UInt16.self)) == nameLength,
      try reader.slice(at: headerStart + 30, count: nameLength) == nameBytes
    else {
      throw reader.damaged(expected: "the header of \(name) at byte \(headerStart)", found: "other bytes")
    }
    let localExtraLength = Int(try reader.integer(at: headerStart + 28, as: UInt16.self))
    let dataStart = headerStart + 30 + nameLength + localExtraLength
    guard dataStart <= limit - compressedSize else {
      throw reader.damaged(
        expected: "\(compressedSize) bytes of \(name) before the directory", found: "\(limit - dataStart)")
    }
    return Entry(
      name: name, method: method, checksum: checksum, compressedSize: compressedSize, size: size,
      headerStart: headerStart, dataStart: dataStart)
  }

  /// Where the contents of an extra field stand.
  private static func field(
    _ wanted: UInt16, _ reader: ByteReader, at start: Int, count: Int
  ) throws -> Range<Int>? {
    var position = start
    while position + 4 <= start + count {
      let id: UInt16 = try reader.integer(at: position)
      let length = Int(try reader.integer(at: position + 2, as: UInt16.self))
      let end = min(position + 4 + length, start + count)
      if id == wanted { return (position + 4)..<end }
      position = end
    }
    return nil
  }

  /// Where the directory stands, as the end of the archive says.
  private struct Directory {
    let start: Int
    let end: Int
    let entryCount: Int

    init(_ reader: ByteReader) throws {
      let last = try Self.endRecord(reader)
      var count = UInt64(try reader.integer(at: last + 10, as: UInt16.self))
      var size = UInt64(try reader.integer(at: last + 12, as: UInt32.self))
      var offset = UInt64(try reader.integer(at: last + 16, as: UInt32.self))
      var limit = last
      if last >= 20, try reader.integer(at: last - 20, as: UInt32.self) == 0x0706_4b50 {
        guard let wide = Int(exactly: try reader.integer(at: last - 12, as: UInt64.self)),
          wide <= last - 20, try reader.integer(at: wide, as: UInt32.self) == 0x0606_4b50
        else { throw reader.damaged(expected: "a 64-bit end record", found: "other bytes") }
        count = try reader.integer(at: wide + 32)
        size = try reader.integer(at: wide + 40)
        offset = try reader.integer(at: wide + 48)
        limit = wide
      }
      // An entry has at least 46 bytes.
      guard offset <= UInt64(limit), size <= UInt64(limit) - offset, count <= size / 46 else {
        throw reader.damaged(
          expected: "a directory inside the \(reader.count) bytes",
          found: "\(size) bytes from byte \(offset) on")
      }
      start = Int(offset)
      end = start + Int(size)
      entryCount = Int(count)
    }

    /// The end record may be followed by a comment of up to 65,535 bytes.
    private static func endRecord(_ reader: ByteReader) throws -> Int {
      var position = reader.count - 22
      while position >= max(0, reader.count - 22 - 65_535) {
        if try reader.integer(at: position, as: UInt32.self) == 0x0605_4b50,
          position + 22 + Int(try reader.integer(at: position + 20, as: UInt16.self)) == reader.count
        {
          return position
        }
        position -= 1
      }
      throw reader.damaged(
        expected: "the end record of a zip archive", found: "none; the file may be cut short")
    }
  }
}
