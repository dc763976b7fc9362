extension ComputationGraph.Operation {
  /// A convolution that gives what this one gives after an affine map of its channels; nil for another operation.
  ///
  ///     s (w * x + b) + t = (s w) * x + (s b + t)
  func folded(with affine: (scale: Tensor, shift: Tensor)) -> ComputationGraph.Operation? {
    guard case .convolution(let weight, let bias, let settings, let execution) = self else { return nil }
    return .convolution(
      weight: weight * affine.scale.reshaped(to: [weight.shape[0], 1, 1, 1]),
      bias: affine.scale * (bias ?? .zeros(shape: affine.scale.shape)) + affine.shift,
      settings: settings, execution: execution)
  }

  /// The same operation with another weight; itself where it has none.
  func replacing(weight other: Tensor) -> ComputationGraph.Operation {
    switch self {
    case .convolution(_, let bias, let settings, let execution):
      .convolution(weight: other, bias: bias, settings: settings, execution: execution)
    case .linear(_, let bias, let execution): .linear(weight: other, bias: bias, execution: execution)
    default: self
    }
  }
}

extension ComputationGraph {
  /// This graph without operations that do not lead to the output, and with affine maps folded into the convolutions before
  /// them where nobody else reads these: what a plan of the output computes.
  ///
  /// - Returns: the graph, its output, and for each operation its place in this graph.
  func folded(output: Value) -> (graph: ComputationGraph, output: Value, origins: [Int]) {
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    isNeeded[output.index] = true
    for index in nodes.indices.reversed() where isNeeded[index] {
      for input in nodes[index].inputs { isNeeded[input] = true }
    }
    var uses = [Int](repeating: 0, count: nodes.count)
    for index in nodes.indices where isNeeded[index] {
      for input in nodes[index].inputs { uses[input] += 1 }
    }
    var graph = ComputationGraph(input: nodes[0].shape)
    var origins = [0]
    var places = [0: 0]
    for index in nodes.indices.dropFirst() where isNeeded[index] {
      let node = nodes[index]
      if case .affine(let scale, let shift) = node.operation, uses[node.inputs[0]] == 1,
        let place = places[node.inputs[0]],
        let operation = graph.nodes[place].operation.folded(with: (scale, shift))
      {
        graph.nodes[place].operation = operation
        places[index] = place
        continue
      }
      places[index] = graph.nodes.count
      graph.nodes.append(
        Node(operation: node.operation, inputs: node.inputs.map { places[$0]! }, shape: node.shape))
      origins.append(index)
    }
    return (graph, Value(index: places[output.index]!), origins)
  }
}
