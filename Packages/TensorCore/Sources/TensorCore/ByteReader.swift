import Foundation

/// A file's bytes, read at checked positions: nothing a damaged file says can lead outside of it.
struct ByteReader: Sendable {
  let data: Data
  /// The file's name, for error messages.
  let name: String

  init(data: Data, name: String) {
    self.data = data
    self.name = name
  }

  /// Reads a whole file.
  init(contentsOf url: URL) throws {
    do {
      self.init(data: try Data(contentsOf: url), name: url.lastPathComponent)
    } catch {
      throw InputError(
        .missing, url.path, expected: "a readable file", found: error.localizedDescription,
        remedy: "Check the path and its permissions.")
    }
  }

  var count: Int { data.count }

  /// The little-endian number at a position.
  func integer<Number: FixedWidthInteger & BitwiseCopyable>(
    at position: Int, as type: Number.Type = Number.self
  ) throws -> Number {
    try check(position, count: MemoryLayout<Number>.size)
    return data.withUnsafeBytes {
      Number(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Number.self))
    }
  }

  /// `count` bytes from a position.
  func slice(at position: Int, count: Int) throws -> Data {
    try check(position, count: count)
    return data[(data.startIndex + position)..<(data.startIndex + position + count)]
  }

  private func check(_ position: Int, count: Int) throws {
    guard position >= 0, count >= 0, count <= data.count, position <= data.count - count else {
      throw damaged(
        expected: "\(count) bytes from byte \(position) on", found: "a file of \(data.count) bytes")
    }
  }

  func damaged(expected: String, found: String) -> InputError {
    InputError(.damaged, name, expected: expected, found: found, remedy: "Fetch or write the file again.")
  }
}

extension Data {
  mutating func appendLittleEndian(_ number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }
}

extension Shape {
  /// The shape with lengths that a file gave; nil when one is negative, there are more than 64 axes (NumPy's
  /// own limit), or products of them do not fit into `Int`.
  init?(untrusted lengths: [Int]) {
    guard lengths.count <= 64 else { return nil }
    var product = 1
    for length in lengths {
      // An axis of length 0 does not hide the others: code that leaves out axes multiplies the rest.
      let (next, overflow) = product.multipliedReportingOverflow(by: Swift.max(length, 1))
      guard length >= 0, !overflow else { return nil }
      product = next
    }
    self.init(lengths)
  }
}
