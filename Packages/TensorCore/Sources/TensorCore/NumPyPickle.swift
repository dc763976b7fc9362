import Foundation

/// What NumPy's and Python's own calls in a pickle amount to.
///
/// Source: `numpy/_core/src/multiarray/methods.c` (`array_reduce`, `array_setstate`) and `descriptor.c`
/// (`arraydescr_reduce`) of NumPy 2.4; NumPy 1 and Python 2 write the same calls under other module names.
enum NumPyPickle {
  /// The array or bytes that a call makes; nil for a call of another kind.
  static func value(of object: PickledObject, name: String) throws -> PickleValue? {
    switch object.callable.replacingOccurrences(of: "numpy.core.", with: "numpy._core.") {
    case "numpy._core.multiarray._reconstruct": .array(try reconstructed(object, name: name))
    case "numpy._core.multiarray.scalar": .array(try scalar(object, name: name))
    case "numpy._core.numeric._frombuffer": .array(try fromBuffer(object, name: name))
    case "_codecs.encode": .bytes(try encoded(object, name: name))
    case "builtins.bytes", "__builtin__.bytes": .bytes(try emptyBytes(object, name: name))
    default: nil
    }
  }

  /// `_reconstruct(ndarray, (0,), b"b")` with the state (version, shape, type, is Fortran order, bytes).
  private static func reconstructed(_ object: PickledObject, name: String) throws -> PickledArray {
    guard let first = object.arguments.first, case .global("numpy.ndarray") = first,
      let state = object.state?.elements, state.count == 5
    else { throw damaged("an array without its parts", name) }
    return try array(
      type: state[2], shape: state[1], isFortranOrder: truth(state[3]), bytes: state[4], name: name)
  }

  /// `scalar(type, bytes)`.
  private static func scalar(_ object: PickledObject, name: String) throws -> PickledArray {
    guard object.arguments.count == 2 else { throw damaged("a scalar without its parts", name) }
    return try array(
      type: object.arguments[0], shape: .tuple([]), isFortranOrder: false, bytes: object.arguments[1],
      name: name)
  }

  /// `_frombuffer(bytes, type, shape, "C" or "F")`, protocol 5.
  private static func fromBuffer(_ object: PickledObject, name: String) throws -> PickledArray {
    let arguments = object.arguments
    guard arguments.count >= 4, let order = arguments[3].text, order == "C" || order == "F" else {
      throw damaged("an array without its parts", name)
    }
    return try array(
      type: arguments[1], shape: arguments[2], isFortranOrder: order == "F", bytes: arguments[0], name: name)
  }

  private static func array(
    type: PickleValue, shape: PickleValue, isFortranOrder: Bool?, bytes: PickleValue, name: String
  ) throws -> PickledArray {
    let elementType = try elementType(type, name: name)
    // Before the bytes: an array of objects has a list in their place.
    _ = try PickledArray.size(ofElement: elementType, name: name)
    let dimensions = try shape.elements.map { lengths in
      try lengths.map { length in
        guard case .integer(let length) = length else {
          throw damaged("\(length.kind) in an array's shape", name)
        }
        return length
      }
    }
    guard let dimensions, let isFortranOrder, case .bytes(let data) = bytes else {
      throw damaged("an array without shape, order or bytes", name)
    }
    return try PickledArray(
      elementType: elementType, dimensions: dimensions, isFortranOrder: isFortranOrder, bytes: data,
      name: name)
  }

  /// `dtype("f4", …)` with the state (version, byte order, sub-array, names, fields, …).
  private static func elementType(_ type: PickleValue, name: String) throws -> String {
    guard case .object(let object) = type, object.callable == "numpy.dtype",
      let base = object.arguments.first?.text
    else { throw damaged("an array without an element type", name) }
    guard let state = object.state?.elements else { return "<" + base }
    guard state.count >= 5, let order = state[1].text, ["<", ">", "|", "="].contains(order) else {
      throw damaged("an element type without a byte order", name)
    }
    guard case .none = state[2], case .none = state[3] else {
      throw InputError(
        .unsupported, name, expected: "an array of truth values, integers or floats",
        found: "an array of records")
    }
    return (order == "=" ? "<" : order) + base
  }

  /// `encode(text, "latin1")`: how Python 3 writes bytes in protocols 0 to 2.
  private static func encoded(_ object: PickledObject, name: String) throws -> Data {
    guard object.arguments.count == 2, case .string(let text) = object.arguments[0],
      let encoding = object.arguments[1].text, ["latin1", "latin-1"].contains(encoding)
    else { throw damaged("bytes in an unknown encoding", name) }
    var bytes = Data(capacity: text.unicodeScalars.count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { throw damaged("bytes above 255", name) }
      bytes.append(byte)
    }
    return bytes
  }

  /// `bytes()`: how Python 3 writes empty bytes in protocols 0 to 2.
  private static func emptyBytes(_ object: PickledObject, name: String) throws -> Data {
    guard object.arguments.isEmpty else { throw damaged("bytes made from other values", name) }
    return Data()
  }

  private static func truth(_ value: PickleValue) -> Bool? {
    switch value {
    case .boolean(let value): value
    case .integer(0): false
    case .integer(1): true
    default: nil
    }
  }

  private static func damaged(_ found: String, _ name: String) -> InputError {
    InputError(.damaged, name, expected: "a pickle as NumPy writes it", found: found)
  }
}
