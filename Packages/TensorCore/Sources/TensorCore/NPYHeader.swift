import Foundation

/// What stands before the numbers of an `.npy` file: a magic number, the version, and a Python dictionary.
struct NPYHeader {
  let type: NumberType
  let shape: Shape
  let isFortranOrder: Bool
  let isBigEndian: Bool
  /// Where the numbers begin.
  let byteCount: Int

  private static let magic = Data([0x93]) + Data("NUMPY".utf8)
  // Far above what any array of numbers needs: 64 axes of 20 digits.
  private static let lengthLimit = 1 << 16

  init(_ reader: ByteReader) throws {
    guard try reader.slice(at: 0, count: 6) == Self.magic else {
      throw reader.damaged(expected: "NumPy's magic number", found: "other bytes")
    }
    let version: UInt8 = try reader.integer(at: 6)
    let start: Int
    let length: Int
    switch version {
    case 1: (start, length) = (10, Int(try reader.integer(at: 8, as: UInt16.self)))
    case 2, 3: (start, length) = (12, Int(try reader.integer(at: 8, as: UInt32.self)))
    default:
      throw InputError(.unsupported, reader.name, expected: "format version 1, 2 or 3", found: "\(version)")
    }
    guard length <= Self.lengthLimit else {
      throw reader.damaged(expected: "a header of at most \(Self.lengthLimit) bytes", found: "\(length)")
    }
    byteCount = start + length
    let text = try reader.slice(at: start, count: length)
    guard case .dictionary(let members) = PythonLiteral(parsing: Array(text)),
      members.count == 3, let descr = members["descr"], case .boolean(let order) = members["fortran_order"],
      case .sequence(let lengths) = members["shape"]
    else {
      throw reader.damaged(
        expected: "a header with descr, fortran_order and shape",
        found: String(decoding: text.prefix(100), as: UTF8.self))
    }
    isFortranOrder = order
    let integers = lengths.compactMap { if case .integer(let length) = $0 { length } else { nil } }
    guard integers.count == lengths.count, let shape = Shape(untrusted: integers) else {
      throw reader.damaged(expected: "a shape of at most 64 lengths", found: "\(integers)")
    }
    self.shape = shape
    (type, isBigEndian) = try Self.numbers(descr, reader.name)
  }

  private static func numbers(_ descr: PythonLiteral, _ name: String) throws -> (NumberType, Bool) {
    func unsupported(_ found: String) -> InputError {
      InputError(
        .unsupported, name, expected: "booleans, integers or floating-point numbers", found: found,
        remedy: "Convert the array with NumPy's astype and save it again.")
    }
    guard case .string(let code) = descr else { throw unsupported("a structured array") }
    let kind = code.drop { "<>=|".contains($0) }
    if kind.first == "O" { throw unsupported("an object array (\(code)), which only Python can read") }
    guard let type = codes.first(where: { $0.value == kind })?.key,
      code.count == kind.count + 1, type.byteCount == 1 || code.first != "|"
    else { throw unsupported("an array of type \(code)") }
    return (type, code.first == ">")
  }

  // NumPy has no bfloat16.
  private static let codes: [NumberType: String] = [
    .bool: "b1", .int8: "i1", .uint8: "u1", .int16: "i2", .uint16: "u2", .int32: "i4", .uint32: "u4",
    .int64: "i8", .uint64: "u8", .float16: "f2", .float32: "f4", .float64: "f8",
  ]

  /// The header that NumPy 2 writes for a row-major array.
  static func data(type: NumberType, shape: Shape) -> Data {
    let code = codes[type].map { (type.byteCount == 1 ? "|" : "<") + $0 }
    precondition(code != nil, "NPYFile: NumPy has no type \(type)")
    let lengths = shape.dimensions.map(String.init)
    let tuple = lengths.count == 1 ? "(\(lengths[0]),)" : "(" + lengths.joined(separator: ", ") + ")"
    var text = "{'descr': '\(code ?? "")', 'fortran_order': False, 'shape': \(tuple), }"
    // NumPy leaves room for the first length to grow to 21 digits in place, then fills up to 64 bytes.
    if let first = lengths.first { text += String(repeating: " ", count: 21 - first.count) }
    let prefixLength = 10
    text += String(repeating: " ", count: 64 - (prefixLength + text.count + 1) % 64) + "\n"
    var data = magic + Data([1, 0])
    data.appendLittleEndian(UInt16(text.utf8.count))
    return data + Data(text.utf8)
  }
}
