import Foundation
import TensorCore

/// The IDX format of MNIST and its relatives: unsigned bytes with a shape.
///
/// Two zero bytes, the element type (8 for unsigned bytes, the only one read here), the number of axes, each axis's
/// length as a big-endian 32-bit integer, then the bytes in row-major order.
///
/// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
public enum IDXFile {
  /// The tensor in a file, plain or gzip.
  ///
  /// - Throws: `InputError.missing` when there is no such file, `.damaged` when its bytes do not fit its header,
  ///   `.unsupported` when its elements are not unsigned bytes.
  public static func read(_ url: URL) throws -> ByteTensor {
    try decoded(DataFile.contents(of: url), name: url.lastPathComponent)
  }

  /// The tensor in a file's bytes, not compressed.
  ///
  /// - Parameter name: the file's name, for error messages.
  public static func decoded(_ data: Data, name: String) throws -> ByteTensor {
    try data.withUnsafeBytes { bytes in
      guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0 else {
        throw InputError(
          .damaged, name, expected: "an IDX file, which begins with two zero bytes",
          found: bytes.count < 4 ? "\(bytes.count) bytes" : "\(bytes[0]) and \(bytes[1])", remedy: fetchAgain)
      }
      guard bytes[2] == 8 else {
        throw InputError(
          .unsupported, name, expected: "an IDX file of unsigned bytes, type 8", found: "type \(bytes[2])")
      }
      let rank = Int(bytes[3])
      let header = 4 + 4 * rank
      guard (1...8).contains(rank), bytes.count >= header else {
        throw InputError(
          .damaged, name, expected: "an IDX header of 1 to 8 axes",
          found: "\(rank) axes in \(bytes.count) bytes", remedy: fetchAgain)
      }
      let dimensions = (0..<rank).map { axis in
        Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4 + 4 * axis, as: UInt32.self)))
      }
      var count: Int? = 1
      for length in dimensions {
        let product = (count ?? 0).multipliedReportingOverflow(by: length)
        count = count == nil || product.overflow ? nil : product.partialValue
      }
      guard let count, count == bytes.count - header else {
        throw InputError(
          .damaged, name,
          expected: "\(dimensions.map(String.init).joined(separator: " x ")) bytes behind its header",
          found: "\(bytes.count - header)", remedy: fetchAgain)
      }
      return ByteTensor(shape: Shape(dimensions), scalars: Array(bytes[header...]))
    }
  }

  /// The bytes of an IDX file that holds a tensor.
  ///
  /// - Precondition: 1 to 8 axes, each below 2^32.
  public static func encoded(_ tensor: ByteTensor) -> Data {
    precondition(
      (1...8).contains(tensor.shape.rank) && tensor.shape.dimensions.allSatisfy { $0 <= Int(UInt32.max) },
      "IDXFile: shape \(tensor.shape) does not fit 1 to 8 axes below 2^32")
    var data = Data([0, 0, 8, UInt8(tensor.shape.rank)])
    for length in tensor.shape.dimensions {
      withUnsafeBytes(of: UInt32(length).bigEndian) { data.append(contentsOf: $0) }
    }
    tensor.scalars.withUnsafeBufferPointer { data.append($0) }
    return data
  }

  /// Writes a tensor as an uncompressed file, whole or not at all.
  public static func write(_ tensor: ByteTensor, to url: URL) throws {
    try AtomicFile.write(encoded(tensor), to: url)
  }

  private static let fetchAgain = "Fetch it again: delete it and run `make data`."
}
