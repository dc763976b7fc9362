import Foundation

/// A JSON document in memory. Objects keep their order, so the same values always become the same bytes.
public enum JSONValue: Sendable, Hashable {
  /// `null`; also what a number that is not finite is written as.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number written without a point.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// Text.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// Names and values in order.
  case object(JSONObject)

  /// A `Float` by its own shortest digits: 0.1 is written `0.1`, not `0.10000000149011612`.
  public static func number(_ value: Float) -> JSONValue { .number(Double("\(value)") ?? Double(value)) }

  /// A list of texts.
  public static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

  /// The number, if this is one.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The text, if this is one.
  public var text: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The member of an object; nil when this is no object or has no such name.
  public subscript(name: String) -> JSONValue? {
    if case .object(let object) = self { object[name] } else { nil }
  }
}

/// The members of a JSON object in the order in which they were added.
public struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  /// The names, in order, each once.
  public private(set) var names: [String] = []
  private var values: [String: JSONValue] = [:]

  /// No members.
  public init() {}

  /// Members in the order of the literal.
  ///
  /// - Precondition: no name stands there twice.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (name, value) in elements {
      precondition(values[name] == nil, "JSONObject: \"\(name)\" stands twice in a literal")
      self[name] = value
    }
  }

  /// The value of a name. A new name goes to the end; an old one keeps its place; nil removes it.
  public subscript(name: String) -> JSONValue? {
    get { values[name] }
    set {
      if values[name] == nil, newValue != nil { names.append(name) }
      if newValue == nil { names.removeAll { $0 == name } }
      values[name] = newValue
    }
  }

  /// The members in order.
  public var members: [(name: String, value: JSONValue)] {
    names.compactMap { name in values[name].map { (name, $0) } }
  }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// A number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// Text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A list.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// Names and values in the literal's order.
  ///
  /// - Precondition: no name stands there twice.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    var object = JSONObject()
    for (name, value) in elements {
      precondition(object[name] == nil, "JSONValue: \"\(name)\" stands twice in a literal")
      object[name] = value
    }
    self = .object(object)
  }
}
