import Foundation

extension ZipArchive {
  /// An archive of these files, in this order; the same files always give the same bytes.
  ///
  /// - Throws: `InputError.unsupported` beyond 4 GiB or 65,535 files, for which the format has another form.
  static func data(of files: [(name: String, contents: Data)], isCompressed: Bool) throws -> Data {
    var archive = Data()
    var directory = Data()
    for file in files {
      let packed = isCompressed ? Zlib.deflated(file.contents, format: .raw) : file.contents
      let name = Data(file.name.utf8)
      guard file.contents.count < UInt32.max, packed.count < UInt32.max, archive.count < UInt32.max,
        name.count <= UInt16.max, files.count < UInt16.max
      else {
        throw InputError(
          .unsupported, file.name, expected: "an archive below 4 GiB", found: "a larger one",
          remedy: "Write the arrays to several files.")
      }
      var common = Data()
      common.appendLittleEndian(UInt16(20))  // the version that can read it: 2.0
      common.appendLittleEndian(UInt16(0x0800))  // names are UTF-8
      common.appendLittleEndian(UInt16(isCompressed ? 8 : 0))
      common.appendLittleEndian(UInt16(0))  // midnight
      common.appendLittleEndian(UInt16(0x0021))  // 1 January 1980, the earliest date there is
      common.appendLittleEndian(Zlib.crc32(file.contents))
      common.appendLittleEndian(UInt32(packed.count))
      common.appendLittleEndian(UInt32(file.contents.count))
      common.appendLittleEndian(UInt16(name.count))
      common.appendLittleEndian(UInt16(0))  // no extra fields

      directory.appendLittleEndian(UInt32(0x0201_4b50))
      directory.appendLittleEndian(UInt16(0x0314))  // made on Unix, so that the permissions below count
      directory += common
      directory += Data(count: 6)  // no comment, first disk, no internal attributes
      directory.appendLittleEndian(UInt32(0o100644) << 16)
      directory.appendLittleEndian(UInt32(archive.count))
      directory += name

      archive.appendLittleEndian(UInt32(0x0403_4b50))
      archive += common
      archive += name
      archive += packed
    }
    guard archive.count < UInt32.max else {
      throw InputError(.unsupported, "archive", expected: "less than 4 GiB", found: "\(archive.count) bytes")
    }
    let start = UInt32(archive.count)
    archive += directory
    archive.appendLittleEndian(UInt32(0x0605_4b50))
    archive += Data(count: 4)  // one disk
    archive.appendLittleEndian(UInt16(files.count))
    archive.appendLittleEndian(UInt16(files.count))
    archive.appendLittleEndian(UInt32(directory.count))
    archive.appendLittleEndian(start)
    archive.appendLittleEndian(UInt16(0))  // no comment
    return archive
  }
}
