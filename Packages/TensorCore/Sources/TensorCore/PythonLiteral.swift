/// The little of Python's literal syntax that `.npy` headers use: dictionaries, tuples, lists, strings,
/// integers, booleans and None, with any spacing.
indirect enum PythonLiteral: Hashable {
  case dictionary([String: PythonLiteral])
  case sequence([PythonLiteral])
  case string(String)
  case integer(Int)
  case boolean(Bool)
  case none

  /// The value of a whole text; nil when it is anything else.
  init?(parsing text: [UInt8]) {
    var parser = Parser(text: text)
    guard let value = parser.value(depth: 0), parser.isAtEnd else { return nil }
    self = value
  }

  private struct Parser {
    let text: [UInt8]
    var position = 0

    var isAtEnd: Bool {
      mutating get {
        skipSpace()
        return position == text.count
      }
    }

    mutating func skipSpace() {
      while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
    }

    mutating func take(_ token: StaticString) -> Bool {
      skipSpace()
      let length = token.utf8CodeUnitCount
      guard position + length <= text.count else { return false }
      for i in 0..<length where text[position + i] != token.utf8Start[i] { return false }
      position += length
      return true
    }

    mutating func value(depth: Int) -> PythonLiteral? {
      guard depth < 8 else { return nil }
      if take("{") { return dictionary(depth: depth) }
      if take("(") { return sequence(endingWith: ")", depth: depth) }
      if take("[") { return sequence(endingWith: "]", depth: depth) }
      if take("True") { return .boolean(true) }
      if take("False") { return .boolean(false) }
      if take("None") { return PythonLiteral.none }
      if let string = string() { return .string(string) }
      return integer().map { .integer($0) }
    }

    mutating func dictionary(depth: Int) -> PythonLiteral? {
      var members: [String: PythonLiteral] = [:]
      while !take("}") {
        guard let key = string(), take(":"), let value = value(depth: depth + 1),
          members.updateValue(value, forKey: key) == nil
        else { return nil }
        if take(",") { continue }
        return take("}") ? .dictionary(members) : nil
      }
      return .dictionary(members)
    }

    mutating func sequence(endingWith end: StaticString, depth: Int) -> PythonLiteral? {
      var elements: [PythonLiteral] = []
      while !take(end) {
        guard let value = value(depth: depth + 1) else { return nil }
        elements.append(value)
        if take(",") { continue }
        return take(end) ? .sequence(elements) : nil
      }
      return .sequence(elements)
    }

    mutating func string() -> String? {
      skipSpace()
      guard position < text.count, text[position] == 0x22 || text[position] == 0x27 else { return nil }
      guard let end = text[(position + 1)...].firstIndex(of: text[position]) else { return nil }
      defer { position = end + 1 }
      return String(decoding: text[(position + 1)..<end], as: UTF8.self)
    }

    mutating func integer() -> Int? {
      skipSpace()
      let start = position
      while position < text.count, (0x30...0x39).contains(text[position]) { position += 1 }
      let value = Int(String(decoding: text[start..<position], as: UTF8.self))
      _ = take("L")  // Python 2 wrote long integers so.
      return value
    }
  }
}
