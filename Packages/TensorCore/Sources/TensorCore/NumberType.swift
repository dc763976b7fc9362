import Foundation

/// How a file stores the numbers of an array.
public enum NumberType: String, Hashable, Sendable, CaseIterable {
  /// A byte, 0 or 1.
  case bool
  /// A signed byte.
  case int8
  /// A byte.
  case uint8
  /// 16 bits, signed.
  case int16
  /// 16 bits, unsigned.
  case uint16
  /// 32 bits, signed.
  case int32
  /// 32 bits, unsigned.
  case uint32
  /// 64 bits, signed.
  case int64
  /// 64 bits, unsigned.
  case uint64
  /// IEEE 754 half precision.
  case float16
  /// The upper half of a `float32`.
  case bfloat16
  /// IEEE 754 single precision: `Float`.
  case float32
  /// IEEE 754 double precision: `Double`.
  case float64

  /// Bytes a number.
  public var byteCount: Int {
    switch self {
    case .bool, .int8, .uint8: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }
}

/// An array as a file holds it: little-endian numbers in row-major order, converted when they are asked for.
struct StoredArray: Hashable, Sendable {
  let type: NumberType
  let shape: Shape
  /// `shape.count · type.byteCount` bytes.
  let bytes: Data
  /// The array's and the file's name, for error messages.
  let name: String

  /// Integers and `float64` are narrowed: an integer must be exact in `Float`, a finite number stay finite.
  func tensor() throws -> Tensor {
    try Tensor(shape: shape) { result in
      switch type {
      case .float32: bytes.copyBytes(to: UnsafeMutableRawBufferPointer(result))
      case .float16: try convert(to: result) { (x: Float16) in Float(x) }
      case .bfloat16: try convert(to: result) { (x: UInt16) in Float(bitPattern: UInt32(x) << 16) }
      case .float64:
        try convert(to: result) { (x: Double) in
          let narrow = Float(x)
          return narrow.isFinite || !x.isFinite ? narrow : nil
        }
      case .bool: try convert(to: result) { (x: UInt8) in x == 0 ? 0 : 1 }
      case .int8: try convert(to: result) { (x: Int8) in Float(x) }
      case .uint8: try convert(to: result) { (x: UInt8) in Float(x) }
      case .int16: try convert(to: result) { (x: Int16) in Float(x) }
      case .uint16: try convert(to: result) { (x: UInt16) in Float(x) }
      case .int32: try convert(to: result) { (x: Int32) in Float(exactly: x) }
      case .uint32: try convert(to: result) { (x: UInt32) in Float(exactly: x) }
      case .int64: try convert(to: result) { (x: Int64) in Float(exactly: x) }
      case .uint64: try convert(to: result) { (x: UInt64) in Float(exactly: x) }
      }
    }
  }

  func integers() throws -> IntTensor { IntTensor(shape: shape, scalars: try whole(Int32.self)) }

  func byteTensor() throws -> ByteTensor {
    ByteTensor(shape: shape, scalars: type == .uint8 ? Array(bytes) : try whole(UInt8.self))
  }

  private func whole<Value: FixedWidthInteger>(_: Value.Type) throws -> [Value] {
    try Array(unsafeUninitializedCapacity: shape.count) { result, initializedCount in
      let result = UnsafeMutableBufferPointer(rebasing: result[..<shape.count])
      switch type {
      case .bool: try convert(to: result) { (x: UInt8) in x == 0 ? 0 : 1 }
      case .int8: try convert(to: result) { (x: Int8) in Value(exactly: x) }
      case .uint8: try convert(to: result) { (x: UInt8) in Value(exactly: x) }
      case .int16: try convert(to: result) { (x: Int16) in Value(exactly: x) }
      case .uint16: try convert(to: result) { (x: UInt16) in Value(exactly: x) }
      case .int32: try convert(to: result) { (x: Int32) in Value(exactly: x) }
      case .uint32: try convert(to: result) { (x: UInt32) in Value(exactly: x) }
      case .int64: try convert(to: result) { (x: Int64) in Value(exactly: x) }
      case .uint64: try convert(to: result) { (x: UInt64) in Value(exactly: x) }
      case .float16, .bfloat16, .float32, .float64:
        throw InputError(.mismatch, name, expected: "integers", found: type.rawValue)
      }
      initializedCount = shape.count
    }
  }

  private func convert<Stored: BitwiseCopyable, Value>(
    to result: UnsafeMutableBufferPointer<Value>, _ value: (Stored) -> Value?
  ) throws {
    try bytes.withUnsafeBytes { bytes in
      for i in 0..<result.count {
        let stored = bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Stored>.size, as: Stored.self)
        guard let converted = value(stored) else {
          throw InputError(
            .outOfRange, name, expected: "numbers that \(Value.self) can hold",
            found: "\(stored) at position \(i)")
        }
        result.initializeElement(at: i, to: converted)
      }
    }
  }
}

extension StoredArray {
  init(_ tensor: Tensor, name: String) {
    self.init(
      type: .float32, shape: tensor.shape, bytes: tensor.withUnsafeBufferPointer { Data(buffer: $0) },
      name: name)
  }

  init(_ integers: IntTensor, as type: IntegerType, name: String) {
    let bytes =
      switch type {
      case .int8:
        integers.scalars.map { value in
          guard let byte = Int8(exactly: value) else { preconditionFailure("\(name): \(value) as int8") }
          return byte
        }.withUnsafeBufferPointer { Data(buffer: $0) }
      case .int32: integers.scalars.withUnsafeBufferPointer { Data(buffer: $0) }
      case .int64: integers.scalars.map(Int64.init).withUnsafeBufferPointer { Data(buffer: $0) }
      }
    self.init(type: type.numberType, shape: integers.shape, bytes: bytes, name: name)
  }

  init(_ bytes: ByteTensor, name: String) {
    self.init(type: .uint8, shape: bytes.shape, bytes: Data(bytes.scalars), name: name)
  }
}

/// How the integers of an `IntTensor` are written to a file.
public enum IntegerType: Hashable, Sendable, CaseIterable {
  /// A signed byte, −128 to 127.
  case int8
  /// 32 bits, as they are in memory.
  case int32
  /// 64 bits, as PyTorch and NumPy hold labels and counters.
  case int64

  var numberType: NumberType {
    switch self {
    case .int8: .int8
    case .int32: .int32
    case .int64: .int64
    }
  }
}
