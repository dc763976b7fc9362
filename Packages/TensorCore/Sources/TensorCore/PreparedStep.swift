/// Weights packed for steps that the forward and the gradient list share.
final class PreparedWeights {
  private var convolutions: [Int: PreparedConvolution] = [:]

  func convolution(at slot: Int, _ make: () -> PreparedConvolution) -> PreparedConvolution {
    if let found = convolutions[slot] { return found }
    let made = make()
    convolutions[slot] = made
    return made
  }
}

/// A step with its weights packed.
struct PreparedStep: Sendable {
  private enum Work: Sendable {
    case convolution(PreparedConvolution, bias: Tensor?, back: PreparedConvolution?)
    case linear(PreparedProduct, back: PreparedProduct?)
    case sparseLinear(SparseMatrix, bias: Tensor?, back: PreparedProduct?)
    case affine(forward: ChannelNormalization, back: ChannelNormalization)
    case maxPool(PoolingWindow)
    case averagePool(PoolingWindow, countsPadding: Bool)
    case adaptiveAveragePool(Extent)
    case relu
    case reshape
    case sum
    case custom(ComputationGraph.Custom)
  }

  private let work: Work
  private let step: GraphStep
  /// The result's shape without the batch.
  let shape: Shape
  /// Values that nobody needs after this step.
  private let dead: [Int]
  private let keepsPlaces: Bool

  var output: Int { step.output }
  /// The operation's own place in the graph.
  var place: Int { step.place }

  init(_ step: GraphStep, _ graph: ComputationGraph, weights: PreparedWeights, dead: [Int], gradients: Bool) {
    self.step = step
    self.dead = dead
    keepsPlaces = gradients
    shape = graph.nodes[step.output].shape
    let image = graph.nodes[step.inputs[0]].shape
    switch step.operation {
    case .convolution(let weight, let bias, let settings, let execution):
      func make(_ pass: ConvolutionPass) -> PreparedConvolution {
        PreparedConvolution(
          weight: weight, settings: settings, image: image, pass: pass, execution: execution)
      }
      // The lists join operations alike up to the end of a ReLU, and the value before it tells the weights.
      work = .convolution(
        weights.convolution(at: step.inputs[0] * graph.nodes.count + step.output) { make(.forward) },
        bias: bias,
        back: gradients ? make(.inputGradient) : nil)
    case .linear(let weight, let bias, let execution):
      let back = gradients ? PreparedProduct(weight, transposed: false) : nil
      switch execution {
      case .dense: work = .linear(PreparedProduct(weight, transposed: true, bias: bias), back: back)
      case .sparse: work = .sparseLinear(SparseMatrix(weight), bias: bias, back: back)
      case .direct, .winograd: preconditionFailure("linear: \(execution) is a way to compute convolutions")
      }
    case .affine(let scale, let shift):
      let zeros = Tensor.zeros(shape: scale.shape)
      let identity = ChannelStatistics(mean: zeros, variance: .ones(shape: scale.shape))
      work = .affine(
        forward: ChannelNormalization(
          identity, epsilon: 0, weight: scale, bias: shift, thenReLU: step.thenReLU),
        back: ChannelNormalization(identity, epsilon: 0, weight: scale, bias: zeros))
    case .maxPool(let window): work = .maxPool(window)
    case .averagePool(let window, let counts): work = .averagePool(window, countsPadding: counts)
    case .adaptiveAveragePool(let size): work = .adaptiveAveragePool(size)
    case .relu: work = .relu
    case .reshape: work = .reshape
    case .sum: work = .sum
    case .custom(let custom): work = .custom(custom)
    case .input: preconditionFailure("PreparedStep: the input is no step")
    }
  }

  /// Runs forward and lets go of values that are not needed any more.
  func run(_ values: inout [Tensor?]) {
    var places: [MaxPoolingPlaces?] = []
    values[step.output] = result(values, &places)
    for slot in dead { values[slot] = nil }
  }

  /// Runs forward and keeps what the way back needs.
  func run(_ values: inout [Tensor?], places: inout [MaxPoolingPlaces?]) {
    values[step.output] = result(values, &places)
  }

  /// The result's shape for a batch.
  private func batchShape(of x: Tensor) -> Shape {
    shape.inserting(axis: 0).replacing(axis: 0, with: x.shape[0])
  }

  private func result(_ values: [Tensor?], _ places: inout [MaxPoolingPlaces?]) -> Tensor {
    let x = values[step.inputs[0]]!
    switch work {
    case .convolution(let convolution, let bias, _):
      return convolution(
        x, bias: bias, addend: step.addend.map { values[$0]! }, thenReLU: step.thenReLU, scale: step.scale,
        shift: step.shift)
    case .linear(let product, _): return product(x, thenReLU: step.thenReLU)
    case .sparseLinear(let weight, let bias, _):
      return x.linear(weight: weight, bias: bias, thenReLU: step.thenReLU)
    case .affine(let map, _): return map(x)
    case .maxPool(let window):
      if !keepsPlaces { return x.maxPooled(window, thenReLU: step.thenReLU) }
      let (y, found) = x.maxPooledWithPlaces(window, thenReLU: step.thenReLU)
      places[step.output] = found
      return y
    case .averagePool(let window, let counts): return x.averagePooled(window, countsPadding: counts)
    case .adaptiveAveragePool(let size): return x.adaptiveAveragePooled(to: size)
    case .relu: return x.relu()
    case .reshape: return x.reshaped(to: batchShape(of: x))
    case .sum:
      let other = values[step.inputs[1]]!
      return step.thenReLU ? x.addedThenReLU(other) : x + other
    case .custom(let custom):
      let (y, expected) = (custom.forward(x), batchShape(of: x))
      precondition(y.shape == expected, "custom operation: expected \(expected), got \(y.shape)")
      return y
    }
  }

  /// Passes the gradient of the result back to the inputs, adding to what is there.
  func runBack(_ values: [Tensor?], _ places: [MaxPoolingPlaces?], _ slopes: inout [Tensor?]) {
    guard var dy = slopes[step.output] else { return }
    slopes[step.output] = nil
    let x = values[step.inputs[0]]!
    func add(_ part: Tensor, to slot: Int) { slopes[slot] = slopes[slot].map { $0 + part } ?? part }
    func gated() -> Tensor { step.thenReLU ? dy.wherePositive(values[step.output]!) : dy }
    switch work {
    case .convolution(_, _, let back):
      var gate = step.thenReLU ? values[step.output]! : nil
      if let addend = step.addend {
        dy = gated()
        gate = nil
        add(dy, to: addend)
      }
      slopes[step.inputs[0]] = back!(dy, gate: gate, addend: slopes[step.inputs[0]])
    case .linear(_, let back), .sparseLinear(_, _, let back): add(back!(gated()), to: step.inputs[0])
    case .affine(_, let back): add(back(gated()), to: step.inputs[0])
    case .maxPool: add(places[step.output]!.gradient(upstream: dy), to: step.inputs[0])
    case .averagePool(let window, let counts):
      add(dy.averagePoolingGradient(window, countsPadding: counts, input: x.shape), to: step.inputs[0])
    case .adaptiveAveragePool: add(dy.adaptiveAveragePoolingGradient(input: x.shape), to: step.inputs[0])
    case .relu: add(dy.wherePositive(values[step.output]!), to: step.inputs[0])
    case .reshape: add(dy.reshaped(to: x.shape), to: step.inputs[0])
    case .sum:
      let part = gated()
      add(part, to: step.inputs[0])
      add(part, to: step.inputs[1])
    case .custom(let custom):
      let dx = custom.gradient(x, dy)
      precondition(dx.shape == x.shape, "custom operation: a gradient \(dx.shape) for \(x.shape)")
      add(dx, to: step.inputs[0])
    }
  }
}
