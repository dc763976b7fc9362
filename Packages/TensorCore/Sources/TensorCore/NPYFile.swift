import Foundation

/// One array in NumPy's `.npy` format.
///
///     let pixels = try NPYFile(contentsOf: url).byteTensor()
///     try NPYFile(weights).write(to: url)
///
/// Reads versions 1 to 3, little and big endian, row-major and Fortran order, booleans, integers and
/// floating-point numbers of 8 to 64 bits. Writes what NumPy writes, byte for byte. Source: NumPy Enhancement
/// Proposal 1 and `numpy.lib.format`.
public struct NPYFile: Hashable, Sendable {
  let array: StoredArray

  /// How the file stores its numbers.
  public var type: NumberType { array.type }
  /// The lengths of the axes.
  public var shape: Shape { array.shape }

  /// An array of `float32`.
  public init(_ tensor: Tensor) { array = StoredArray(tensor, name: "array") }

  /// An array of integers.
  public init(_ integers: IntTensor, as type: IntegerType = .int32) {
    array = StoredArray(integers, as: type, name: "array")
  }

  /// An array of bytes.
  public init(_ bytes: ByteTensor) { array = StoredArray(bytes, name: "array") }

  /// Reads a file.
  ///
  /// - Throws: `InputError`: `.missing`; `.damaged` when it is cut short or its header cannot be read;
  ///   `.unsupported` for object, string, structured, complex and date arrays.
  public init(contentsOf url: URL) throws { try self.init(ByteReader(contentsOf: url)) }

  /// Reads a file's bytes; `name` stands in error messages.
  public init(data: Data, name: String) throws { try self.init(ByteReader(data: data, name: name)) }

  private init(_ reader: ByteReader) throws {
    let header = try NPYHeader(reader)
    let length = header.shape.count.multipliedReportingOverflow(by: header.type.byteCount)
    let start = header.byteCount
    guard !length.overflow, length.partialValue == reader.count - start else {
      throw reader.damaged(
        expected: "\(header.shape.count) numbers of \(header.type.byteCount) bytes for shape \(header.shape)",
        found: "\(reader.count - start) bytes")
    }
    var bytes = try reader.slice(at: start, count: length.partialValue)
    if header.isBigEndian { bytes = Self.swapped(bytes, itemSize: header.type.byteCount) }
    if header.isFortranOrder {
      bytes = Self.rowMajor(bytes, shape: header.shape, itemSize: header.type.byteCount)
    }
    array = StoredArray(type: header.type, shape: header.shape, bytes: bytes, name: reader.name)
  }

  /// The numbers as floats.
  ///
  /// - Throws: `InputError.outOfRange` for an integer that `Float` cannot hold exactly and for a finite
  ///   `float64` beyond the largest `Float`; other `float64` values are rounded.
  public func tensor() throws -> Tensor { try array.tensor() }

  /// The numbers as 32-bit integers.
  ///
  /// - Throws: `InputError.outOfRange` for an integer that does not fit, `.mismatch` for floating-point
  ///   numbers.
  public func integers() throws -> IntTensor { try array.integers() }

  /// The numbers as bytes.
  ///
  /// - Throws: `InputError.outOfRange` for an integer outside 0 to 255, `.mismatch` for floating-point
  ///   numbers.
  public func byteTensor() throws -> ByteTensor { try array.byteTensor() }

  /// The file's bytes, format version 1.
  public func data() -> Data { NPYHeader.data(type: type, shape: shape) + array.bytes }

  /// Writes the file, whole or not at all.
  public func write(to url: URL) throws { try AtomicFile.write(data(), to: url) }

  private static func swapped(_ bytes: Data, itemSize: Int) -> Data {
    var result = bytes
    result.withUnsafeMutableBytes { (buffer: UnsafeMutableRawBufferPointer) in
      for start in stride(from: 0, to: buffer.count, by: itemSize) {
        buffer[start..<(start + itemSize)].reverse()
      }
    }
    return result
  }

  /// Fortran order, first axis fastest, to row-major order.
  private static func rowMajor(_ bytes: Data, shape: Shape, itemSize: Int) -> Data {
    guard shape.count > 0 else { return bytes }
    // The distance between neighbours along each axis, in the file.
    var strides: [Int] = []
    var stride = itemSize
    for length in shape.dimensions {
      strides.append(stride)
      stride *= length
    }
    var result = Data(count: bytes.count)
    result.withUnsafeMutableBytes { (target: UnsafeMutableRawBufferPointer) in
      bytes.withUnsafeBytes { (source: UnsafeRawBufferPointer) in
        var index = [Int](repeating: 0, count: shape.rank)
        var position = 0
        for written in Swift.stride(from: 0, to: target.count, by: itemSize) {
          for i in 0..<itemSize { target[written + i] = source[position + i] }
          var axis = shape.rank - 1
          while axis >= 0 {
            index[axis] += 1
            position += strides[axis]
            if index[axis] < shape[axis] { break }
            position -= index[axis] * strides[axis]
            index[axis] = 0
            axis -= 1
          }
        }
      }
    }
    return result
  }
}
