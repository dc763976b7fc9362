import Foundation
import TensorCore

extension JSONValue {
  /// Reads a JSON document (RFC 8259), strictly.
  ///
  /// A whole number that fits becomes `.integer`, any other `.number`.
  ///
  /// - Parameter name: the file's name, for error messages.
  /// - Throws: `InputError.damaged` with the byte at which the text stops being JSON; also for a name that stands
  ///   twice in one object, for more than 200 levels and for numbers beyond `Double`.
  public init(parsing data: Data, name: String) throws {
    var parser = JSONParser(bytes: [UInt8](data), file: name)
    self = try parser.document()
  }
}

/// A recursive descent over the bytes; the depth limit keeps hostile files from using up the stack.
private struct JSONParser {
  let bytes: [UInt8]
  let file: String
  var position = 0

  static let deepest = 200

  mutating func document() throws -> JSONValue {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw failure("the end of the document") }
    return value
  }

  private func failure(_ expected: String) -> InputError {
    let found =
      position < bytes.count
      ? "byte 0x" + String(bytes[position], radix: 16, uppercase: true) : "the end of the file"
    return InputError(.damaged, file, expected: "\(expected) at byte \(position)", found: found)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
  }

  private mutating func take(_ character: Character) -> Bool {
    guard next == character.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func word(_ text: String, _ value: JSONValue) throws -> JSONValue {
    guard bytes[position...].starts(with: text.utf8) else { throw failure(text) }
    position += text.utf8.count
    return value
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    guard depth < JSONParser.deepest else { throw failure("at most \(JSONParser.deepest) levels") }
    skipSpace()
    guard let byte = next else { throw failure("a value") }
    switch Character(UnicodeScalar(byte)) {
    case "{": return try object(depth: depth)
    case "[": return try array(depth: depth)
    case "\"": return .string(try string())
    case "t": return try word("true", .bool(true))
    case "f": return try word("false", .bool(false))
    case "n": return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    position += 1
    var object = JSONObject()
    skipSpace()
    if take("}") { return .object(object) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("a name in quotes") }
      let name = try string()
      guard object[name] == nil else { throw failure("\"\(name)\" only once, before") }
      skipSpace()
      guard take(":") else { throw failure("a colon") }
      object[name] = try value(depth: depth + 1)
      skipSpace()
    } while take(",")
    guard take("}") else { throw failure("a comma or }") }
    return .object(object)
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return .array(elements) }
    repeat {
      elements.append(try value(depth: depth + 1))
      skipSpace()
    } while take(",")
    guard take("]") else { throw failure("a comma or ]") }
    return .array(elements)
  }

  private mutating func digits() throws {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
    guard position > start else { throw failure("a digit") }
  }

  private mutating func number() throws -> JSONValue {
    let start = position
    _ = take("-")
    let startsWithZero = next == UInt8(ascii: "0")
    let firstDigit = position
    try digits()
    if startsWithZero && position > firstDigit + 1 { throw failure("no digit after a leading zero, before") }
    var isWhole = true
    if take(".") {
      isWhole = false
      try digits()
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("-") { _ = take("+") }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let integer = Int(text) { return .integer(integer) }
    guard let value = Double(text), value.isFinite else {
      throw failure("a number that a double can hold, before")
    }
    return .number(value)
  }

  private mutating func string() throws -> String {
    position += 1
    var units: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw failure("an escape instead of a control character") }
      position += 1
      if byte == UInt8(ascii: "\\") {
        units += try escape().utf8
      } else {
        units.append(byte)
      }
    }
    guard take("\"") else { throw failure("a closing quote") }
    guard let text = String(validating: units, as: UTF8.self) else { throw failure("UTF-8 text, before") }
    return text
  }

  private mutating func escape() throws -> String {
    guard let byte = next else { throw failure("an escape") }
    position += 1
    switch Character(UnicodeScalar(byte)) {
    case "\"": return "\""
    case "\\": return "\\"
    case "/": return "/"
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u":
      let first = try hexadecimal()
      if let scalar = UnicodeScalar(first) { return String(scalar) }
      // A surrogate: only a high one followed by a low one means a character.
      guard first < 0xDC00, take("\\"), take("u") else {
        throw failure("the second half of a surrogate pair")
      }
      let second = try hexadecimal()
      guard (0xDC00...0xDFFF).contains(second),
        let scalar = UnicodeScalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
      else { throw failure("the second half of a surrogate pair, before") }
      return String(scalar)
    default:
      position -= 1
      throw failure("an escape")
    }
  }

  private mutating func hexadecimal() throws -> UInt16 {
    guard position + 4 <= bytes.count else { throw failure("four hexadecimal digits") }
    var value: UInt16 = 0
    for byte in bytes[position..<(position + 4)] {
      guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw failure("four hexadecimal digits")
      }
      value = value << 4 | UInt16(digit)
    }
    position += 4
    return value
  }
}
