import Foundation

/// A place in a pickle's bytes; every read checks first that the bytes are there.
struct PickleCursor {
  let data: Data
  let bytes: UnsafeRawBufferPointer
  let name: String
  private(set) var position = 0

  init(data: Data, bytes: UnsafeRawBufferPointer, name: String) {
    self.data = data
    self.bytes = bytes
    self.name = name
  }

  func damaged(_ found: String) -> InputError {
    InputError(.damaged, name, expected: "a complete pickle", found: found)
  }

  /// The next `count` bytes.
  mutating func take(_ count: Int) throws -> Range<Int> {
    guard count >= 0, count <= bytes.count - position else {
      throw damaged("\(bytes.count) bytes that end inside an instruction")
    }
    defer { position += count }
    return position..<(position + count)
  }

  /// The next bytes, as many as an integer in front of them says.
  mutating func take<Length: FixedWidthInteger>(countedBy type: Length.Type) throws -> Range<Int> {
    guard let count = Int(exactly: try integer(type)) else { throw damaged("a length beyond the file") }
    return try take(count)
  }

  /// A little-endian integer.
  mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    let range = try take(MemoryLayout<T>.size)
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
  }

  /// The bytes up to the next line feed, which is skipped.
  mutating func line() throws -> Range<Int> {
    guard let end = bytes[position...].firstIndex(of: 0x0a) else {
      throw damaged("\(bytes.count) bytes that end inside a line")
    }
    defer { position = end + 1 }
    return position..<end
  }

  /// A line of ASCII or UTF-8.
  mutating func textLine() throws -> String { try utf8(line()) }

  func utf8(_ range: Range<Int>) throws -> String {
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw damaged("text that is not UTF-8")
    }
    return text
  }

  /// The bytes of a range, sharing the file's memory.
  func slice(_ range: Range<Int>) -> Data {
    data[(data.startIndex + range.lowerBound)..<(data.startIndex + range.upperBound)]
  }

  /// Protocol 0's integer: decimal digits, with `L` behind a `long`.
  mutating func decimal() throws -> Int {
    var text = try textLine()
    if text.hasSuffix("L") { text.removeLast() }
    guard let value = Int(text) else {
      throw InputError(
        .unsupported, name, expected: "an integer of at most 64 bits", found: "\"\(text.prefix(40))\"")
    }
    return value
  }

  /// A two's-complement integer of any width that fits 64 bits.
  mutating func integer(width: Int) throws -> Int {
    let range = try take(width)
    guard width <= 8 else {
      throw InputError(
        .unsupported, name, expected: "an integer of at most 64 bits", found: "one of \(width) bytes")
    }
    var value: UInt64 = 0
    for (place, byte) in bytes[range].enumerated() { value |= UInt64(byte) << (8 * UInt64(place)) }
    let unused = UInt64(64 - 8 * width)
    return width == 0 ? 0 : Int(Int64(bitPattern: value << unused) >> Int64(unused))
  }

  /// Protocol 0's byte string: Python's quoted form with backslash escapes.
  mutating func quotedBytes() throws -> Data {
    let line = bytes[try line()]
    guard line.count >= 2, let quote = line.first, quote == line.last, quote == 0x27 || quote == 0x22 else {
      throw damaged("a string without quotes")
    }
    let escapes: [UInt8: UInt8] = [
      0x5c: 0x5c, 0x27: 0x27, 0x22: 0x22, 0x6e: 0x0a, 0x72: 0x0d, 0x74: 0x09,
    ]
    var result = Data()
    var rest = line.dropFirst().dropLast()
    while let byte = rest.popFirst() {
      guard byte == 0x5c else {
        result.append(byte)
        continue
      }
      guard let escape = rest.popFirst() else { throw damaged("a string that ends in a backslash") }
      if let plain = escapes[escape] {
        result.append(plain)
      } else {
        guard escape == 0x78 else { throw damaged("an unknown escape in a string") }
        result.append(UInt8(truncatingIfNeeded: try hexadecimal(&rest, digits: 2)))
      }
    }
    return result
  }

  /// Protocol 0's text: Latin-1 in which `\uXXXX` and `\UXXXXXXXX` stand for other characters.
  mutating func escapedText() throws -> String {
    var rest = bytes[try line()]
    var scalars = String.UnicodeScalarView()
    while let byte = rest.popFirst() {
      if byte == 0x5c, let kind = rest.first, kind == 0x75 || kind == 0x55 {
        rest.removeFirst()
        guard let scalar = Unicode.Scalar(try hexadecimal(&rest, digits: kind == 0x75 ? 4 : 8)) else {
          throw damaged("an escape that is no character")
        }
        scalars.append(scalar)
      } else {
        scalars.append(Unicode.Scalar(byte))
      }
    }
    return String(scalars)
  }

  private func hexadecimal(_ rest: inout Slice<UnsafeRawBufferPointer>, digits: Int) throws -> UInt32 {
    let digitBytes = rest.prefix(digits)
    rest = rest.dropFirst(digits)
    guard digitBytes.count == digits,
      digitBytes.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
      let value = UInt32(String(decoding: digitBytes, as: UTF8.self), radix: 16)
    else { throw damaged("an escape without its hexadecimal digits") }
    return value
  }
}
