/// A network as a file holds it: operations and weights, without the types that trained it.
///
///     try StoredNetwork(graph, output: y).file().write(to: url)
///     let network = try StoredNetwork(SafeTensors(contentsOf: url))
///     let plan = CompiledGraph(network.graph, outputs: [network.output])
///
/// Affine maps are folded into convolutions as plans fold them, so what is loaded computes the same bits as what was saved.
/// `Docs/DeployedNetworks.md` describes the file.
public struct StoredNetwork: Sendable {
  /// What 8 bits need beside the operations.
  struct Quantization: Sendable {
    /// The weights of all products, by the operations' places.
    var weights: [Int: QuantizedWeights]
    /// What the bytes of results stand for, by the operations' places.
    var formats: [Int: ByteFormat]

    /// The formats of the results that are kept as bytes.
    func formats(for places: [Int]) throws -> [Int: ByteFormat] {
      guard Set(places) == Set(formats.keys) else {
        throw InputError(
          .mismatch, "the formats of activations", expected: "those of operations \(places.sorted())",
          found: "those of \(formats.keys.sorted())")
      }
      return formats
    }
  }

  /// The operations; of a network in 8 bits with the weights that the bytes stand for.
  public let graph: ComputationGraph
  /// What the network returns.
  public let output: ComputationGraph.Value
  /// For each operation the name that its tensors begin with.
  public let names: [String]
  let quantization: Quantization?

  /// Whether it computes with bytes.
  public var isQuantized: Bool { quantization != nil }

  init(
    graph: ComputationGraph, output: ComputationGraph.Value, names: [String], quantization: Quantization?
  ) {
    (self.graph, self.output, self.names, self.quantization) = (graph, output, names, quantization)
  }

  /// A network in floats.
  ///
  /// - Parameter names: for each operation of the graph the layer that it belongs to; what is not named is numbered.
  /// - Throws: `InputError.unsupported` naming the layer for an operation that is only known as a closure.
  public init(_ graph: ComputationGraph, output: ComputationGraph.Value, names: [String] = []) throws {
    let (folded, end, origins) = graph.folded(output: output)
    for (node, origin) in zip(folded.nodes, origins) {
      guard case .custom = node.operation else { continue }
      throw InputError(
        .unsupported, "layer \"\(origin < names.count ? names[origin] : "operation \(origin)")\"",
        expected: "operations that a file can hold", found: "one that is called as it is",
        remedy: "Give the layer a plan method that adds known operations.")
    }
    self.init(
      graph: folded, output: end,
      names: Self.distinctNames(origins.map { $0 < names.count ? names[$0] : "" }, folded), quantization: nil)
  }

  /// A network in 8 bits; see `QuantizedGraph`.
  ///
  /// - Parameters:
  ///   - names: for each operation of the graph the layer that it belongs to; what is not named is numbered.
  ///   - calibration: samples like those to come, `[n, …]`; a few dozen are enough.
  ///   - rule: how each activation's range follows from the calibration.
  /// - Throws: as the other initializer, and what `QuantizedGraph` throws.
  public init(
    _ graph: ComputationGraph, output: ComputationGraph.Value, names: [String] = [], calibration: Tensor,
    rule: QuantizationRule = .minMax
  ) throws {
    precondition(
      calibration.rank > 0 && calibration.shape[0] > 0, "StoredNetwork: no samples to calibrate with")
    let floats = try StoredNetwork(graph, output: output, names: names)
    let builder = try QuantizationBuilder(floats.graph, output: floats.output) { places in
      try QuantizationBuilder.formats(of: places, in: floats.graph, calibration: calibration, rule: rule)
    }
    var weights: [Int: QuantizedWeights] = [:]
    var rounded = floats.graph
    for (place, node) in floats.graph.nodes.enumerated() {
      guard let weight = node.operation.weight else { continue }
      weights[place] = QuantizedWeights(quantizing: weight)
      rounded.nodes[place].operation = node.operation.replacing(weight: weights[place]!.tensor)
    }
    self.init(
      graph: rounded, output: floats.output, names: floats.names,
      quantization: Quantization(weights: weights, formats: builder.operands.mapValues(\.format)))
  }

  /// A name for each operation: its layer's for the first with tensors there, else with its place.
  private static func distinctNames(_ layers: [String], _ graph: ComputationGraph) -> [String] {
    var taken: Set<String> = []
    return zip(layers, graph.nodes).enumerated().map { place, pair in
      let (layer, node) = pair
      guard node.operation.hasTensors else { return layer }
      let name = layer.isEmpty ? "operation.\(place)" : layer
      return taken.insert(name).inserted ? name : "\(name).operation.\(place)"
    }
  }
}

extension ComputationGraph.Operation {
  /// The weight of a convolution or product.
  var weight: Tensor? {
    switch self {
    case .convolution(let weight, _, _, _), .linear(let weight, _, _): weight
    default: nil
    }
  }

  /// How it computes its products.
  var execution: WeightExecution? {
    switch self {
    case .convolution(_, _, _, let execution), .linear(_, _, let execution): execution
    default: nil
    }
  }

  /// Whether a file has tensors for the operation.
  var hasTensors: Bool {
    if case .affine = self { return true }
    return weight != nil
  }
}
