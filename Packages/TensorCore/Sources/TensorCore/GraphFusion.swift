/// A step of a compiled graph: one operation with what could be joined to it. Slots are indices of graph nodes.
struct GraphStep: Sendable {
  var operation: ComputationGraph.Operation
  /// The operation's own place in the graph.
  let place: Int
  var inputs: [Int]
  /// A residual that a convolution adds before its ReLU.
  var addend: Int?
  var thenReLU = false
  /// An affine map after the ReLU.
  var scale: Tensor?
  var shift: Tensor?
  var output: Int
}

/// Joins what runs in one pass over memory.
struct GraphFusion {
  private let graph: ComputationGraph
  private let kept: Set<Int>
  private var uses: [Int]
  private var steps: [GraphStep] = []
  /// Where the step stands that makes a value.
  private var maker: [Int: Int] = [:]

  /// - Parameter endings: whether an affine map after a ReLU may join the convolution: a backward pass then could no
  ///   longer tell where the ReLU was closed.
  static func steps(of graph: ComputationGraph, kept: Set<Int>, endings: Bool) -> [GraphStep] {
    var fusion = GraphFusion(graph, kept)
    for index in graph.nodes.indices.dropFirst() { fusion.add(index, endings: endings) }
    return fusion.steps
  }

  private init(_ graph: ComputationGraph, _ kept: Set<Int>) {
    self.graph = graph
    self.kept = kept
    uses = [Int](repeating: 0, count: graph.nodes.count)
    for node in graph.nodes { for input in node.inputs { uses[input] += 1 } }
  }

  private mutating func add(_ index: Int, endings: Bool) {
    let node = graph.nodes[index]
    switch node.operation {
    case .input: return
    case .affine(let scale, let shift):
      if join(node.inputs[0], index, affine: (scale, shift), endings) { return }
    case .relu: if joinReLU(node.inputs[0], index) { return }
    case .sum: if joinSum(node.inputs, index) { return }
    default: break
    }
    maker[index] = steps.count
    steps.append(GraphStep(operation: node.operation, place: index, inputs: node.inputs, output: index))
  }

  /// The step that makes a value which nobody else needs.
  private func soleMaker(of value: Int) -> Int? {
    uses[value] == 1 && !kept.contains(value) ? maker[value] : nil
  }

  private mutating func redirect(_ place: Int, to index: Int) {
    maker[steps[place].output] = nil
    steps[place].output = index
    maker[index] = place
  }

  private mutating func join(
    _ value: Int, _ index: Int, affine: (scale: Tensor, shift: Tensor), _ endings: Bool
  ) -> Bool {
    guard let place = soleMaker(of: value), steps[place].scale == nil,
      case .convolution = steps[place].operation
    else { return false }
    if steps[place].thenReLU || steps[place].addend != nil {
      if !endings { return false }
      steps[place].scale = affine.scale
      steps[place].shift = affine.shift
    } else {
      steps[place].operation = steps[place].operation.folded(with: affine)!
    }
    redirect(place, to: index)
    return true
  }

  private mutating func joinReLU(_ value: Int, _ index: Int) -> Bool {
    guard let place = soleMaker(of: value), !steps[place].thenReLU, steps[place].scale == nil else {
      return false
    }
    switch steps[place].operation {
    case .convolution, .linear, .maxPool, .sum, .affine: break
    default: return false
    }
    steps[place].thenReLU = true
    redirect(place, to: index)
    return true
  }

  /// A residual sum joins the convolution that comes last, so that the other operand is there when it runs.
  private mutating func joinSum(_ inputs: [Int], _ index: Int) -> Bool {
    for (value, other) in [(inputs[1], inputs[0]), (inputs[0], inputs[1])] {
      guard value != other, let place = soleMaker(of: value), case .convolution = steps[place].operation,
        !steps[place].thenReLU, steps[place].addend == nil, steps[place].scale == nil,
        (maker[other] ?? -1) < place
      else { continue }
      steps[place].addend = other
      redirect(place, to: index)
      return true
    }
    return false
  }
}
