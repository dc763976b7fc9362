import Foundation

extension StoredNetwork {
  /// Reads a network that `file` made, and believes nothing: every size, name and number is checked before it is used.
  ///
  /// - Throws: `InputError` naming the operation or tensor: `.missing` for a file without a network or without a tensor;
  ///   `.unsupported` for another version, an unknown operation or a way in which it cannot be computed; `.damaged` and
  ///   `.mismatch` for a description or tensors that contradict themselves; `.outOfRange` for numbers that are not finite
  ///   and for sizes beyond all measure.
  public init(_ file: SafeTensors) throws {
    var reader = try StoredNetworkReader(file)
    self = try reader.network()
  }

  /// The text of a file that was stored beside its network.
  public static func metadata(besides file: SafeTensors) -> [String: String] {
    file.metadata.filter { $0.key != StoredDescription.key }
  }
}

/// Builds a graph from a description and tensors, operation by operation.
struct StoredNetworkReader {
  private let file: SafeTensors
  private let description: StoredDescription
  private let isQuantized: Bool
  private var tensors: StoredTensors
  private var graph: ComputationGraph
  private var names = [""]
  private var weights: [Int: QuantizedWeights] = [:]
  /// The operation that is being read, for messages.
  private var subject = ""

  /// More numbers than one result of one sample may have.
  private static let sizeLimit = 1 << 26
  /// More than any stride, padding or window is.
  private static let lengthLimit = 1 << 16

  init(_ file: SafeTensors) throws {
    self.file = file
    tensors = StoredTensors(file)
    let key = StoredDescription.key
    guard let text = file.metadata[key] else {
      throw InputError(
        .missing, "\(key) in the metadata of \(file.fileName)", expected: "a network's description",
        found: "none",
        remedy: "A file of weights alone is loaded into the model that it belongs to (Layer.loadWeights).")
    }
    struct Version: Decodable { var version: Int }
    func decoded<T: Decodable>(_: T.Type) throws -> T {
      do { return try JSONDecoder().decode(T.self, from: Data(text.utf8)) } catch {
        throw InputError(
          .damaged, "\(key) in the metadata of \(file.fileName)",
          expected: "the JSON text that describes a network", found: Self.reason(error),
          remedy: "Write the file again.")
      }
    }
    let version = try decoded(Version.self).version
    guard version == StoredDescription.currentVersion else {
      throw InputError(
        .unsupported, "\(key) in the metadata of \(file.fileName)",
        expected: "version \(StoredDescription.currentVersion)", found: "version \(version)",
        remedy: "Write the file again with the version of this library that reads it.")
    }
    description = try decoded(StoredDescription.self)
    guard let arithmetic = StoredDescription.Arithmetic(rawValue: description.arithmetic) else {
      throw InputError(
        .unsupported, "arithmetic in \(file.fileName)",
        expected: StoredDescription.Arithmetic.allCases.map(\.rawValue).joined(separator: " or "),
        found: description.arithmetic)
    }
    isQuantized = arithmetic == .int8
    guard let sample = Shape(untrusted: description.sample), sample.count > 0, sample.count < Self.sizeLimit,
      (1...3).contains(sample.rank)
    else {
      throw InputError(
        .outOfRange, "sample in \(file.fileName)",
        expected: "one to three axes and fewer than \(Self.sizeLimit) numbers",
        found: "\(description.sample)")
    }
    graph = ComputationGraph(input: sample)
  }

  private static func reason(_ error: any Error) -> String {
    switch error as? DecodingError {
    case .keyNotFound(let key, _): "no \(key.stringValue)"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      (context.codingPath.map(\.stringValue) + [context.debugDescription]).joined(separator: ": ")
    default: "\(error)"
    }
  }

  mutating func network() throws -> StoredNetwork {
    var isRead = [Bool](repeating: false, count: description.operations.count + 1)
    for (number, operation) in description.operations.enumerated() {
      subject = "operation \(number + 1) (\(operation.name ?? operation.kind)) in \(file.fileName)"
      guard let kind = StoredOperation.Kind(rawValue: operation.kind) else {
        throw InputError(
          .unsupported, subject,
          expected: StoredOperation.Kind.allCases.map(\.rawValue).joined(separator: ", "),
          found: operation.kind)
      }
      guard operation.inputs.count == (kind == .sum ? 2 : 1),
        operation.inputs.allSatisfy({ (0...number).contains($0) })
      else {
        throw damaged(
          "\(kind == .sum ? "two operands" : "one operand") from 0 to \(number)", "\(operation.inputs)")
      }
      for input in operation.inputs { isRead[input] = true }
      try add(kind, operation)
      names.append(operation.name ?? "")
      let shape = graph.nodes.last!.shape
      if shape.count == 0 || shape.count >= Self.sizeLimit { throw tooLarge("\(shape)") }
    }
    subject = "the operations in \(file.fileName)"
    guard isRead.dropLast().allSatisfy(\.self), !description.operations.isEmpty else {
      throw damaged("each read by another one, but for the last", "one that is not")
    }
    let quantization = isQuantized ? try self.quantization() : nil
    try tensors.checkAllUsed()
    return StoredNetwork(
      graph: graph, output: ComputationGraph.Value(index: graph.nodes.count - 1), names: names,
      quantization: quantization)
  }

  private mutating func quantization() throws -> StoredNetwork.Quantization {
    let places = description.activations ?? []
    subject = "activations in \(file.fileName)"
    guard Set(places).count == places.count, places.allSatisfy(graph.nodes.indices.contains) else {
      throw damaged("different places of operations", "\(places)")
    }
    let scales = try tensors.floats("activations.scale", [places.count], isPositive: true).scalars
    let zeros = try tensors.bytes("activations.zero", [places.count])
    let formats = zip(scales, zeros).map { ByteFormat(scale: $0, zero: Int($1)) }
    let folded = graph.folded(output: ComputationGraph.Value(index: graph.nodes.count - 1))
    guard folded.origins.count == graph.nodes.count else {
      throw damaged("affine maps folded into the convolutions before them", "one that is not")
    }
    return StoredNetwork.Quantization(
      weights: weights, formats: Dictionary(uniqueKeysWithValues: zip(places, formats)))
  }

  private mutating func add(_ kind: StoredOperation.Kind, _ operation: StoredOperation) throws {
    let x = ComputationGraph.Value(index: operation.inputs[0])
    let image = graph.shape(of: x)
    func needImage() throws {
      if image.rank != 3 { throw damaged("an operand [channels, height, width]", "\(image)") }
    }
    switch kind {
    case .convolution:
      try needImage()
      try addConvolution(operation, x, image)
    case .linear:
      let (name, shape) = (try self.name(operation), try weightShape(operation, rank: 2))
      guard image == [shape[1]] else { throw damaged("an operand [\(shape[1])]", "\(image)") }
      let weight = try weight(name, shape)
      let bias = try tensors.optionalFloats(name + ".bias", [shape[0]])
      let y = graph.linear(x, weight: weight, bias: bias, execution: try execution(operation))
      try checkExecution(y)
    case .affine:
      let name = try name(operation)
      _ = graph.affine(
        x, scale: try tensors.floats(name + ".scale", [image[0]]),
        shift: try tensors.floats(name + ".shift", [image[0]]))
    case .relu: _ = graph.relu(x)
    case .maxPool:
      try needImage()
      _ = graph.maxPool(x, try window(operation, image))
    case .averagePool:
      try needImage()
      guard let counts = operation.countsPadding else { throw damaged("countsPadding", "none") }
      _ = graph.averagePool(x, try window(operation, image), countsPadding: counts)
    case .adaptiveAveragePool:
      try needImage()
      let size = try extent(operation.size, "size", from: 1)
      if image[0] * size.height * size.width >= Self.sizeLimit { throw tooLarge("size \(size)") }
      _ = graph.adaptiveAveragePool(x, to: size)
    case .reshape:
      guard let shape = operation.shape.flatMap(Shape.init(untrusted:)), shape.count == image.count,
        shape.rank > 0
      else { throw damaged("a shape of \(image.count) numbers", "\(operation.shape ?? [])") }
      _ = graph.reshape(x, to: shape)
    case .sum:
      let other = ComputationGraph.Value(index: operation.inputs[1])
      guard graph.shape(of: other) == image else {
        throw damaged("operands of one shape", "\(image) and \(graph.shape(of: other))")
      }
      _ = graph.sum(x, other)
    }
  }

  private mutating func addConvolution(
    _ operation: StoredOperation, _ x: ComputationGraph.Value, _ image: Shape
  ) throws {
    let (name, shape) = (try self.name(operation), try weightShape(operation, rank: 4))
    let settings = ConvolutionSettings(
      stride: try extent(operation.stride, "stride", from: 1),
      padding: try extent(operation.padding, "padding", from: 0),
      dilation: try extent(operation.dilation, "dilation", from: 1),
      groups: try length(operation.groups, "groups", from: 1))
    guard image[0] == shape[1] * settings.groups && shape[0] % settings.groups == 0 else {
      throw damaged("channels that fit a weight \(shape) in \(settings.groups) groups", "\(image[0])")
    }
    let padded = Extent(
      height: image[1] + 2 * settings.padding.height, width: image[2] + 2 * settings.padding.width)
    if image[0] * padded.height * padded.width >= Self.sizeLimit {
      throw tooLarge("padding \(settings.padding)")
    }
    let reach = Extent(
      height: settings.dilation.height * (shape[2] - 1) + 1,
      width: settings.dilation.width * (shape[3] - 1) + 1)
    guard reach.height <= padded.height && reach.width <= padded.width else {
      throw damaged("a padded image of at least \(reach)", "\(padded)")
    }
    let weight = try weight(name, shape)
    let bias = try tensors.optionalFloats(name + ".bias", [shape[0]])
    let y = graph.convolution(
      x, weight: weight, bias: bias, settings: settings, execution: try execution(operation))
    try checkExecution(y)
  }

  private mutating func weight(_ name: String, _ shape: Shape) throws -> Tensor {
    if !isQuantized { return try tensors.weight(name + ".weight", shape) }
    let quantized = try tensors.quantizedWeight(name + ".weight", shape)
    weights[graph.nodes.count] = quantized
    return quantized.tensor
  }

  private func weightShape(_ operation: StoredOperation, rank: Int) throws -> Shape {
    guard let shape = operation.shape.flatMap(Shape.init(untrusted:)), shape.rank == rank, shape.count > 0,
      shape.dimensions.allSatisfy({ $0 < Self.sizeLimit }), shape.count < 1 << 40
    else { throw damaged("a weight's shape of rank \(rank)", "\(operation.shape ?? [])") }
    return shape
  }

  private func window(_ operation: StoredOperation, _ image: Shape) throws -> PoolingWindow {
    let size = try extent(operation.size, "size", from: 1)
    let stride = try extent(operation.stride, "stride", from: 1)
    let padding = try extent(operation.padding, "padding", from: 0)
    guard 2 * padding.height <= size.height && 2 * padding.width <= size.width,
      image[1] + 2 * padding.height >= size.height && image[2] + 2 * padding.width >= size.width
    else {
      throw damaged(
        "a window inside an image \(image[1])×\(image[2]) and at most half of it in the padding",
        "size \(size), padding \(padding)")
    }
    return PoolingWindow(size, stride: stride, padding: padding)
  }

  private func name(_ operation: StoredOperation) throws -> String {
    guard let name = operation.name else { throw damaged("a name", "none") }
    return name
  }

  private func execution(_ operation: StoredOperation) throws -> WeightExecution {
    guard let name = operation.execution else { return .dense }
    guard let execution = WeightExecution(rawValue: name) else { throw unsupported(name) }
    return execution
  }

  private func checkExecution(_ y: ComputationGraph.Value) throws {
    let execution = graph.nodes[y.index].operation.execution ?? .dense
    if !graph.canExecute(execution, at: y.index) { throw unsupported(execution.rawValue) }
  }

  private func unsupported(_ execution: String) -> InputError {
    InputError(
      .unsupported, "execution of \(subject)",
      expected: "one of \(WeightExecution.allCases.map(\.rawValue).joined(separator: ", ")) that suits it",
      found: execution)
  }

  private func length(_ value: Int?, _ name: String, from least: Int) throws -> Int {
    guard let value, value >= least, value <= Self.lengthLimit else {
      throw InputError(
        .outOfRange, "\(name) of \(subject)", expected: "\(least) to \(Self.lengthLimit)",
        found: value.map { "\($0)" } ?? "none")
    }
    return value
  }

  private func extent(_ values: [Int]?, _ name: String, from least: Int) throws -> Extent {
    guard let values, values.count == 2 else {
      throw damaged("\(name) along both axes", "\(values ?? [])")
    }
    return Extent(
      height: try length(values[0], name, from: least), width: try length(values[1], name, from: least))
  }

  private func damaged(_ expected: String, _ found: String) -> InputError {
    InputError(.damaged, subject, expected: expected, found: found, remedy: "Write the file again.")
  }

  private func tooLarge(_ found: String) -> InputError {
    InputError(
      .outOfRange, subject, expected: "results of 1 to \(Self.sizeLimit) numbers a sample", found: found)
  }
}
