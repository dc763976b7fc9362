/// The tensors of a stored network: each is checked when it is read, and none may be left over.
struct StoredTensors {
  private let file: SafeTensors
  private var used: Set<String> = []

  init(_ file: SafeTensors) { self.file = file }

  /// Finite floats of a shape.
  mutating func floats(_ name: String, _ shape: Shape, isPositive: Bool = false) throws -> Tensor {
    used.insert(name)
    let tensor = try file.tensor(named: name, shape: shape)
    let wrong = tensor.withUnsafeBufferPointer { values in
      values.first { !$0.isFinite || isPositive && $0 <= 0 }
    }
    if let wrong {
      throw InputError(
        .outOfRange, "\(name) in \(file.fileName)",
        expected: isPositive ? "positive finite numbers" : "finite numbers", found: "\(wrong)",
        remedy: "Write the file again.")
    }
    return tensor
  }

  /// As `floats`; nil where there is none of the name.
  mutating func optionalFloats(_ name: String, _ shape: Shape) throws -> Tensor? {
    file.entries[name] == nil ? nil : try floats(name, shape)
  }

  /// Bytes of a shape.
  mutating func bytes(_ name: String, _ shape: Shape) throws -> [UInt8] {
    used.insert(name)
    return try file.bytes(named: name, shape: shape).scalars
  }

  /// A weight in floats, as it is or by a bit map.
  mutating func weight(_ name: String, _ shape: Shape) throws -> Tensor {
    guard let map = try bitMap(name, shape) else { return try floats(name, shape) }
    let values = try floats(name + ".values", [map.count]).scalars
    return Tensor(shape: shape, scalars: Self.spread(values, map, count: shape.count, zero: 0))
  }

  /// A weight in 8 bits with its steps, as it is or by a bit map.
  mutating func quantizedWeight(_ name: String, _ shape: Shape) throws -> QuantizedWeights {
    let steps = try floats(name + ".scale", [shape[0]], isPositive: true).scalars
    guard let map = try bitMap(name, shape) else {
      return QuantizedWeights(shape: shape, values: try signedBytes(name, shape), steps: steps)
    }
    let values = try signedBytes(name + ".values", [map.count])
    return QuantizedWeights(
      shape: shape, values: Self.spread(values, map, count: shape.count, zero: 0), steps: steps)
  }

  private mutating func signedBytes(_ name: String, _ shape: Shape) throws -> [Int8] {
    used.insert(name)
    let integers = try file.integers(named: name, shape: shape)
    guard case .integers(_, as: .int8) = file.entries[name] else {
      throw InputError(
        .mismatch, "\(name) in \(file.fileName)", expected: "type I8", found: "wider integers")
    }
    if let wrong = integers.scalars.first(where: { $0 < -127 }) {
      throw InputError(
        .outOfRange, "\(name) in \(file.fileName)", expected: "-127 to 127", found: "\(wrong)")
    }
    return integers.scalars.map { Int8($0) }
  }

  /// The bit map of a weight that is stored by one.
  private mutating func bitMap(_ name: String, _ shape: Shape) throws -> BitMap? {
    let key = name + ".bitmap"
    if file.entries[key] == nil { return nil }
    let map = BitMap(bytes: try bytes(key, [BitMap.byteCount(shape.count)]))
    if (shape.count..<(8 * map.bytes.count)).contains(where: { map[$0] }) {
      throw InputError(
        .damaged, "\(key) in \(file.fileName)", expected: "zeros after bit \(shape.count)", found: "a one",
        remedy: "Write the file again.")
    }
    return map
  }

  private static func spread<Value>(_ values: [Value], _ map: BitMap, count: Int, zero: Value) -> [Value] {
    var next = 0
    return (0..<count).map { i in
      if !map[i] { return zero }
      next += 1
      return values[next - 1]
    }
  }

  /// Refuses tensors that no operation asked for.
  func checkAllUsed() throws {
    if let stranger = file.names.first(where: { !used.contains($0) }) {
      throw InputError(
        .mismatch, "tensor \"\(stranger)\" in \(file.fileName)", expected: "only tensors of its operations",
        found: "one that none of them has", remedy: "Write the file again.")
    }
  }
}
