import Foundation

/// Named arrays and text in the safetensors format, which PyTorch users exchange weights in.
///
///     var file = SafeTensors(entries: ["weight": .tensor(weight)], metadata: ["seed": "42"])
///     try file.write(to: url)
///     let weight = try SafeTensors(contentsOf: url).tensor(named: "weight", shape: [10, 784])
///
/// A file is an 8-byte length, a JSON header and the arrays' bytes. Reads every type of `NumberType`; writes
/// F32, I8, I32, I64 and U8, laid out as the reference implementation does, so that the same contents give the
/// same bytes there and here. Source: https://github.com/huggingface/safetensors, README, "Format".
public struct SafeTensors: Sendable, Equatable {
  /// One array.
  public enum Entry: Sendable, Equatable {
    /// Floats, written as F32; F16, BF16, F32 and F64 are read as these.
    case tensor(Tensor)
    /// Integers and how to write them; I8 and I64 are read as `.int8` and `.int64`, all other integers but U8 as `.int32`.
    case integers(IntTensor, as: IntegerType)
    /// Bytes, written as U8; U8 and BOOL are read as these.
    case bytes(ByteTensor)

    /// The lengths of the axes.
    public var shape: Shape {
      switch self {
      case .tensor(let tensor): tensor.shape
      case .integers(let integers, as: _): integers.shape
      case .bytes(let bytes): bytes.shape
      }
    }
  }

  /// The arrays by name.
  public var entries: [String: Entry]
  /// Text stored beside the arrays.
  public var metadata: [String: String]
  /// The name of the file that this was read from, for error messages.
  let fileName: String

  /// Arrays and text to write.
  public init(entries: [String: Entry] = [:], metadata: [String: String] = [:]) {
    self.init(entries: entries, metadata: metadata, fileName: "safetensors")
  }

  /// Arrays and text from a file of any kind.
  init(entries: [String: Entry], metadata: [String: String], fileName: String) {
    self.entries = entries
    self.metadata = metadata
    self.fileName = fileName
  }

  /// Same arrays and text, whatever file they came from.
  public static func == (a: SafeTensors, b: SafeTensors) -> Bool {
    a.entries == b.entries && a.metadata == b.metadata
  }

  /// Reads a file.
  ///
  /// - Throws: `InputError`: `.missing`; `.damaged` when header and bytes do not fit together (length, names,
  ///   types, sizes, gaps or overlaps); `.unsupported` for a type that cannot be held; `.outOfRange` for an
  ///   integer beyond 32 bits or a double beyond the largest `Float`.
  public init(contentsOf url: URL) throws { try self.init(ByteReader(contentsOf: url)) }

  /// Reads a file's bytes; `name` stands in error messages.
  public init(data: Data, name: String) throws { try self.init(ByteReader(data: data, name: name)) }

  private init(_ reader: ByteReader) throws {
    let header = try SafeTensorsHeader(reader)
    fileName = reader.name
    metadata = header.metadata
    entries = [:]
    for array in header.arrays {
      let stored = StoredArray(
        type: array.type, shape: array.shape,
        bytes: try reader.slice(at: header.byteCount + array.range.lowerBound, count: array.range.count),
        name: "\(array.name) in \(reader.name)")
      entries[array.name] = try stored.entry()
    }
  }

  /// The arrays' names in alphabetical order.
  public var names: [String] { entries.keys.sorted(by: Self.precedes) }

  /// The floats with this name.
  ///
  /// - Parameters:
  ///   - name: the array's name.
  ///   - shape: the shape it must have; nil accepts any.
  /// - Throws: `InputError`: `.missing` with the first 20 names there are, `.mismatch` for another shape or
  ///   for an array of integers or bytes.
  public func tensor(named name: String, shape: Shape? = nil) throws -> Tensor {
    guard case .tensor(let tensor) = try entry(named: name, shape: shape) else {
      throw mismatch(name, expected: "floats", found: "integers or bytes")
    }
    return tensor
  }

  /// The integers with this name; the arguments and errors are those of `tensor(named:shape:)`.
  public func integers(named name: String, shape: Shape? = nil) throws -> IntTensor {
    guard case .integers(let integers, as: _) = try entry(named: name, shape: shape) else {
      throw mismatch(name, expected: "integers", found: "floats or bytes")
    }
    return integers
  }

  /// The bytes with this name; the arguments and errors are those of `tensor(named:shape:)`.
  public func bytes(named name: String, shape: Shape? = nil) throws -> ByteTensor {
    guard case .bytes(let bytes) = try entry(named: name, shape: shape) else {
      throw mismatch(name, expected: "bytes", found: "floats or integers")
    }
    return bytes
  }

  private func entry(named name: String, shape: Shape?) throws -> Entry {
    guard let entry = entries[name] else {
      throw InputError.missing(name, in: fileName, available: names)
    }
    if let shape, entry.shape != shape {
      throw mismatch(name, expected: "shape \(shape)", found: "\(entry.shape)")
    }
    return entry
  }

  private func mismatch(_ name: String, expected: String, found: String) -> InputError {
    InputError(.mismatch, "\(name) in \(fileName)", expected: expected, found: found)
  }

  /// The file's bytes. The same contents always give the same bytes.
  ///
  /// - Throws: `InputError.outOfRange` when the header would be longer than 100 MB, the most that readers
  ///   accept, or an array is named `__metadata__`, which the format reserves.
  public func data() throws -> Data {
    // The reference implementation's order: by type, the widest first, so that every array is aligned; then
    // by name.
    let stored = entries.sorted { a, b in
      let (first, second) = (a.value.layoutOrder, b.value.layoutOrder)
      return first == second ? Self.precedes(a.key, b.key) : first < second
    }.map { $0.value.stored(name: $0.key) }
    var data = try SafeTensorsHeader.data(
      arrays: stored, metadata: metadata.sorted { Self.precedes($0.key, $1.key) })
    data.reserveCapacity(data.count + stored.reduce(0) { $0 + $1.bytes.count })
    for array in stored { data.append(array.bytes) }
    return data
  }

  /// Writes the file, whole or not at all.
  ///
  /// - Throws: what `data()` throws, and `InputError.unwritable`.
  public func write(to url: URL) throws { try AtomicFile.write(data(), to: url) }

  // By bytes, as Rust compares; Swift's own order depends on Unicode's normal forms.
  private static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}

extension StoredArray {
  /// The array in the form that holds its type.
  func entry() throws -> SafeTensors.Entry {
    switch type {
    case .float16, .bfloat16, .float32, .float64: .tensor(try tensor())
    case .bool, .uint8: .bytes(try byteTensor())
    case .int8: .integers(try integers(), as: .int8)
    case .int64: .integers(try integers(), as: .int64)
    case .int16, .uint16, .int32, .uint32, .uint64: .integers(try integers(), as: .int32)
    }
  }
}

extension SafeTensors.Entry {
  fileprivate var layoutOrder: Int {
    switch self {
    case .integers(_, as: .int64): 0
    case .tensor: 1
    case .integers(_, as: .int32): 2
    case .integers(_, as: .int8): 3
    case .bytes: 4
    }
  }

  fileprivate func stored(name: String) -> StoredArray {
    switch self {
    case .tensor(let tensor): StoredArray(tensor, name: name)
    case .integers(let integers, let type): StoredArray(integers, as: type, name: name)
    case .bytes(let bytes): StoredArray(bytes, name: name)
    }
  }
}
