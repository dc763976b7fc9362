import Foundation
import Testing

@testable import TensorCore

/// Networks in files: by hand where small, bit for bit where large, and every way in which a file can be wrong.
@Suite struct StoredNetworkTests {
  private typealias Value = ComputationGraph.Value

  private static func uniform(_ shape: Shape, _ label: String) -> Tensor {
    PlainReference.uniform(shape, label)
  }

  /// Every operation that a file holds, and every form of a weight.
  private static func network(_ g: inout ComputationGraph) -> Value {
    func conv(_ x: Value, _ outputs: Int, _ label: String, _ settings: ConvolutionSettings, zeros: Bool)
      -> Value
    {
      let weight = uniform([outputs, g.shape(of: x)[0] / settings.groups, 3, 3], label)
      return g.convolution(
        x, weight: zeros ? weight * (uniform(weight.shape, label + "mask") - 0.6).relu() : weight,
        bias: uniform([outputs], label), settings: settings, execution: zeros ? .sparse : .direct)
    }
    let x = g.affine(g.input, scale: Tensor([2, 3]), shift: Tensor([-1, 1]))
    let a = conv(x, 6, "a", ConvolutionSettings(padding: 1), zeros: false)
    let normalized = g.relu(g.affine(a, scale: uniform([6], "s"), shift: uniform([6], "t")))
    let b = conv(
      normalized, 6, "b",
      ConvolutionSettings(
        padding: Extent(height: 2, width: 1), dilation: Extent(height: 2, width: 1), groups: 3), zeros: true)
    let sum = g.affine(g.relu(g.sum(b, normalized)), scale: uniform([6], "u"), shift: uniform([6], "v"))
    let pooled = g.maxPool(sum, PoolingWindow(3, stride: Extent(height: 2, width: 1), padding: 1))
    let means = g.averagePool(pooled, PoolingWindow(2, stride: 1, padding: 1), countsPadding: false)
    let small = g.adaptiveAveragePool(means, to: Extent(height: 3, width: 2))
    let hidden = g.relu(
      g.linear(g.flatten(small), weight: uniform([5, 36], "l"), bias: uniform([5], "m")))
    return g.linear(hidden, weight: uniform([3, 5], "n"), bias: nil)
  }

  private static let x = uniform([5, 2, 9, 8], "x")

  private static func reread(_ network: StoredNetwork) throws -> StoredNetwork {
    try StoredNetwork(SafeTensors(data: network.file(metadata: ["note": "n"]).data(), name: "network"))
  }

  @Test func sameBits() throws {
    var graph = ComputationGraph(input: [2, 9, 8])
    let y = Self.network(&graph)
    _ = graph.linear(y, weight: Self.uniform([2, 3], "unused"), bias: nil)
    let network = try Self.reread(StoredNetwork(graph, output: y))
    #expect(!network.isQuantized)
    let (saved, loaded) = (
      CompiledGraph(graph, outputs: [y]), CompiledGraph(network.graph, outputs: [network.output])
    )
    #expect(loaded.run(Self.x) == saved.run(Self.x))
    let gradients = [saved, loaded].map { $0.outputAndInputGradient(at: Self.x) { y, _ in y }.gradient }
    #expect(gradients[0] == gradients[1] && gradients[0].sumOfSquares() > 0)
    // and once more: nothing is lost on the way
    #expect(try network.file() == Self.reread(network).file())
  }

  // Weights that are stored whole and by a bit map; the loaded bytes are the saved ones.
  @Test func sameBytes() throws {
    var graph = ComputationGraph(input: [2, 9, 8])
    func conv(_ x: Value, _ label: String, zeros: Bool) -> Value {
      let weight = Self.uniform([6, graph.shape(of: x)[0], 3, 3], label)
      return graph.convolution(
        x, weight: zeros ? weight * (Self.uniform(weight.shape, "mask") - 0.6).relu() : weight, bias: nil,
        settings: ConvolutionSettings(padding: 1))
    }
    let a = graph.relu(
      graph.affine(
        conv(graph.input, "a", zeros: false), scale: Self.uniform([6], "s"), shift: Self.uniform([6], "t")))
    let b = graph.maxPool(graph.relu(graph.sum(conv(a, "b", zeros: true), a)), PoolingWindow(2))
    let y = graph.linear(graph.flatten(b), weight: Self.uniform([3, 96], "l"), bias: Self.uniform([3], "m"))
    let network = try StoredNetwork(graph, output: y, names: [], calibration: Self.x)
    let file = try network.file()
    #expect(file.names.count { $0.hasSuffix("bitmap") } == 1)
    let loaded = try Self.reread(network)
    let expected = try QuantizedGraph(graph, output: y, calibration: Self.x).run(Self.x)
    #expect(try QuantizedGraph(loaded).run(Self.x) == expected)
    #expect(try loaded.file() == file)
    // What the bytes stand for is within half a step of the folded weight.
    let (floats, rounded) = (graph.folded(output: y).graph, network.graph)
    for (place, weights) in network.quantization!.weights {
      let difference = floats.nodes[place].operation.weight! - rounded.nodes[place].operation.weight!
      #expect(difference.absolute().max() <= weights.steps.max()! * 0.5001 && difference.absolute().max() > 0)
    }
  }

  /// One sparse and one whole product, in floats and in bytes, as `Docs/DeployedNetworks.md` has them.
  private static let description = #"""
    {"version":1,"arithmetic":"float32","sample":[10],"operations":[
      {"kind":"linear","inputs":[0],"name":"first","shape":[2,10],"execution":"sparse"},
      {"kind":"relu","inputs":[1]},
      {"kind":"linear","inputs":[2],"name":"second","shape":[1,2]}]}
    """#
  private static func byHand(_ change: (inout SafeTensors) -> Void = { _ in }) -> SafeTensors {
    // weight 2 at [0, 0], 3 at [0, 9], -1 at [1, 2]: numbers 0, 9 and 12
    var file = SafeTensors(
      entries: [
        "first.weight.bitmap": .bytes(ByteTensor(shape: [3], scalars: [0b1, 0b0001_0010, 0])),
        "first.weight.values": .tensor(Tensor([2, 3, -1])), "first.bias": .tensor(Tensor([0, 5])),
        "second.weight": .tensor(Tensor([[10, 1]])),
      ], metadata: ["rampart.network": description])
    change(&file)
    return file
  }

  // 10 (2 x₀ + 3 x₉) + (5 − x₂): a reader that takes bits or rows in another order gives something else.
  @Test func layoutByHand() throws {
    let network = try StoredNetwork(Self.byHand())
    let x = Tensor([[1, 0, 3, 0, 0, 0, 0, 0, 0, 4], [-9, 0, 9, 0, 0, 0, 0, 0, 0, 0]])
    #expect(
      CompiledGraph(network.graph, outputs: [network.output]).run(x)[0] == Tensor([[142], [0]]))
    #expect(try network.file().entries == Self.byHand().entries)
  }

  // Names are the layers'; a layer without a name or met twice is told apart by the operation's place.
  @Test func names() throws {
    var graph = ComputationGraph(input: [2])
    let weight = Tensor([[1, 2], [3, 4]])
    var y = graph.input
    for _ in 0..<3 { y = graph.linear(y, weight: weight, bias: nil) }
    let file = try StoredNetwork(graph, output: y, names: ["", "fc", "fc", ""]).file()
    #expect(file.names == ["fc.operation.2.weight", "fc.weight", "operation.3.weight"])
  }

  @Test func closuresCannotBeStored() throws {
    var graph = ComputationGraph(input: [2])
    let y = graph.custom(
      graph.input, shape: [2], ComputationGraph.Custom(forward: { $0 }, gradient: { _, dy in dy }))
    let error = try inputError { _ = try StoredNetwork(graph, output: y, names: ["", "strange"]) }
    #expect(error.kind == .unsupported && error.subject == "layer \"strange\"" && !error.remedy.isEmpty)
    #expect(
      try inputError { _ = try StoredNetwork(graph, output: y).file() }.subject == "layer \"operation 1\"")
    let plain = ComputationGraph(input: [2])
    let reserved = try inputError {
      _ = try StoredNetwork(plain, output: plain.input).file(metadata: ["rampart.network": ""])
    }
    #expect(reserved.kind == .mismatch)
  }

  /// The error of the file by hand after one change of its description.
  private static func failure(_ old: String, _ new: String) throws -> InputError {
    #expect(description.contains(old), "\(old)")
    return try inputError {
      _ = try StoredNetwork(
        byHand { $0.metadata["rampart.network"] = description.replacingOccurrences(of: old, with: new) })
    }
  }

  @Test(arguments: [
    (#""version":1"#, #""version":2"#, InputError.Kind.unsupported, "version 2"),
    (#""version":1"#, #""edition":1"#, .damaged, "no version"),
    (#"float32"#, "float16", .unsupported, "float16"),
    ("[10]", "[0]", .outOfRange, "[0]"), ("[10]", "[9]", .damaged, "[9]"),
    ("[10]", "[99999999999]", .outOfRange, "[99999999999]"),
    (#""relu""#, #""gelu""#, .unsupported, "gelu"),
    (#""relu","inputs":[1]"#, #""relu","inputs":[2]"#, .damaged, "[2]"),
    (#""relu","inputs":[1]"#, #""relu","inputs":[-1]"#, .damaged, "[-1]"),
    (#""relu","inputs":[1]"#, #""relu","inputs":[1, 1]"#, .damaged, "[1, 1]"),
    (#""relu","inputs":[1]"#, #""sum","inputs":[0, 1]"#, .damaged, "[10]"),
    (#""relu","inputs":[1]"#, #""relu","inputs":"1""#, .damaged, "inputs"),
    (#""inputs":[2]"#, #""inputs":[1]"#, .damaged, "one that is not"),
    ("[2,10]", "[2,11]", .damaged, "[10]"), ("[2,10]", "[2,5,2]", .damaged, "[2, 5, 2]"),
    ("[2,10]", "[3,10]", .mismatch, "3"),
    (#""name":"first","#, "", .damaged, "none"), ("first", "third", .missing, "first"),
    ("sparse", "winograd", .unsupported, "winograd"), ("sparse", "quick", .unsupported, "quick"),
    (
      #""relu","inputs":[1]"#, #""maxPool","inputs":[1],"size":[1,1],"stride":[1,1],"padding":[0,0]"#,
      .damaged, "[2]"
    ),
    (#""relu","inputs":[1]"#, #""reshape","inputs":[1],"shape":[3]"#, .damaged, "[3]"),
    ("]}]}", "]}", .damaged, "JSON"),
  ]) func brokenDescriptions(old: String, new: String, kind: InputError.Kind, found: String) throws {
    let error = try Self.failure(old, new)
    #expect(error.kind == kind && error.found.contains(found), "\(error)")
    #expect(!error.subject.isEmpty && !error.expected.isEmpty)
  }

  @Test func brokenTensors() throws {
    func failure(_ name: String, _ entry: SafeTensors.Entry?) throws -> InputError {
      try inputError { _ = try StoredNetwork(Self.byHand { $0.entries[name] = entry }) }
    }
    let map = "first.weight.bitmap", values = "first.weight.values"
    // four bits for three values; a bit behind the last number; a map of another length, or of another type
    #expect(
      try failure(map, .bytes(ByteTensor(shape: [3], scalars: [0b11, 0b0001_0010, 0]))).kind == .mismatch)
    #expect(
      try failure(map, .bytes(ByteTensor(shape: [3], scalars: [0b1, 0b10, 0b1_0000]))).kind == .damaged)
    #expect(try failure(map, .bytes(ByteTensor(shape: [2], scalars: [0b1, 0b0001_0010]))).kind == .mismatch)
    #expect(try failure(map, .tensor(Tensor([1, 2, 3]))).kind == .mismatch)
    #expect(try failure(map, nil).kind == .missing && failure(values, nil).kind == .missing)
    let infinite = try failure(values, .tensor(Tensor([2, .infinity, -1])))
    #expect(infinite.kind == .outOfRange && infinite.subject.hasPrefix(values) && infinite.found == "inf")
    #expect(try failure("second.weight", .tensor(Tensor([10, 1]))).kind == .mismatch)
    #expect(
      try failure("second.weight", .integers(IntTensor(shape: [1, 2], scalars: [1, 2]), as: .int8)).kind
        == .mismatch)
    let stranger = try failure("third.weight", .tensor(Tensor([1])))
    #expect(stranger.kind == .mismatch && stranger.subject.contains("third.weight"))
    let plain = try inputError { _ = try StoredNetwork(Self.byHand { $0.metadata = [:] }) }
    #expect(plain.kind == .missing && plain.remedy.contains("loadWeights"))
  }

  /// A small network in bytes.
  private static let quantized = Result {
    var graph = ComputationGraph(input: [2, 4, 4])
    let y = graph.relu(
      graph.convolution(
        graph.input, weight: uniform([4, 2, 3, 3], "q"), bias: uniform([4], "b"),
        settings: ConvolutionSettings(padding: 1)))
    let z = graph.linear(graph.flatten(y), weight: uniform([3, 64], "r"), bias: nil)
    return try StoredNetwork(
      graph, output: z, names: ["", "conv", "", "", "fc"], calibration: uniform([4, 2, 4, 4], "c")
    ).file()
  }

  @Test func brokenBytes() throws {
    let file = try Self.quantized.get()
    func failure(_ change: (inout SafeTensors) -> Void) throws -> InputError {
      var other = file
      change(&other)
      return try inputError { _ = try QuantizedGraph(StoredNetwork(other)) }
    }
    func text(_ old: String, _ new: String) throws -> InputError.Kind {
      #expect(file.metadata["rampart.network"]!.contains(old), "\(old)")
      return try failure {
        $0.metadata["rampart.network"] = $0.metadata["rampart.network"]!.replacingOccurrences(
          of: old, with: new)
      }.kind
    }
    #expect(file.names.contains("conv.weight.scale") && file.names.contains("activations.zero"))
    let scale = try file.tensor(named: "activations.scale")
    #expect(scale.count == 2)
    for wrong in [Float.nan, .infinity, 0, -1] {
      let scales = Tensor([wrong] + scale.scalars.dropFirst())
      #expect(try failure { $0.entries["activations.scale"] = .tensor(scales) }.kind == .outOfRange)
      let steps = Tensor([Float](repeating: wrong, count: 4))
      #expect(try failure { $0.entries["conv.weight.scale"] = .tensor(steps) }.kind == .outOfRange)
    }
    let values = [Int32](repeating: -128, count: 72)
    for type in [IntegerType.int8, .int32] {
      let entry = SafeTensors.Entry.integers(IntTensor(shape: [4, 2, 3, 3], scalars: values), as: type)
      #expect(
        try failure { $0.entries["conv.weight"] = entry }.kind == (type == .int8 ? .outOfRange : .mismatch))
    }
    #expect(
      try failure { $0.entries["conv.weight"] = .tensor(.ones(shape: [4, 2, 3, 3])) }.kind == .mismatch)
    #expect(try text(#""activations":[0,2]"#, #""activations":[0,1]"#) == .mismatch)
    #expect(try text(#""activations":[0,2]"#, #""activations":[0,0]"#) == .damaged)
    #expect(try text(#""activations":[0,2]"#, #""activations":[0,9]"#) == .damaged)
    #expect(try text("int8", "float32") == .mismatch)
  }

  // Every description with one byte changed is read or refused, never a crash or a file of any size in memory.
  @Test func damagedDescriptions() throws {
    var graph = ComputationGraph(input: [2, 9, 8])
    let y = Self.network(&graph)
    for file in [try StoredNetwork(graph, output: y).file(), try Self.quantized.get()] {
      let text = Data(file.metadata["rampart.network"]!.utf8)
      for damaged in Damage.flips(of: text, count: 400) {
        var other = file
        other.metadata["rampart.network"] = String(decoding: damaged, as: UTF8.self)
        do {
          let network = try StoredNetwork(other)
          if network.isQuantized { _ = try QuantizedGraph(network) }
        } catch { #expect(error is InputError) }
      }
    }
  }
}
