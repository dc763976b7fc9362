import Foundation

/// What `torch.save` wrote: a state dict, or a checkpoint with one in it. Nothing in the file can run.
///
///     let file = try PyTorchFile(contentsOf: url)     // also {"model_state_dict": …, "epoch": 42}
///     try model.load(file.weights)
///
/// Such a file is a zip archive of a pickle, which names each tensor's type, shape and place, and of the tensors' bytes.
/// The pickle is read as plain data with an allow-list of names (`Unpickler`). Source: PyTorch 2.13, `torch/serialization.py`
/// and `torch/_utils.py`. Files from before PyTorch 1.6, which are no archives, are refused.
public struct PyTorchFile: Sendable {
  /// The tensors by name; the checkpoint's other texts, numbers and truth values as metadata.
  public let weights: SafeTensors

  /// Under which names checkpoints keep their state dict.
  private static let weightsNames = ["model_state_dict", "state_dict"]
  /// How many numbers a file's tensors may hold beyond the numbers stored in it: views may repeat what is stored, and
  /// a small file must not fill the memory.
  private static let repeatedNumbers = 1 << 24

  /// Reads a file.
  ///
  /// - Throws: `InputError`: `.missing`; `.damaged` when the archive, the pickle and the bytes do not fit together;
  ///   `.unsupported` for Python names other than those of tensors, for values that are no tensors, and for views that
  ///   repeat too much.
  public init(contentsOf url: URL) throws { try self.init(ByteReader(contentsOf: url)) }

  /// Reads a file's bytes; `name` stands in error messages.
  public init(data: Data, name: String) throws { try self.init(ByteReader(data: data, name: name)) }

  private init(_ reader: ByteReader) throws {
    guard reader.data.starts(with: Array("PK".utf8)) else {
      throw InputError(
        .unsupported, reader.name, expected: "a zip archive, as torch.save writes since version 1.6",
        found: "another file", remedy: "Load it in PyTorch and save it again, or as safetensors.")
    }
    let contents = try Contents(reader)
    let top = try contents.pickle()
    guard let entries = top.entries else {
      throw InputError(.mismatch, reader.name, expected: "a state dict", found: top.kind)
    }
    var tensors: [String: SafeTensors.Entry] = [:]
    var metadata: [String: String] = [:]
    let nested = Self.weightsNames.lazy.compactMap { name in entries.last { $0.key.text == name }?.value }
      .first
    for entry in entries where nested != nil {
      if let name = entry.key.text { metadata[name] = entry.value.plainText }
    }
    guard let state = nested.map(\.entries) ?? entries else {
      throw InputError(.mismatch, reader.name, expected: "a state dict", found: nested?.kind ?? "none")
    }
    var left = Self.repeatedNumbers + contents.byteCount
    for entry in state {
      guard let name = entry.key.text else {
        throw InputError(.mismatch, reader.name, expected: "names of tensors", found: entry.key.kind)
      }
      tensors[name] = try contents.tensor(entry.value, name: "\(name) in \(reader.name)", budget: &left)
    }
    weights = SafeTensors(entries: tensors, metadata: metadata, fileName: reader.name)
  }
}

/// The archive's parts.
private struct Contents {
  private let archive: ZipArchive
  private let files: [String: ZipArchive.Entry]
  private let name: String
  /// Of all files in it.
  let byteCount: Int

  init(_ reader: ByteReader) throws {
    archive = try ZipArchive(reader)
    name = reader.name
    byteCount = reader.count
    // all stand in one folder, named after the file when it was saved
    files = Dictionary(
      archive.entries.map { (String($0.name.drop { $0 != "/" }.dropFirst()), $0) },
      uniquingKeysWith: { first, _ in first })
    if let order = files["byteorder"] {
      guard String(data: try bytes(of: order), encoding: .utf8) == "little" else {
        throw InputError(.unsupported, name, expected: "little-endian numbers", found: "others")
      }
    }
  }

  private func bytes(of entry: ZipArchive.Entry) throws -> Data {
    guard entry.method == 0 else {
      throw InputError(
        .unsupported, name, expected: "stored files, as torch.save writes", found: "compressed ones")
    }
    return try archive.contents(of: entry, limit: byteCount)
  }

  func pickle() throws -> PickleValue {
    guard let entry = files["data.pkl"] else {
      throw InputError(
        .mismatch, name, expected: "an archive with data.pkl, as torch.save writes",
        found: archive.entries.prefix(5).map(\.name).joined(separator: ", "))
    }
    let storages = Set(StorageType.all.keys)
    let unpickler = Unpickler(
      alsoAllowing: storages.union([
        "collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
      ]), allowsPersistentIdentifiers: true)
    return try unpickler.value(from: bytes(of: entry), name: name)
  }

  /// `_rebuild_tensor_v2(storage, offset, shape, strides, …)`, perhaps in `_rebuild_parameter(tensor, …)`.
  func tensor(_ value: PickleValue, name: String, budget: inout Int) throws -> SafeTensors.Entry {
    guard case .object(let object) = value else {
      throw InputError(.unsupported, name, expected: "a tensor", found: value.kind)
    }
    if object.callable == "torch._utils._rebuild_parameter", let tensor = object.arguments.first {
      return try self.tensor(tensor, name: name, budget: &budget)
    }
    let damaged = InputError(
      .damaged, name, expected: "a tensor as torch.save writes it", found: "other parts")
    guard object.callable == "torch._utils._rebuild_tensor_v2", object.arguments.count >= 4,
      case .integer(let offset) = object.arguments[1], let lengths = object.arguments[2].integers,
      let strides = object.arguments[3].integers, let shape = Shape(untrusted: lengths),
      strides.count == lengths.count, offset >= 0, strides.allSatisfy({ $0 >= 0 })
    else { throw damaged }
    let storage = try storage(object.arguments[0], name: name)
    var last = offset
    for (length, stride) in zip(lengths, strides) where shape.count > 0 {
      let (way, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
      let (sum, beyond) = last.addingReportingOverflow(way)
      guard !overflow, !beyond else { throw damaged }
      last = sum
    }
    guard shape.count == 0 || last < storage.count else {
      throw InputError(
        .damaged, name, expected: "numbers within the \(storage.count) stored", found: "one at \(last)")
    }
    budget -= shape.count
    guard budget >= 0 else {
      throw InputError(
        .unsupported, name, expected: "tensors that hold hardly more numbers than the file",
        found: "shape \(shape)")
    }
    let width = storage.type.byteCount
    // as most tensors are stored
    var next = 1
    let isRowMajor = zip(lengths, strides).reversed().allSatisfy { length, stride in
      defer { next *= length }
      return stride == next || length == 1
    }
    if isRowMajor {
      let bytes = storage.bytes.dropFirst(offset * width).prefix(shape.count * width)
      return try StoredArray(type: storage.type, shape: shape, bytes: bytes, name: name).entry()
    }
    var bytes = Data(capacity: shape.count * width)
    storage.bytes.withUnsafeBytes { source in
      var index = [Int](repeating: 0, count: lengths.count)
      var place = offset
      for _ in 0..<shape.count {
        bytes.append(
          contentsOf: UnsafeRawBufferPointer(rebasing: source[(place * width)..<((place + 1) * width)]))
        var axis = lengths.count - 1
        while axis >= 0 {
          index[axis] += 1
          place += strides[axis]
          if index[axis] < lengths[axis] { break }
          place -= strides[axis] * lengths[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
    return try StoredArray(type: storage.type, shape: shape, bytes: bytes, name: name).entry()
  }

  /// `("storage", type, key, device, count)`.
  private func storage(_ value: PickleValue, name: String) throws -> (
    type: NumberType, bytes: Data, count: Int
  ) {
    guard case .persistent(let identifier) = value, let parts = identifier.elements, parts.count == 5,
      parts[0].text == "storage", case .global(let global) = parts[1], let type = StorageType.all[global],
      let key = parts[2].text, case .integer(let count) = parts[4]
    else {
      throw InputError(.damaged, name, expected: "the place of a tensor's numbers", found: value.kind)
    }
    guard let entry = files["data/" + key], count >= 0,
      count.multipliedReportingOverflow(by: type.byteCount) == (entry.size, false)
    else {
      throw InputError(
        .damaged, name, expected: "\(count) numbers in data/\(key)", found: "a file of another size, or none")
    }
    return (type, try bytes(of: entry), count)
  }
}

/// PyTorch's names for the types of stored numbers.
private enum StorageType {
  static let all: [String: NumberType] = [
    "torch.FloatStorage": .float32, "torch.DoubleStorage": .float64, "torch.HalfStorage": .float16,
    "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
    "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8,
    "torch.BoolStorage": .bool,
  ]
}

extension PickleValue {
  /// Keys and values of a dictionary of either kind; nil for anything else.
  fileprivate var entries: [PickleEntry]? {
    switch self {
    case .dictionary(let entries): entries
    case .object(let object) where object.callable == "collections.OrderedDict": object.entries
    default: nil
    }
  }

  /// The elements of a tuple of integers; nil for anything else.
  fileprivate var integers: [Int]? {
    guard let elements else { return nil }
    var integers: [Int] = []
    for element in elements {
      guard case .integer(let value) = element else { return nil }
      integers.append(value)
    }
    return integers
  }

  /// A text, number or truth value as text; nil for anything else.
  fileprivate var plainText: String? {
    switch self {
    case .string(let text): text
    case .integer(let value): "\(value)"
    case .real(let value): "\(value)"
    case .boolean(let value): "\(value)"
    default: nil
    }
  }
}
