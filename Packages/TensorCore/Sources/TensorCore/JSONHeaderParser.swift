import Foundation

/// The part of JSON that safetensors headers use: objects, strings, and whole numbers, alone or in an array.
///
/// Foundation's parser keeps one of two equal names, so damage would go unnoticed.
struct JSONHeaderParser {
  private let text: [UInt8]
  private let name: String
  private var position = 0

  init(_ text: Data, name: String) {
    self.text = Array(text)
    self.name = name
  }

  /// Reads an object; `member` reads the value of each name.
  mutating func object(_ member: (inout JSONHeaderParser, String) throws -> Void) throws {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  mutating func integers() throws -> [Int] {
    try expect("[")
    if take("]") { return [] }
    var result: [Int] = []
    repeat { result.append(try integer()) } while take(",")
    try expect("]")
    return result
  }

  private mutating func integer() throws -> Int {
    skipSpace()
    let start = position
    while position < text.count, (0x30...0x39).contains(text[position]) { position += 1 }
    guard let value = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
      throw damaged("a whole number")
    }
    return value
  }

  mutating func string() throws -> String {
    try expect("\"")
    var bytes: [UInt8] = []
    while position < text.count, text[position] >= 0x20 {
      let byte = text[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let result = String(validating: bytes, as: UTF8.self) else { throw damaged("UTF-8 text") }
        return result
      case UInt8(ascii: "\\"): bytes += try escape().utf8
      default: bytes.append(byte)
      }
    }
    throw damaged("the end of a string")
  }

  private mutating func escape() throws -> String {
    guard position < text.count else { throw damaged("an escaped character") }
    let byte = text[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var units = [try codeUnit()]
      if UTF16.isLeadSurrogate(units[0]) {
        guard position + 1 < text.count, text[position] == UInt8(ascii: "\\"),
          text[position + 1] == UInt8(ascii: "u")
        else { throw damaged("the second half of a character") }
        position += 2
        units.append(try codeUnit())
      }
      guard let result = String(validating: units, as: UTF16.self) else { throw damaged("a character") }
      return result
    default: throw damaged("an escaped character")
    }
  }

  private mutating func codeUnit() throws -> UInt16 {
    guard position + 4 <= text.count else { throw damaged("four hexadecimal digits") }
    let digits = text[position..<(position + 4)]
    position += 4
    // UInt16's own parser would accept a sign.
    guard digits.allSatisfy({ UnicodeScalar($0).properties.isASCIIHexDigit }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw damaged("four hexadecimal digits") }
    return unit
  }

  /// Refuses anything but space after the last value.
  mutating func end() throws {
    skipSpace()
    guard position == text.count else { throw damaged("the end of the header") }
  }

  private mutating func take(_ token: UnicodeScalar) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == UInt8(ascii: token) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ token: UnicodeScalar) throws {
    guard take(token) else { throw damaged("\(token)") }
  }

  private mutating func skipSpace() {
    while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
  }

  private func damaged(_ expected: String) -> InputError {
    InputError(
      .damaged, name, expected: "\(expected) at byte \(position) of the header",
      found: position < text.count ? "other text" : "its end", remedy: "Fetch or write the file again.")
  }
}
