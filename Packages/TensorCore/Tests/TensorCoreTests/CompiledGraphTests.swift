import Testing

@testable import TensorCore

/// Graphs that are small enough to be worked out by hand, or linear enough for their slopes to be differences.
@Suite struct CompiledGraphTests {
  private typealias Value = ComputationGraph.Value

  private static func uniform(_ shape: Shape, _ label: String) -> Tensor {
    PlainReference.uniform(shape, label)
  }

  // One pixel, one channel: every number by hand, and every order of sum, ReLU and scale.
  @Test func endingsByHand() {
    func answers(_ x: [Float], _ build: (inout ComputationGraph, Value) -> Value) -> (y: [Float], dx: [Float])
    {
      var graph = ComputationGraph(input: [1, 1, 1])
      let y = build(&graph, graph.input)
      let compiled = CompiledGraph(graph, outputs: [y])
      let input = Tensor(shape: [x.count, 1, 1, 1], scalars: x)
      let (output, gradient) = compiled.outputAndInputGradient(at: input) { y, _ in .ones(shape: y.shape) }
      #expect(compiled.run(input)[0] == output)
      return (output.scalars, gradient.scalars)
    }
    /// 2x − 1
    func conv(_ g: inout ComputationGraph, _ x: Value) -> Value {
      g.convolution(
        x, weight: Tensor(shape: [1, 1, 1, 1], scalars: [2]), bias: Tensor([-1]),
        settings: ConvolutionSettings()
      )
    }
    /// 10 − 3x
    func affine(_ g: inout ComputationGraph, _ x: Value) -> Value {
      g.affine(x, scale: Tensor([-3]), shift: Tensor([10]))
    }
    let x: [Float] = [-1, 2]
    #expect(answers(x) { g, x in conv(&g, x) } == ([-3, 3], [2, 2]))
    #expect(answers(x) { g, x in affine(&g, conv(&g, x)) } == ([19, 1], [-6, -6]))
    #expect(answers([0, 2]) { g, x in g.relu(affine(&g, conv(&g, x))) } == ([13, 1], [-6, -6]))
    #expect(answers([3, 2]) { g, x in g.relu(affine(&g, conv(&g, x))) } == ([0, 1], [0, -6]))
    #expect(answers(x) { g, x in affine(&g, g.relu(conv(&g, x))) } == ([10, 1], [0, -6]))
    #expect(answers(x) { g, x in g.sum(conv(&g, x), x) } == ([-4, 5], [3, 3]))
    #expect(answers(x) { g, x in g.relu(g.sum(x, conv(&g, x))) } == ([0, 5], [0, 3]))
    #expect(answers(x) { g, x in affine(&g, g.relu(g.sum(x, conv(&g, x)))) } == ([10, -5], [0, -9]))
    #expect(answers(x) { g, x in g.relu(affine(&g, g.sum(x, conv(&g, x)))) } == ([22, 0], [-9, 0]))
    #expect(answers(x) { g, x in g.sum(x, affine(&g, g.relu(conv(&g, x)))) } == ([9, 3], [1, -5]))
    #expect(answers(x) { g, x in g.relu(affine(&g, x)) } == ([13, 4], [-3, -3]))
    #expect(answers([4, 2]) { g, x in g.relu(affine(&g, x)) } == ([0, 4], [0, -3]))
    #expect(answers(x) { g, x in g.relu(g.sum(x, x)) } == ([0, 4], [0, 2]))
    #expect(answers(x) { g, x in g.relu(x) } == ([0, 2], [0, 1]))
    #expect(answers(x) { g, x in g.relu(g.relu(conv(&g, x))) } == ([0, 3], [0, 2]))
    #expect(answers(x) { g, x in g.relu(g.maxPool(x, PoolingWindow(1))) } == ([0, 2], [0, 1]))
    #expect(answers(x) { g, x in g.reshape(g.relu(g.flatten(x)), to: [1, 1, 1]) } == ([0, 2], [0, 1]))
    // one value with three readers: (2x − 1) · (2 − 3) + 10 + ReLU(2x − 1)
    #expect(
      answers(x) { g, x in
        let y = conv(&g, x)
        return g.sum(g.sum(y, g.sum(y, affine(&g, y))), g.relu(y))
      } == ([13, 10], [-2, 0]))
    // nothing at all
    #expect(answers(x) { _, x in x } == ([-1, 2], [1, 1]))
    // an operation whose result nobody wants
    #expect(
      answers(x) { g, x in
        let y = conv(&g, x)
        _ = g.relu(y)
        return affine(&g, y)
      } == ([19, 1], [-6, -6]))
  }

  /// Graphs whose ReLUs are open or closed by large biases, channel by channel, so that they are linear for pixels
  /// between −1 and 1: for a Winograd, a direct and a scattering convolution, with strides, groups and all else.
  private static let graphs: [(String, Shape, @Sendable (inout ComputationGraph, Value) -> Value)] = [
    (
      "chain", [2, 12, 12],
      { g, x in
        var y = switched(&g, x, outputs: 6, kernel: 5, settings: ConvolutionSettings())
        y = switched(&g, y, outputs: 4, kernel: 3, settings: ConvolutionSettings(stride: 2, padding: 1))
        y = switched(&g, y, outputs: 8, kernel: 3, settings: ConvolutionSettings(padding: 1, groups: 2))
        return g.linear(g.flatten(y), weight: uniform([5, 128], "linear"), bias: uniform([5], "bias"))
      }
    ),
    (
      "residual", [32, 9, 7],
      { g, x in
        let padded = ConvolutionSettings(padding: 1)
        let y = switched(&g, x, outputs: 32, kernel: 3, settings: padded)
        let z = g.convolution(
          y, weight: uniform([32, 32, 3, 3], "last") * 0.002, bias: switches(32), settings: padded)
        let sum = g.relu(g.sum(z, y))
        let short = g.convolution(
          x, weight: uniform([32, 32, 1, 1], "short") * 0.1, bias: nil, settings: ConvolutionSettings())
        return g.adaptiveAveragePool(g.sum(short, sum), to: Extent(height: 2, width: 3))
      }
    ),
    (
      "own input", [6, 9, 9],
      { g, x in
        // the convolution adds its own input, before and after an affine map
        let y = g.convolution(
          x, weight: uniform([6, 6, 3, 3], "own") * 0.015, bias: switches(6),
          settings: ConvolutionSettings(padding: 1))
        let z = g.relu(g.sum(g.affine(y, scale: uniform([6], "scale") + 2, shift: switches(6) * 2), x))
        return g.averagePool(
          g.affine(z, scale: uniform([6], "last"), shift: uniform([6], "shift")),
          PoolingWindow(3, stride: 2, padding: 1), countsPadding: false)
      }
    ),
    (
      "two readers", [3, 12, 12],
      { g, x in
        // Unpadded, so that the gradient is scattered onto what another branch has left there.
        let a = g.convolution(
          x, weight: uniform([4, 3, 5, 5], "a"), bias: nil, settings: ConvolutionSettings())
        let b = g.convolution(
          x, weight: uniform([4, 3, 5, 5], "b"), bias: nil, settings: ConvolutionSettings())
        let c = g.convolution(
          x, weight: uniform([4, 3, 3, 3], "c"), bias: nil,
          settings: ConvolutionSettings(dilation: Extent(height: 2, width: 2)))
        let twice = ComputationGraph.Custom(forward: { $0 * 2 }, gradient: { $1 * 2 })
        let sum = g.sum(g.sum(a, b), g.sum(c, g.custom(a, shape: [4, 8, 8], twice)))
        return g.averagePool(g.sum(sum, sum), PoolingWindow(2))
      }
    ),
  ]

  /// +1 and −1 in turn.
  private static func switches(_ channels: Int) -> Tensor {
    Tensor((0..<channels).map { $0 % 2 == 0 ? 1 : -1 })
  }

  /// A convolution with open and closed outputs, as what the bias does not add stays below 1.
  private static func switched(
    _ g: inout ComputationGraph, _ x: Value, outputs: Int, kernel: Int, settings: ConvolutionSettings
  ) -> Value {
    let shape: Shape = [outputs, g.shape(of: x)[0] / settings.groups, kernel, kernel]
    let weight = uniform(shape, "\(shape)") * (0.4 / Float(shape.count / outputs).squareRoot())
    return g.relu(g.convolution(x, weight: weight, bias: switches(outputs), settings: settings))
  }

  // ⟨u, f(x + v) − f(x − v)⟩ = 2 ⟨Jᵀu, v⟩ where f is linear: a gradient that is lost, added twice or left ungated.
  @Test(arguments: graphs.indices) func gradientIsTheAdjoint(index: Int) {
    let (name, sample, build) = Self.graphs[index]
    var graph = ComputationGraph(input: sample)
    let y = build(&graph, graph.input)
    let compiled = CompiledGraph(graph, outputs: [y])
    let shape = Shape([5] + sample.dimensions)
    let (x, v) = (Self.uniform(shape, "x") * 0.5, Self.uniform(shape, "v") * 0.5)
    let u = Self.uniform(Shape([5] + graph.shape(of: y).dimensions), "u")
    let (output, gradient) = compiled.outputAndInputGradient(at: x) { _, rows in u[rows: rows] }
    #expect(output.mismatch(with: compiled.run(x)[0], relativeToLargest: 1e-5) == nil, "\(name)")
    let difference = compiled.run(x + v)[0] - compiled.run(x - v)[0]
    for row in 0..<5 {
      let left = (u[row: row] * difference[row: row]).doubleSum()
      let right = 2 * (gradient[row: row] * v[row: row]).doubleSum()
      let largest = 2 * (gradient[row: row].sumOfSquares() * v[row: row].sumOfSquares()).squareRoot()
      #expect(abs(left - right) <= 2e-4 * largest, "\(name), row \(row): \(left) and \(right) of \(largest)")
    }
  }

  // Everything kept: every operation runs alone, and only the last digits may differ.
  @Test(arguments: graphs.indices) func joinedIsWhatRunsAlone(index: Int) {
    let (name, sample, build) = Self.graphs[index]
    var graph = ComputationGraph(input: sample)
    let y = build(&graph, graph.input)
    let x = Self.uniform(Shape([7] + sample.dimensions), "x")
    let u = Self.uniform(Shape([7] + graph.shape(of: y).dimensions), "u")
    let joined = CompiledGraph(graph, outputs: [y])
    let alone = CompiledGraph(graph, outputs: [y] + graph.values)
    let all = alone.run(x)
    #expect(all[1] == x && all.count == 1 + graph.values.count)
    #expect(
      zip(graph.values, all.dropFirst()).allSatisfy { $1.shape.removing(axis: 0) == graph.shape(of: $0) })
    #expect(joined.run(x)[0].mismatch(with: all[0], relativeToLargest: 1e-5) == nil, "\(name)")
    let slopes = [joined, alone].map {
      $0.outputAndInputGradient(at: x) { _, rows in u[rows: rows] }.gradient
    }
    #expect(slopes[0].mismatch(with: slopes[1], relativeToLargest: 1e-5) == nil, "\(name)")
  }

  // Sparse execution joins residuals, ReLUs and affine maps as dense execution does, and has the dense gradient.
  @Test func sparseIsMaskedDense() {
    func compiled(_ execution: WeightExecution) -> CompiledGraph {
      var g = ComputationGraph(input: [6, 9, 10])
      func conv(_ x: Value, _ label: String, _ settings: ConvolutionSettings) -> Value {
        let weight = Self.uniform([6, 6 / settings.groups, 3, 3], label)
        return g.convolution(
          x, weight: weight * Self.uniform(weight.shape, label + " mask").relu(),
          bias: Self.uniform([6], label + " bias"), settings: settings, execution: execution)
      }
      let y = g.relu(conv(g.input, "first", ConvolutionSettings(padding: 1)))
      let z = conv(y, "second", ConvolutionSettings(padding: 1, groups: 3))
      let scaled = g.affine(z, scale: Self.uniform([6], "scale"), shift: Self.uniform([6], "shift"))
      let sum = g.relu(g.sum(scaled, y))
      let ended = g.affine(sum, scale: Self.uniform([6], "last"), shift: Self.uniform([6], "last shift"))
      let small = conv(ended, "third", ConvolutionSettings(stride: 2))
      let weight = Self.uniform([5, 96], "linear") * Self.uniform([5, 96], "linear mask").relu()
      let last = g.linear(
        g.flatten(small), weight: weight, bias: Self.uniform([5], "b"), execution: execution)
      let rectified = g.relu(last)
      return CompiledGraph(g, outputs: [rectified, small])
    }
    let (dense, sparse) = (compiled(.dense), compiled(.sparse))
    for count in [1, 7] {
      let x = Self.uniform([count, 6, 9, 10], "x")
      for (a, b) in zip(sparse.run(x), dense.run(x)) {
        #expect(a.mismatch(with: b, relativeToLargest: 1e-5) == nil)
      }
      let slopes = [sparse, dense].map { $0.outputAndInputGradient(at: x) { y, _ in y }.gradient }
      #expect(slopes[1].sumOfSquares() > 0)
      #expect(slopes[0].mismatch(with: slopes[1], relativeToLargest: 1e-5) == nil)
    }
  }

  // The gradient starts from the first output, wherever it stands in the graph.
  @Test func firstOutputNeedNotBeLast() {
    var graph = ComputationGraph(input: [2])
    let y = graph.linear(graph.input, weight: Tensor([[1, 2], [3, 4], [5, 6]]), bias: Tensor([1, 0, -1]))
    let z = graph.linear(graph.relu(y), weight: Tensor([[1, 1, 1]]), bias: nil)
    let compiled = CompiledGraph(graph, outputs: [y, z, y])
    let x = Tensor([[1, -1], [0, 1]])
    let results = compiled.run(x)
    #expect(results[0] == Tensor([[0, -1, -2], [3, 4, 5]]) && results[2] == results[0])
    #expect(results[1] == Tensor([[0], [12]]))
    let (output, gradient) = compiled.outputAndInputGradient(at: x) { _, rows in
      Tensor([[1, 0, 0], [0, 1, -1]])[rows: rows]
    }
    #expect(output == results[0] && gradient == Tensor([[1, 2], [-2, -2]]))
  }

  // NaN must come out, not be rectified away: a broken model would look like a robust one.
  @Test func notANumberComesOut() {
    var graph = ComputationGraph(input: [1, 2, 2])
    let weight = Tensor.ones(shape: [1, 1, 1, 1])
    let y = graph.convolution(graph.input, weight: weight, bias: nil, settings: ConvolutionSettings())
    let z = graph.maxPool(graph.relu(y), PoolingWindow(2))
    let compiled = CompiledGraph(graph, outputs: [z])
    let x = Tensor(shape: [2, 1, 2, 2], scalars: [1, .nan, 2, 3, 1, 2, 3, 4])
    let output = compiled.run(x)[0].scalars
    #expect(output[0].isNaN && output[1] == 4)
    // and again on the way back
    #expect(compiled.outputAndInputGradient(at: x) { y, _ in y }.output.scalars[0].isNaN)
  }

  private static let linear: CompiledGraph = {
    var graph = ComputationGraph(input: [2])
    let y = graph.linear(graph.input, weight: Tensor([[1, 2]]), bias: nil)
    return CompiledGraph(graph, outputs: [y])
  }()

  /// One wrong operation in a graph of `[2, 4, 4]`.
  private static func add(_ operation: (inout ComputationGraph, Value) -> Value) {
    var graph = ComputationGraph(input: [2, 4, 4])
    let y = operation(&graph, graph.input)
    _ = CompiledGraph(graph, outputs: [y]).run(.ones(shape: [1, 2, 4, 4]))
  }

  /// Calls that would else read or write outside their memory: `RefusalTests` makes them.
  static let refusals = [
    Refusal("CompiledGraph: no outputs") { _ = CompiledGraph(ComputationGraph(input: [2]), outputs: []) },
    Refusal("CompiledGraph: an output that was added to another copy of the graph") {
      var graph = ComputationGraph(input: [2])
      let before = graph
      let y = graph.relu(graph.input)
      _ = CompiledGraph(before, outputs: [y])
    },
    Refusal("CompiledGraph: expected [n] + [2], got [3, 4]") { _ = linear.run(.ones(shape: [3, 4])) },
    Refusal("CompiledGraph: expected [n] + [2], got [2]") { _ = linear.run(.ones(shape: [2])) },
    Refusal("CompiledGraph: upstream [2, 1] for an output [3, 1]") {
      _ = linear.outputAndInputGradient(at: .ones(shape: [3, 2])) { _, _ in .ones(shape: [2, 1]) }
    },
    Refusal("linear: weight [1, 3] for a sample [2, 4, 4]") {
      add { g, x in g.linear(x, weight: Tensor([[1, 2, 3]]), bias: nil) }
    },
    Refusal("linear: weight [3, 32] with bias [1]") {
      add { g, x in g.linear(g.flatten(x), weight: .ones(shape: [3, 32]), bias: Tensor([1])) }
    },
    Refusal("convolution: weight [3, 2, 1, 1] with bias [2]") {
      add { g, x in
        g.convolution(
          x, weight: .ones(shape: [3, 2, 1, 1]), bias: Tensor([1, 2]), settings: ConvolutionSettings())
      }
    },
    Refusal("affine: scale [3] and shift [2] for a sample [2, 4, 4]") {
      add { g, x in g.affine(x, scale: Tensor([1, 2, 3]), shift: Tensor([1, 2])) }
    },
    Refusal("reshape: [2, 4, 4] holds 32, not [31]") { add { g, x in g.reshape(x, to: [31]) } },
    Refusal("sum: [2, 4, 4] and [32]") { add { g, x in g.sum(x, g.flatten(x)) } },
    Refusal("custom operation: expected [1, 2, 4, 4], got [1, 1, 4, 4]") {
      add { g, x in
        g.custom(
          x, shape: [2, 4, 4],
          ComputationGraph.Custom(forward: { _ in .ones(shape: [1, 1, 4, 4]) }, gradient: { $1 }))
      }
    },
    Refusal("custom operation: a gradient [1, 1, 4, 4] for [1, 2, 4, 4]") {
      var graph = ComputationGraph(input: [2, 4, 4])
      let y = graph.custom(
        graph.input, shape: [2, 4, 4],
        ComputationGraph.Custom(forward: { $0 }, gradient: { _, _ in .ones(shape: [1, 1, 4, 4]) }))
      let x = Tensor.ones(shape: [1, 2, 4, 4])
      _ = CompiledGraph(graph, outputs: [y]).outputAndInputGradient(at: x) { y, _ in y }
    },
  ]
}

extension ComputationGraph {
  /// All results, the sample first.
  fileprivate var values: [Value] { nodes.indices.map(Value.init) }
}
