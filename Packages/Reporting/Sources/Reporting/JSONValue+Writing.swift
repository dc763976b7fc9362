import Foundation

extension JSONValue {
  /// The document as text, two spaces of indentation, lists of plain values on one line; ends with a line feed.
  ///
  /// Numbers have the shortest digits that read back exactly. NaN and the infinities, which JSON cannot hold,
  /// become `null`.
  public var document: String { indented(by: 0) + "\n" }

  private func indented(by depth: Int) -> String {
    let inner = String(repeating: "  ", count: depth + 1)
    let outer = String(repeating: "  ", count: depth)
    switch self {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .integer(let value): return "\(value)"
    case .number(let value): return value.isFinite ? "\(value)" : "null"
    case .string(let value): return JSONValue.quoted(value)
    case .array(let elements):
      if elements.allSatisfy(\.isPlain) {
        return "[" + elements.map { $0.indented(by: 0) }.joined(separator: ", ") + "]"
      }
      return "[\n" + elements.map { inner + $0.indented(by: depth + 1) }.joined(separator: ",\n")
        + "\n\(outer)]"
    case .object(let object):
      if object.names.isEmpty { return "{}" }
      let lines = object.members.map {
        "\(inner)\(JSONValue.quoted($0.name)): \($0.value.indented(by: depth + 1))"
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    }
  }

  private var isPlain: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
