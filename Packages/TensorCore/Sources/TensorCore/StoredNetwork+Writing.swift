import Foundation

extension StoredNetwork {
  /// The network as tensors and a description of its operations.
  ///
  /// A weight with many zeros is stored as a bit map and the values that are not 0, wherever that is shorter.
  ///
  /// - Parameter metadata: text to store beside it.
  /// - Throws: `InputError.mismatch` for metadata under the name that the description has.
  public func file(metadata: [String: String] = [:]) throws -> SafeTensors {
    guard metadata[StoredDescription.key] == nil else {
      throw InputError(
        .mismatch, "metadata of a network", expected: "other names than \(StoredDescription.key)",
        found: StoredDescription.key)
    }
    var file = SafeTensors(metadata: metadata)
    var operations: [StoredOperation] = []
    for (place, node) in graph.nodes.enumerated().dropFirst() {
      operations.append(store(node, at: place, in: &file))
    }
    var description = StoredDescription(
      version: StoredDescription.currentVersion,
      arithmetic: (isQuantized ? StoredDescription.Arithmetic.int8 : .float32).rawValue,
      sample: graph.nodes[0].shape.dimensions, operations: operations)
    if let quantization {
      let places = quantization.formats.keys.sorted()
      let formats = places.map { quantization.formats[$0]! }
      description.activations = places
      file.entries["activations.scale"] = .tensor(Tensor(formats.map(\.scale)))
      file.entries["activations.zero"] = .bytes(
        ByteTensor(shape: [places.count], scalars: formats.map { UInt8($0.zero) }))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    file.metadata[StoredDescription.key] = String(
      decoding: try encoder.encode(description), as: UTF8.self)
    return file
  }

  private func store(
    _ node: ComputationGraph.Node, at place: Int, in file: inout SafeTensors
  ) -> StoredOperation {
    func made(_ kind: StoredOperation.Kind) -> StoredOperation {
      StoredOperation(kind, inputs: node.inputs)
    }
    func product(
      _ kind: StoredOperation.Kind, _ weight: Tensor, _ bias: Tensor?, _ execution: WeightExecution
    ) -> StoredOperation {
      var operation = made(kind)
      operation.name = names[place]
      operation.shape = weight.shape.dimensions
      if !isQuantized && execution != .dense { operation.execution = execution.rawValue }
      store(weight, named: names[place] + ".weight", at: place, in: &file)
      if let bias { file.entries[names[place] + ".bias"] = .tensor(bias) }
      return operation
    }
    func pool(_ kind: StoredOperation.Kind, _ window: PoolingWindow) -> StoredOperation {
      var operation = made(kind)
      operation.size = window.size.stored
      operation.stride = window.stride.stored
      operation.padding = window.padding.stored
      return operation
    }
    switch node.operation {
    case .convolution(let weight, let bias, let settings, let execution):
      var operation = product(.convolution, weight, bias, execution)
      operation.stride = settings.stride.stored
      operation.padding = settings.padding.stored
      operation.dilation = settings.dilation.stored
      operation.groups = settings.groups
      return operation
    case .linear(let weight, let bias, let execution): return product(.linear, weight, bias, execution)
    case .affine(let scale, let shift):
      var operation = made(.affine)
      operation.name = names[place]
      file.entries[names[place] + ".scale"] = .tensor(scale)
      file.entries[names[place] + ".shift"] = .tensor(shift)
      return operation
    case .relu: return made(.relu)
    case .maxPool(let window): return pool(.maxPool, window)
    case .averagePool(let window, let counts):
      var operation = pool(.averagePool, window)
      operation.countsPadding = counts
      return operation
    case .adaptiveAveragePool(let size):
      var operation = made(.adaptiveAveragePool)
      operation.size = size.stored
      return operation
    case .reshape:
      var operation = made(.reshape)
      operation.shape = node.shape.dimensions
      return operation
    case .sum: return made(.sum)
    case .input, .custom: preconditionFailure("StoredNetwork: operation \(place) has no form in a file")
    }
  }

  private func store(_ weight: Tensor, named name: String, at place: Int, in file: inout SafeTensors) {
    if let quantized = quantization?.weights[place] {
      file.entries[name + ".scale"] = .tensor(Tensor(quantized.steps))
      let values = quantized.values
      let map = BitMap(count: values.count) { values[$0] != 0 }
      func integers(_ values: [Int8], _ shape: Shape) -> SafeTensors.Entry {
        .integers(IntTensor(shape: shape, scalars: values.map(Int32.init)), as: .int8)
      }
      if map.bytes.count + map.count < values.count {
        file.entries[name + ".values"] = integers(values.filter { $0 != 0 }, [map.count])
        file.entries[name + ".bitmap"] = .bytes(ByteTensor(shape: [map.bytes.count], scalars: map.bytes))
      } else {
        file.entries[name] = integers(values, quantized.shape)
      }
      return
    }
    let values = weight.scalars
    let map = BitMap(count: values.count) { values[$0] != 0 }
    if map.bytes.count + 4 * map.count < 4 * values.count {
      file.entries[name + ".values"] = .tensor(Tensor(values.filter { $0 != 0 }))
      file.entries[name + ".bitmap"] = .bytes(ByteTensor(shape: [map.bytes.count], scalars: map.bytes))
    } else {
      file.entries[name] = .tensor(weight)
    }
  }
}
