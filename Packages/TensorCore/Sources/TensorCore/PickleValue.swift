import Foundation

/// What a pickle says, as plain data: reading one runs nothing.
///
/// Python 2's `str` is both text and bytes; it comes as `bytes`, and `text` reads either.
public enum PickleValue: Sendable {
  /// `None`.
  case none
  /// `True` or `False`.
  case boolean(Bool)
  /// An `int` or `long` of at most 64 bits.
  case integer(Int)
  /// A `float`.
  case real(Double)
  /// A Unicode string.
  case string(String)
  /// Bytes; they share memory with the file.
  case bytes(Data)
  /// A `list`.
  case list([PickleValue])
  /// A `tuple`.
  case tuple([PickleValue])
  /// A `dict`, in the order of the file.
  case dictionary([PickleEntry])
  /// The name of a class or function, `module.name`, that the allow-list has.
  case global(String)
  /// A NumPy array or scalar.
  indirect case array(PickledArray)
  /// What an allowed class or function would have been called with; it was not called.
  indirect case object(PickledObject)
  /// An identifier of something stored outside the pickle.
  indirect case persistent(PickleValue)

  /// The text of a string, or of bytes that are UTF-8; nil for anything else.
  public var text: String? {
    switch self {
    case .string(let text): text
    case .bytes(let data): String(data: data, encoding: .utf8)
    default: nil
    }
  }

  /// The elements of a list or tuple; nil for anything else.
  public var elements: [PickleValue]? {
    switch self {
    case .list(let elements), .tuple(let elements): elements
    default: nil
    }
  }

  /// A dictionary's value under a text key; nil when there is none or this is no dictionary.
  public subscript(key: String) -> PickleValue? {
    guard case .dictionary(let entries) = self else { return nil }
    return entries.last { $0.key.text == key }?.value
  }

  /// The kind of value, for messages: "a list", "an array".
  public var kind: String {
    switch self {
    case .none: "None"
    case .boolean: "a truth value"
    case .integer: "an integer"
    case .real: "a float"
    case .string: "a string"
    case .bytes: "bytes"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a dictionary"
    case .global(let name): "the name \(name)"
    case .array: "an array"
    case .object(let object): "an object of \(object.callable)"
    case .persistent: "a persistent identifier"
    }
  }
}

/// One key and value of a pickled dictionary.
public struct PickleEntry: Sendable {
  /// The key, of any kind.
  public let key: PickleValue
  /// The value.
  public let value: PickleValue
}

/// A call that a pickle asks for, as a record: what would be called, with what, and what would be put into the
/// result.
public struct PickledObject: Sendable {
  /// The class or function, `module.name`.
  public let callable: String
  /// The arguments of the call.
  public let arguments: [PickleValue]
  /// What the pickle gives to `__setstate__`; nil when it gives nothing.
  public let state: PickleValue?
  /// Keys and values assigned to the result, as an `OrderedDict` has them.
  public let entries: [PickleEntry]
}
