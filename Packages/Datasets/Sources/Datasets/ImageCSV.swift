import Foundation
import TensorCore

/// Grey images in a table of text: one row an image, a column a pixel and one column for the label.
///
/// The layout is OpenML's `mnist_784`: 784 pixel columns and then `class`, with or without a line of names. With one,
/// the label is the column called `class` or `label`, wherever it stands; without, it is the last. Values are whole
/// numbers from 0 to 255, also written `255.0`, and may stand in quotes, as OpenML's label strings do.
enum ImageCSV {
  /// The images of a table, each `side` × `side` pixels.
  ///
  /// - Throws: `InputError.damaged` naming the line and what is wrong with it.
  static func decoded(_ data: Data, side: Int, name: String) throws -> ImageBytes {
    let columns = side * side + 1
    return try data.withUnsafeBytes { bytes in
      var reader = Reader(bytes: bytes, columns: columns, name: name)
      try reader.readAll()
      return try ImageBytes(
        pixels: ByteTensor(shape: [reader.labels.count, side, side], scalars: reader.pixels),
        labels: ByteTensor(shape: [reader.labels.count], scalars: reader.labels), name: name)
    }
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    let columns: Int
    let name: String
    var pixels: [UInt8] = []
    var labels: [UInt8] = []
    private var labelColumn: Int
    private var position = 0
    private var line = 0

    init(bytes: UnsafeRawBufferPointer, columns: Int, name: String) {
      self.bytes = bytes
      self.columns = columns
      self.name = name
      labelColumn = columns - 1
    }

    mutating func readAll() throws {
      // A value takes at least two bytes with its comma.
      pixels.reserveCapacity(bytes.count / 2)
      while position < bytes.count {
        line += 1
        let end = bytes[position...].firstIndex(of: 0x0a) ?? bytes.count
        var row = position..<end
        position = min(end + 1, bytes.count)
        if row.last.map({ bytes[$0] == 0x0d }) == true { row = row.dropLast() }
        if row.isEmpty { continue }
        if line == 1, bytes[row].contains(where: { Unicode.Scalar($0).properties.isAlphabetic }) {
          try readNames(row)
        } else {
          try readValues(row)
        }
      }
    }

    private mutating func readNames(_ row: Range<Int>) throws {
      let names = String(decoding: bytes[row], as: UTF8.self).split(
        separator: ",", omittingEmptySubsequences: false
      ).map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " \"'")) }
      guard names.count == columns else { throw damaged("\(columns) columns", "\(names.count)") }
      guard let label = names.firstIndex(where: { $0 == "class" || $0 == "label" }) else {
        throw damaged("a column called class or label", "none")
      }
      labelColumn = label
    }

    private mutating func readValues(_ row: Range<Int>) throws {
      var column = 0
      var at = row.lowerBound
      while true {
        let value = try readValue(&at, end: row.upperBound)
        if column == labelColumn { labels.append(value) } else { pixels.append(value) }
        column += 1
        if at == row.upperBound { break }
        at += 1
        guard column < columns else { throw damaged("\(columns) columns", "more") }
      }
      guard column == columns else { throw damaged("\(columns) columns", "\(column)") }
    }

    /// One value from `at` to the next comma, or to the end of the row.
    private func readValue(_ at: inout Int, end: Int) throws -> UInt8 {
      let start = at
      var value = 0
      var digits = 0
      var isFraction = false
      while at < end, bytes[at] != 0x2c {
        switch bytes[at] {
        case 0x30...0x39 where isFraction:
          guard bytes[at] == 0x30 else { throw notAByte(start, end) }
        case 0x30...0x39:
          value = value * 10 + Int(bytes[at] - 0x30)
          digits += 1
          guard value <= 255 else { throw notAByte(start, end) }
        case 0x2e where !isFraction && digits > 0: isFraction = true
        case 0x20, 0x22, 0x27: break
        default: throw notAByte(start, end)
        }
        at += 1
      }
      guard digits > 0 else { throw notAByte(start, end) }
      return UInt8(value)
    }

    private func notAByte(_ start: Int, _ end: Int) -> InputError {
      let field = bytes[start..<end].prefix { $0 != 0x2c }.prefix(20)
      return damaged("whole numbers from 0 to 255", "\"\(String(decoding: field, as: UTF8.self))\"")
    }

    private func damaged(_ expected: String, _ found: String) -> InputError {
      InputError(.damaged, "\(name), line \(line)", expected: expected, found: found)
    }
  }
}
