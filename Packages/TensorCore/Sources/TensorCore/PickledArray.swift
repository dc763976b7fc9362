import Foundation

/// A NumPy array out of a pickle: its element type, shape, order and bytes.
public struct PickledArray: Sendable {
  /// NumPy's name of the element type with its byte order: `<f4`, `>i2`, `|u1`.
  public let elementType: String
  /// The lengths of the axes; empty for a scalar.
  public let shape: Shape
  /// True when the first axis varies fastest in `bytes`.
  public let isFortranOrder: Bool
  /// The elements as stored; shares memory with the file.
  public let bytes: Data

  /// An array after a check that the bytes are as many as type and shape say.
  init(elementType: String, dimensions: [Int], isFortranOrder: Bool, bytes: Data, name: String) throws {
    var expected: Int? = try Self.size(ofElement: elementType, name: name)
    for length in dimensions {
      guard length >= 0, let product = expected?.multipliedReportingOverflow(by: length), !product.overflow
      else {
        expected = nil
        break
      }
      expected = product.partialValue
    }
    guard dimensions.count <= 32, expected == bytes.count else {
      throw InputError(
        .damaged, name, expected: "an array whose bytes fill its shape",
        found: "\(bytes.count) bytes for \(elementType) of shape \(dimensions.prefix(33))")
    }
    self.elementType = elementType
    self.shape = Shape(dimensions)
    self.isFortranOrder = isFortranOrder && dimensions.count > 1
    self.bytes = bytes
  }

  /// The bytes of one element, after a check that its type is one of those read here.
  static func size(ofElement elementType: String, name: String) throws -> Int {
    let sizes = [
      "b1": 1, "i1": 1, "u1": 1, "i2": 2, "u2": 2, "i4": 4, "u4": 4, "i8": 8, "u8": 8, "f4": 4, "f8": 8,
    ]
    guard let size = sizes[String(elementType.dropFirst())] else {
      throw InputError(
        .unsupported, name, expected: "an array of truth values, integers or floats",
        found: "one with elements of type \(elementType)")
    }
    return size
  }

  /// The elements as floats, whatever their type; large integers and doubles are rounded.
  public func tensor() -> Tensor {
    Tensor(shape: shape) { target in
      if elementType == "<f4" && !isFortranOrder {
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
      } else {
        forEachElement { target[$0] = Float($1) }
      }
    }
  }

  /// The elements of an integer array as 32-bit integers.
  ///
  /// - Throws: `InputError.unsupported` for floats, `.outOfRange` for an element beyond 32 bits.
  public func integers(name: String) throws -> IntTensor {
    IntTensor(shape: shape, scalars: try exactIntegers(within: Int32.min...Int32.max, name: name))
  }

  /// The elements of an integer array as bytes.
  ///
  /// - Throws: `InputError.unsupported` for floats, `.outOfRange` for an element outside 0 ... 255.
  public func byteTensor(name: String) throws -> ByteTensor {
    if elementType == "|u1" && !isFortranOrder { return ByteTensor(shape: shape, scalars: Array(bytes)) }
    return ByteTensor(shape: shape, scalars: try exactIntegers(within: UInt8.min...UInt8.max, name: name))
  }

  private func exactIntegers<T: FixedWidthInteger & Sendable>(
    within range: ClosedRange<T>, name: String
  ) throws -> [T] {
    guard !elementType.contains("f") else {
      throw InputError(
        .unsupported, name, expected: "an array of integers", found: "one of type \(elementType)")
    }
    let lowest = Double(range.lowerBound)
    let highest = Double(range.upperBound)
    var offender: Double?
    let values = [T](unsafeUninitializedCapacity: shape.count) { target, count in
      forEachElement { position, value in
        let fits = value >= lowest && value <= highest
        if !fits { offender = offender ?? value }
        target.initializeElement(at: position, to: fits ? T(value) : 0)
      }
      count = shape.count
    }
    if let offender {
      throw InputError(
        .outOfRange, name, expected: "integers from \(range.lowerBound) to \(range.upperBound)",
        found: "\(offender)")
    }
    return values
  }

  /// Calls `body` with each row-major position and its element.
  private func forEachElement(_ body: (Int, Double) -> Void) {
    switch elementType.dropFirst() {
    case "b1", "u1": forEach(UInt8.self) { body($0, Double($1)) }
    case "i1": forEach(UInt8.self) { body($0, Double(Int8(bitPattern: $1))) }
    case "i2": forEach(UInt16.self) { body($0, Double(Int16(bitPattern: $1))) }
    case "u2": forEach(UInt16.self) { body($0, Double($1)) }
    case "i4": forEach(UInt32.self) { body($0, Double(Int32(bitPattern: $1))) }
    case "u4": forEach(UInt32.self) { body($0, Double($1)) }
    case "i8": forEach(UInt64.self) { body($0, Double(Int64(bitPattern: $1))) }
    case "u8": forEach(UInt64.self) { body($0, Double($1)) }
    case "f4": forEach(UInt32.self) { body($0, Double(Float(bitPattern: $1))) }
    default: forEach(UInt64.self) { body($0, Double(bitPattern: $1)) }
    }
  }

  private func forEach<Word: FixedWidthInteger>(_ type: Word.Type, _ body: (Int, Word) -> Void) {
    let isBigEndian = elementType.first == ">"
    let width = MemoryLayout<Word>.size
    // Where the next element of each axis lies in the file; row-major order needs no walk.
    var strides = [Int](repeating: width, count: shape.rank)
    for axis in stride(from: 1, to: shape.rank, by: 1) { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    var index = [Int](repeating: 0, count: shape.rank)
    var offset = 0
    bytes.withUnsafeBytes { source in
      for position in 0..<shape.count {
        let word = source.loadUnaligned(fromByteOffset: offset, as: Word.self)
        body(position, isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word))
        guard isFortranOrder else {
          offset += width
          continue
        }
        var axis = shape.rank - 1
        while axis >= 0 {
          index[axis] += 1
          offset += strides[axis]
          if index[axis] < shape[axis] { break }
          offset -= strides[axis] * shape[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
  }
}
