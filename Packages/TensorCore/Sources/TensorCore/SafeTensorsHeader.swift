import Foundation

/// What stands before the arrays of a safetensors file: its length in 8 bytes, then JSON padded with spaces.
struct SafeTensorsHeader {
  struct Array {
    let name: String
    let type: NumberType
    let shape: Shape
    /// Where its bytes stand after the header.
    let range: Range<Int>
  }

  /// In the order of their bytes.
  let arrays: [Array]
  let metadata: [String: String]
  /// Where the arrays' bytes begin.
  let byteCount: Int

  /// The reference implementation refuses longer ones.
  private static let lengthLimit = 100_000_000

  private static let codes: [NumberType: String] = [
    .bool: "BOOL", .int8: "I8", .uint8: "U8", .int16: "I16", .uint16: "U16", .int32: "I32", .uint32: "U32",
    .int64: "I64", .uint64: "U64", .float16: "F16", .bfloat16: "BF16", .float32: "F32", .float64: "F64",
  ]

  init(_ reader: ByteReader) throws {
    let length: UInt64 = try reader.integer(at: 0)
    guard length <= UInt64(Self.lengthLimit), Int(length) <= reader.count - 8 else {
      throw reader.damaged(
        expected: "a header of at most \(min(Self.lengthLimit, reader.count - 8)) bytes", found: "\(length)")
    }
    byteCount = 8 + Int(length)
    var parser = JSONHeaderParser(try reader.slice(at: 8, count: Int(length)), name: reader.name)
    var arrays: [Array] = []
    var metadata: [String: String] = [:]
    var names: Set<String> = []
    try parser.object { parser, name in
      guard names.insert(name).inserted else {
        throw reader.damaged(expected: "different names", found: "\(name) twice")
      }
      if name == "__metadata__" {
        try parser.object { parser, key in
          guard metadata.updateValue(try parser.string(), forKey: key) == nil else {
            throw reader.damaged(expected: "different names in the metadata", found: "\(key) twice")
          }
        }
      } else {
        arrays.append(try Self.array(named: name, &parser, reader))
      }
    }
    try parser.end()
    arrays.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var position = 0
    for array in arrays {
      guard array.range.lowerBound == position else {
        throw reader.damaged(
          expected: "\(array.name) to begin at byte \(position), where the one before ends",
          found: "\(array.range.lowerBound)")
      }
      position = array.range.upperBound
    }
    guard position == reader.count - byteCount else {
      throw reader.damaged(
        expected: "\(position) bytes of arrays", found: "\(reader.count - byteCount)")
    }
    self.arrays = arrays
    self.metadata = metadata
  }

  private static func array(
    named name: String, _ parser: inout JSONHeaderParser, _ reader: ByteReader
  ) throws -> Array {
    let subject = "\(name) in \(reader.name)"
    func damaged(_ expected: String, _ found: String) -> InputError {
      InputError(
        .damaged, subject, expected: expected, found: found, remedy: "Fetch or write the file again.")
    }
    var code: String?
    var lengths: [Int]?
    var offsets: [Int]?
    try parser.object { parser, key in
      switch (key, code, lengths, offsets) {
      case ("dtype", nil, _, _): code = try parser.string()
      case ("shape", _, nil, _): lengths = try parser.integers()
      case ("data_offsets", _, _, nil): offsets = try parser.integers()
      default: throw damaged("dtype, shape and data_offsets, each once", key)
      }
    }
    guard let code, let lengths, let offsets else {
      throw damaged("dtype, shape and data_offsets", "one of them missing")
    }
    guard let type = codes.first(where: { $0.value == code })?.key else {
      throw InputError(
        .unsupported, subject, expected: "one of the types \(codes.values.sorted().joined(separator: ", "))",
        found: code)
    }
    guard let shape = Shape(untrusted: lengths) else { throw damaged("a shape that can exist", "\(lengths)") }
    let size = shape.count.multipliedReportingOverflow(by: type.byteCount)
    guard offsets.count == 2, offsets[0] <= offsets[1], !size.overflow,
      offsets[1] - offsets[0] == size.partialValue
    else {
      throw damaged("two offsets \(size.partialValue) apart for \(code) and shape \(shape)", "\(offsets)")
    }
    return Array(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
  }

  /// Length and header for arrays whose bytes follow in this order.
  static func data(arrays: [StoredArray], metadata: [(key: String, value: String)]) throws -> Data {
    var members: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.map { quoted($0.key) + ":" + quoted($0.value) }
      members.append("\"__metadata__\":{" + texts.joined(separator: ",") + "}")
    }
    var position = 0
    for array in arrays {
      guard array.name != "__metadata__", let code = codes[array.type] else {
        throw InputError(
          .outOfRange, array.name, expected: "another name for an array", found: "a reserved one")
      }
      let end = position + array.bytes.count
      let lengths = array.shape.dimensions.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(array.name)):{\"dtype\":\"\(code)\",\"shape\":[\(lengths)],\"data_offsets\":[\(position),\(end)]}"
      )
      position = end
    }
    var text = Data(("{" + members.joined(separator: ",") + "}").utf8)
    text.append(Data(repeating: 0x20, count: (8 - text.count % 8) % 8))
    guard text.count <= lengthLimit else {
      throw InputError(
        .outOfRange, "safetensors header", expected: "at most \(lengthLimit) bytes", found: "\(text.count)",
        remedy: "Store less text in the metadata.")
    }
    var data = Data()
    data.appendLittleEndian(UInt64(text.count))
    return data + text
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
      case "\u{8}": result += "\\b"
      case "\u{c}": result += "\\f"
      case _ where scalar.value < 0x20:
        result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
