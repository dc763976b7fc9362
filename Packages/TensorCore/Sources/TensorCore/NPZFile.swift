import Foundation

/// Named arrays in NumPy's `.npz` format: a zip archive of `.npy` files, stored or compressed.
///
///     let file = try NPZFile(contentsOf: url)
///     let labels = try file.array(named: "y_train").integers()
///
/// Opening reads the directory; an array is decompressed and checked when it is asked for.
public struct NPZFile: Sendable {
  /// The arrays' names in the file's order.
  public let names: [String]
  private let archive: ZipArchive
  private let fileName: String
  private let sizeLimit: Int

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - url: the file.
  ///   - sizeLimit: the most bytes that one array may have after decompression.
  /// - Throws: `InputError`: `.missing`, `.damaged`, or `.unsupported` for encryption and unusual
  ///   compression.
  public init(contentsOf url: URL, sizeLimit: Int = 1 << 32) throws {
    try self.init(ByteReader(contentsOf: url), sizeLimit: sizeLimit)
  }

  /// Opens a file's bytes; `name` stands in error messages.
  public init(data: Data, name: String, sizeLimit: Int = 1 << 32) throws {
    try self.init(ByteReader(data: data, name: name), sizeLimit: sizeLimit)
  }

  private init(_ reader: ByteReader, sizeLimit: Int) throws {
    archive = try ZipArchive(reader)
    fileName = reader.name
    self.sizeLimit = sizeLimit
    names = archive.entries.filter { $0.name.hasSuffix(".npy") }.map { String($0.name.dropLast(4)) }
  }

  /// The array with this name.
  ///
  /// - Throws: `InputError`: `.missing` with the names there are, `.outOfRange` when the array is above the
  ///   size limit, and what `NPYFile` throws.
  public func array(named name: String) throws -> NPYFile {
    guard let entry = archive.entries.first(where: { $0.name == name + ".npy" }) else {
      throw InputError.missing(name, in: fileName, available: names)
    }
    return try NPYFile(
      data: archive.contents(of: entry, limit: sizeLimit), name: "\(name) in \(fileName)")
  }

  /// The bytes of a file with these arrays, in this order.
  ///
  /// - Throws: `InputError.unsupported` above 4 GiB.
  /// - Precondition: no name occurs twice.
  public static func data(of arrays: [(name: String, array: NPYFile)], isCompressed: Bool = false) throws
    -> Data
  {
    precondition(
      Set(arrays.map(\.name)).count == arrays.count, "NPZFile: a name occurs twice in \(arrays.map(\.name))")
    return try ZipArchive.data(
      of: arrays.map { (name: $0.name + ".npy", contents: $0.array.data()) }, isCompressed: isCompressed)
  }

  /// Writes a file with these arrays, whole or not at all.
  ///
  /// - Throws: `InputError.unsupported` above 4 GiB, `.unwritable`.
  /// - Precondition: no name occurs twice.
  public static func write(
    _ arrays: [(name: String, array: NPYFile)], to url: URL, isCompressed: Bool = false
  ) throws {
    try AtomicFile.write(data(of: arrays, isCompressed: isCompressed), to: url)
  }
}

extension InputError {
  /// An array that a file does not have, with the first names that it has.
  static func missing(_ name: String, in file: String, available: [String]) -> InputError {
    let shown = available.prefix(20).joined(separator: ", ") + (available.count > 20 ? ", …" : "")
    return InputError(
      .missing, file, expected: "an array named \(name)",
      found: available.isEmpty ? "no arrays" : "\(available.count) arrays: \(shown)")
  }
}
